"""The script of docs/your-task.md, on a spreadsheet with few rows of some labels."""

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "your-task.md"
ROWS = {"a": 150, "b": 80, "c": 40, "d": 15, "e": 8, "f": 4, "g": 2, "h": 1}


def test_the_script_uses_every_labelled_row_once_and_tests_each_label(tmp_path: Path) -> None:
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    folder = tmp_path / "prompts" / "tickets"
    folder.mkdir(parents=True)
    rows = [(f"text {n} of {label}", label) for label, count in ROWS.items() for n in range(count)]
    unlabelled = [("nobody knows", ""), ("nor here", " ")]
    with (tmp_path / "tickets.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows, *unlabelled, ("  ", "a")])
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    found = {
        name: [
            json.loads(line)
            for line in (folder / f"{name}.jsonl").read_text("utf-8").split("\n")[:-1]
        ]
        for name in ("seeds", "gold", "inputs")
    }
    labelled = [(row["input"], row["label"]) for name in ("seeds", "gold") for row in found[name]]
    assert sorted(labelled) == sorted(rows)
    assert found["inputs"] == [{"input": text} for text, _ in unlabelled]
    tested = Counter(row["label"] for row in found["gold"])
    assert tested == {"a": 60, "b": 32, "c": 16, "d": 6, "e": 3, "f": 1, "g": 1}
    assert {row["label"] for row in found["seeds"]} == set(ROWS)
