"""The commands of docs/your-task.md that make a task, on a table like the one that it shows."""

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from distill.cli import cli
from distill.task.loading import load_task
from tests.task.new.test_new import as_csv

PAGE = Path(__file__).parents[1] / "docs" / "your-task.md"
ROWS = {"a": 150, "b": 80, "c": 40, "d": 15, "e": 8, "f": 6}


def test_every_labelled_row_is_used_once_and_each_label_is_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    command = re.findall(r"^distill (new .*)$", page, re.MULTILINE)[0]
    draw = random.Random(1)
    texts = [
        (f"{label} {n} {' '.join(draw.choices('abcdefghijklmnopqrstuvwxyz', k=20))}", label)
        for label, count in ROWS.items()
        for n in range(count)
    ]
    unlabelled = [("nobody knows", ""), ("nor here", " ")]
    monkeypatch.chdir(tmp_path)
    table = as_csv([*texts, *unlabelled], head=("Message", "Team"))
    (tmp_path / "tickets.csv").write_text(table, encoding="utf-8-sig")
    shown = CliRunner().invoke(cli, command.split())
    assert shown.exit_code == 0, shown.output
    task = load_task(tmp_path / "prompts", "tickets")
    rows = [(row.input, row.answer) for row in (*task.gold, *task.seeds, *task.examples)]
    assert sorted(rows) == sorted(texts)
    assert list(task.inputs) == [text for text, _ in unlabelled]
    tested = Counter(row.answer for row in task.gold)
    assert set(tested) == set(ROWS) and min(tested.values()) >= 3
    assert {row.answer for row in task.seeds} == set(ROWS)
    for line in ("input     Message", "answer    Team (6 labels)", "next: distill check tickets"):
        assert line in shown.output + shown.stderr
