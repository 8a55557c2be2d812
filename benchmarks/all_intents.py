"""The trainer alone: all 77 intents of banking77 from human labels, tested on every test row.

    python -m benchmarks.all_intents --data FOLDER [--rows 3000] [--seed 0] [--recipe JSON]
        [--dev N]

FOLDER holds train.jsonl.gz and test.jsonl (rows {"input", "label"}). The rows are drawn from the
train file, leaving out what stands in the test file, too; no teacher takes part. The student is
trained by the task's own trainer, served by vLLM, and asked for one of the labels' names; beside it
linear models on the very same rows. Prints a line for each and, as its last line, one JSON object
with every figure, the targets and "ok"; exit code 1 when a target is missed.
"""

import argparse
import gzip
import json
import random
import shutil
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.real_classify import PROMPTS, natural, write_rows
from distill.core.dataset import Example, SplitExample
from distill.core.progress import shown
from distill.core.purpose import Purpose
from distill.core.requests import PlannedRequest
from distill.core.students import Student
from distill.core.text import fold, stable_hash
from distill.core.workspace import EVENTS, Workspace
from distill.evaluate.statistics import paired_difference, wilson_interval
from distill.evaluate.systems import serve, student_model
from distill.llm.complete import complete_requests, lazy_endpoint
from distill.serve import ServerSettings
from distill.task import Task
from distill.task.loading import load_task
from distill.task.prompts import student_request
from distill.task.run_context import Context
from distill.text.classifiers import fit_embeddings, fit_tfidf
from distill.train import train_on

NAME = "banking77-all"
RUN = "all-intents"
CONFIDENCE = 0.95
MOST_MINUTES = 30.0
# All rows train, so nothing validates; so many epochs fit into the minutes on two cores.
RECIPE = {"patience": 0, "epochs": 3}
PROMPT = "Which intent?\n"  # every token of it is paid for in every row

Row = dict[str, str]


def main() -> int:
    """Draw, train, ask, compare."""
    options = parse()
    drawn = write_task(options.work / "prompts" / NAME, options)
    task = load_task(options.work / "prompts", NAME)
    workspace = Workspace(options.work / "prompts", options.work / "runs")
    folder = workspace.run_folder(NAME, RUN)
    with shown(folder / EVENTS) as progress:
        context = Context(task, RUN, folder, workspace.database(NAME), progress)
        began = perf_counter()
        student = train_on(context, split_of(drawn), folder / "student")
        minutes = (perf_counter() - began) / 60
        right = {"student": answered_right(context, student)}
    right |= rivals_right(task, drawn)
    verdict = check(right, minutes) | {"rows": len(drawn), "recipe": student.recipe}
    for name, row in verdict["systems"].items():
        print(f"{name:12} {row['right']:.2%} ({row['ci_low']:.2%}…{row['ci_high']:.2%})")
    print(json.dumps(verdict))
    return 0 if verdict["ok"] else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0, help="draws the rows; trains with it")
    parser.add_argument("--recipe", type=json.loads, default={}, help="values under [student]")
    parser.add_argument("--dev", type=int, default=0, help="test on so many other train rows")
    parser.add_argument("--work", type=Path, default=Path("runs") / "all-intents")
    return parser.parse_args()


def write_task(folder: Path, options: argparse.Namespace) -> list[Row]:
    """A task of all intents, whose gold is what is tested on; the drawn rows."""
    with gzip.open(options.data / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        train = [json.loads(line) for line in file]
    with (options.data / "test.jsonl").open(encoding="utf-8") as file:
        test = [json.loads(line) for line in file]
    tested = {fold(row["input"]) for row in test}
    own = [row for row in train if fold(row["input"]) not in tested]
    drawn = random.Random(options.seed).sample(own, options.rows + options.dev)
    drawn, dev = drawn[: options.rows], drawn[options.rows :]
    folder.mkdir(parents=True, exist_ok=True)
    for prompt in ("synthesize.md", "answer.md"):
        shutil.copy(PROMPTS / prompt, folder / prompt)
    (folder / "student.md").write_text(PROMPT, encoding="utf-8")
    of_each_label = {row["label"]: row for row in drawn}
    write_rows(folder / "seeds.jsonl", list(of_each_label.values()))
    write_rows(folder / "gold.jsonl", dev or test)
    labels = [natural(label) for label in sorted({row["label"] for row in train})]
    recipe = RECIPE | {"seed": options.seed} | options.recipe
    lines = [f'name = "{NAME}"', 'kind = "classify"', "[labels]"]
    lines += [f'"{label}" = "{label}"' for label in labels]
    lines += ["[student]", *(f"{key} = {json.dumps(value)}" for key, value in recipe.items())]
    (folder / "task.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return drawn


def split_of(rows: list[Row]) -> list[SplitExample]:
    """All of them train."""
    return [
        SplitExample(
            Example(stable_hash([row["input"]]), row["input"], natural(row["label"]), "inputs"),
            "train",
        )
        for row in rows
    ]


def answered_right(context: Context, student: Student) -> list[float]:
    """1.0 or 0.0 for each gold row, from the served student."""
    task = context.task
    tuned = student_model(student)
    settings = ServerSettings(
        in_flight=32, usd_per_hour=task.spec.machine.usd_per_hour, log=context.log("student")
    )
    asks = [
        PlannedRequest(
            Purpose.of_system("student"), row.input, student_request(task, tuned, row.input)
        )
        for row in task.gold
    ]
    with (
        context.store() as store,
        lazy_endpoint(
            tuned, lambda: serve(tuned, settings), "evaluate", context.progress
        ) as endpoint,
    ):
        answered = complete_requests(context, store, asks, endpoint)
    texts = [row.completion.text.strip() for row in answered]
    return [float(text == row.answer) for text, row in zip(texts, task.gold, strict=True)]


def rivals_right(task: Task, drawn: list[Row]) -> dict[str, list[float]]:
    """The same of linear models on the same rows."""
    inputs, labels = [row["input"] for row in drawn], [natural(row["label"]) for row in drawn]
    found = {}
    for name, fit in {"linear": fit_tfidf, "embeddings": fit_embeddings}.items():
        said = fit(inputs, labels).predict([row.input for row in task.gold])
        found[name] = [float(str(a) == row.answer) for a, row in zip(said, task.gold, strict=True)]
    return found


def check(right: dict[str, list[float]], minutes: float) -> dict[str, Any]:
    """Every system's share with its interval, the leads, and whether the targets are reached."""
    shares = {name: wilson_interval(values, CONFIDENCE) for name, values in right.items()}
    systems = {
        name: {"right": found.value, "ci_low": found.low, "ci_high": found.high}
        for name, found in shares.items()
    }
    lead = paired_difference(right["student"], right["linear"], CONFIDENCE)
    above = shares["student"].value > shares["linear"].value
    return {
        "systems": systems,
        "lead": {"value": lead.value, "ci_low": lead.low, "ci_high": lead.high},
        "train_minutes": round(minutes, 1),
        "targets": {"above": "linear", "train_minutes": MOST_MINUTES},
        "ok": above and minutes <= MOST_MINUTES,
    }


if __name__ == "__main__":
    sys.exit(main())
