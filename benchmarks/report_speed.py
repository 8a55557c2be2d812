"""How long does `distill report` take on a large run?

    python -m benchmarks.report_speed [--predictions 10000] [--completions 100000]

A store is filled as a run would fill it: so many completions, of which those of four systems answer
gold, the others answer candidates, half of which are dropped; five systems, so many predictions in
all. Then the command itself is timed, imports included, three times. Prints the seconds of each
and, as its last line, one JSON object with the figures, the target and "ok"; exit code 1 when the
median is above it.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from distill import pipeline
from distill.core.dataset import (
    Candidate,
    Drop,
    Example,
    GroupDiversity,
    LabelledExample,
    SplitExample,
)
from distill.core.evaluation import Prediction, Score
from distill.core.purpose import ANSWER, Purpose
from distill.core.requests import Completion, Message, PlannedRequest, Request, Sampling
from distill.core.students import Student
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions, begin
from distill.store import Store, open_store
from distill.task import Task
from distill.task.loading import load_task

MOST_SECONDS = 5.0
SERVED = ("teacher", "student", "base", "base_few_shot")
SYSTEMS = (*SERVED, "linear")
RIGHT = 0.8  # of the answers
ROUNDS = 3
COMMAND = "from distill.cli import main; main()"


def main() -> int:
    """Fill a store, time the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--predictions", type=int, default=10_000)
    parser.add_argument("--completions", type=int, default=100_000)
    options = parser.parse_args()
    with TemporaryDirectory() as scratch:
        workspace = Workspace(Path(scratch) / "prompts", Path(scratch) / "runs")
        task = write_task(workspace.prompts, options.predictions // len(SYSTEMS))
        run, task = begin(workspace, task, RunOptions())
        with open_store(workspace.database(task.name)) as store:
            fill(store, task, run.id, options.completions)
        seconds = [timed(workspace, task.name, run.id) for _ in range(ROUNDS)]
    ok = median(seconds) <= MOST_SECONDS
    found = {"seconds": seconds, "median": median(seconds), "most": MOST_SECONDS, "ok": ok}
    counts = {"predictions": options.predictions, "completions": options.completions}
    print(json.dumps(counts | found))
    return 0 if ok else 1


def write_task(prompts: Path, gold: int) -> Task:
    """The bundled task with so many gold rows."""
    shutil.copytree(Path("prompts") / "classify", prompts / "classify")
    known = load_task(prompts, "classify")
    rows = (known.gold[place % len(known.gold)] for place in range(gold))
    lines = (
        json.dumps({"input": f"{row.input} ({place})", "label": row.answer})
        for place, row in enumerate(rows)
    )
    (prompts / "classify" / "gold.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_task(prompts, "classify")


def fill(store: Store, task: Task, run: str, completions: int) -> None:
    """All stages but the report."""
    draw = random.Random(0)
    candidates = [
        Candidate(f"message {n}", None, (draw.choice(task.form.choices),), "inputs", str(n))
        for n in range(completions - len(SERVED) * len(task.gold))
    ]
    asks = [ask(ANSWER, row.input) for row in candidates]
    answer(store, run, asks, [row.answer for row in candidates])
    named = [
        Candidate(row.input, None, row.answers, row.source, row.origin, (one.request.id,))
        for row, one in zip(candidates, asks, strict=True)
    ]
    store.add_candidates(run, named)
    dropped = named[::2]
    store.add_drops(run, [Drop(row.id, "agreement", "votes differ") for row in dropped])
    kept = [Example(row.id, row.input, row.answer, row.source) for row in named[1::2]]
    store.add_examples(run, kept)
    store.add_split(run, [SplitExample(row, "train") for row in kept])
    store.add_spreads(run, [GroupDiversity(x, 1, 0.5, 0.5, 0.5, 0.5) for x in task.form.choices])
    store.add_student(run, student(store, run))
    for system in SYSTEMS:
        predict(store, task, run, system, draw)
    for stage in pipeline.STAGES:
        if stage != "report":
            store.finish_stage(run, stage, 1.0)


def student(store: Store, run: str) -> Student:
    """Some student."""
    return Student("s", "base", "unsloth", {"epochs": 2}, "hash", Path("student"), 60.0, 1000)


def ask(purpose: Purpose, text: str, system: str = "") -> PlannedRequest:
    """A request as long as real ones are."""
    turns = (Message("user", f"{'words ' * 150}{text}"),)
    return PlannedRequest(purpose, text, Request(f"model {system}", turns, Sampling(max_tokens=16)))


def answer(store: Store, run: str, asks: list[PlannedRequest], texts: list[str]) -> None:
    """Write asks and their answers down."""
    store.add_asks(run, asks)
    now = datetime.now(UTC)
    store.add_completions(
        [
            Completion(one.request.id, text, "stop", 300, 3, Decimal("0.0001"), 0.5, now)
            for one, text in zip(asks, texts, strict=True)
        ]
    )


def predict(store: Store, task: Task, run: str, system: str, draw: random.Random) -> None:
    """A system's answers on gold, of which RIGHT are right."""
    said = [given(task, row, draw) for row in task.gold]
    asks = [ask(Purpose.of_system(system), row.input, system) for row in task.gold]
    if system in SERVED:
        answer(store, run, asks, said)
    ids: Iterator[str | None] = (one.request.id if system in SERVED else None for one in asks)
    rows = [
        Prediction(system, gold.id, text, True, 0.5, id_, draw.random())
        for gold, text, id_ in zip(task.gold, said, ids, strict=True)
    ]
    scores = [
        Score(system, gold.id, "accuracy", float(text == gold.answer))
        for gold, text in zip(task.gold, said, strict=True)
    ]
    store.add_predictions(run, rows, scores)


def given(task: Task, row: LabelledExample, draw: random.Random) -> str:
    """An answer to a gold row."""
    return row.answer if draw.random() < RIGHT else draw.choice(task.form.choices)


def timed(workspace: Workspace, name: str, run: str) -> float:
    """Seconds of the command; the report is to be written anew each time."""
    with open_store(workspace.database(name)) as store:
        store.rows("DELETE FROM stage WHERE run_id = ? AND stage = 'report'", run)
    (workspace.run_folder(name, run) / "student").mkdir(exist_ok=True)
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    began = perf_counter()
    subprocess.run(
        [sys.executable, "-c", COMMAND, *folders, "report", name], check=True, stdout=sys.stderr
    )
    seconds = perf_counter() - began
    print(f"{seconds:.1f} s")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
