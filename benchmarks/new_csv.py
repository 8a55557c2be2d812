"""`distill new`: how long, and how much memory, for a CSV file of a gigabyte.

    python -m benchmarks.new_csv [--mb 1000] [--folder FOLDER]

The file is made up: messages of 20 to 140 words with one of eight skewed labels, and two columns
more. Every hundredth row has no label, and every fiftieth text holds a quote and a line end. The
task is made in a process of its own, whose peak memory and processor time are measured. The file
is written to FOLDER, or to the folder of temporary files, and deleted. Prints the figures and, as
its last line, one JSON object with all of them, the targets and "ok"; exit code 1 when a target is
missed.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from itertools import accumulate
from pathlib import Path

VOCABULARY = 20_000  # words, the n-th of them with a weight of 1 / n
LETTERS = "etaoinshrdlucmfwypvbgk"
ROWS_AT_ONCE = 1000
AT_MOST = {"cpu_seconds": 240.0, "mb": 1000.0}
LABELS = {
    **{"billing": 30, "delivery": 25, "returns": 15, "account": 10, "technical": 8},
    **{"complaint": 6, "praise": 4, "other": 2},
}
# Runs in the measured process: folder, table → seconds, peak in MB, and what was made.
CHILD = """
import json, resource, sys, time
from pathlib import Path
from distill.task.new import NewTaskOptions, new_task
began = time.perf_counter()
made = new_task(Path(sys.argv[1]) / "prompts", "big", NewTaskOptions(sys.argv[2])).task
print(json.dumps({
    "seconds": round(time.perf_counter() - began, 1),
    "cpu_seconds": round(time.process_time(), 1),
    "mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    "labels": len(made.labels),
    "gold": len(made.parts.gold),
    "seeds": len(made.parts.seeds),
    "examples": len(made.parts.examples),
    "inputs": len(made.inputs),
}))
"""


def main() -> int:
    """Write the table, make the task, and print the figures with the verdict on the targets."""
    options = parse()
    with tempfile.TemporaryDirectory(dir=options.folder) as work:
        table = Path(work) / "messages.csv"
        began = time.perf_counter()
        rows = write_table(table, options.mb * 10**6)
        size = round(table.stat().st_size / 1e6)
        print(
            f"wrote {rows:,} rows, {size:,} MB, in {time.perf_counter() - began:.0f} s", flush=True
        )
        run = [sys.executable, "-c", CHILD, work, str(table)]
        said = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    figures = json.loads(said.splitlines()[-1])
    print(f"{figures['cpu_seconds']} s of processor time, at most {figures['mb']} MB")
    is_ok = all(figures[key] <= most for key, most in AT_MOST.items())
    print(json.dumps({"csv_mb": size, "rows": rows, **figures, "at_most": AT_MOST, "ok": is_ok}))
    return 0 if is_ok else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mb", type=int, default=1000)
    parser.add_argument("--folder", type=Path)
    return parser.parse_args()


def write_table(path: Path, size: int) -> int:
    """Write rows until the file has `size` bytes, and return their number."""
    draw, number = random.Random(1), 0
    words = ["".join(draw.choices(LETTERS, k=draw.randint(2, 9))) for _ in range(VOCABULARY)]
    shares = list(accumulate(1 / n for n in range(1, VOCABULARY + 1)))
    labels, weights = list(LABELS), list(LABELS.values())
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ticket", "created", "message", "team"])
        while number % ROWS_AT_ONCE or file.tell() < size:
            text = " ".join(draw.choices(words, cum_weights=shares, k=draw.randint(20, 140)))
            if number % 50 == 0:
                text = text.replace(" ", ' "so"\n', 1)
            label = "" if number % 100 == 99 else draw.choices(labels, weights)[0]
            writer.writerow([number, f"2026-11-{1 + number % 28:02}", text, label])
            number += 1
    return number


if __name__ == "__main__":
    sys.exit(main())
