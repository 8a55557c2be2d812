"""The table of systems for a given student, on real rows that people labelled.

    python -m benchmarks.systems --data FOLDER [--student FOLDER] [--rows 1200] [--gold 300]
        [--seeds 48] [--seed 0] [--recipe JSON]

FOLDER is banking77 (rows {"input", "label"}; a student chooses a label) or restaurant8k (rows
{"input", "target"}; a student takes out what a booking needs, and messages with nothing to find are
scored apart): train.jsonl.gz and test.jsonl. The student is the one in --student, a folder that
training left (`student/` of a run); without it one is trained on rows of the train file. Then
teacher, base, base with seeds in its prompt, student and the linear models answer the same test
rows, none of which stands in the train file; rows of that which come too close to one of them are
left out. Prints the report's tables and, as its last line, one JSON object with every figure, the
target (the student is above its base, with and without seeds) and "ok"; exit code 1 when it is
missed.
"""

import argparse
import gzip
import json
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.real_classify import natural
from distill import pipeline
from distill.core.dataset import Example, LabelledExample, SplitExample
from distill.core.progress import shown
from distill.core.students import Student
from distill.core.text import fold, stable_hash
from distill.core.workspace import EVENTS, Workspace
from distill.estimate.run_start import RunOptions, begin
from distill.task.kinds.extract import Fields
from distill.task.leak_gate import find
from distill.task.loading import load_task
from distill.task.run_context import Context
from distill.task.spec import CurateSpec, LeaksSpec
from distill.text.embedding_models import MINILM
from distill.train import read_student, train_on

MADE_ELSEWHERE = ("generate", "curate", "split", "train")
SCHEMA = {
    "type": "object",
    "properties": {
        name: {"type": "string", "description": about, "x-normalize": ["case", "whitespace"]}
        for name, about in {
            "date": "the day of the booking, in the guest's words",
            "time": "the time of day, in the guest's words",
            "people": "how many come, in the guest's words",
            "first_name": "the guest's first name",
            "last_name": "the guest's family name",
        }.items()
    },
}
SYNTHESIZE = """{% for seed in seeds %}
- {{ seed.input }}
{% endfor %}
-
"""
ANSWER = """{% if not seeds %}
{{ description }}
{% endif %}
{% for seed in seeds %}
Message: {{ seed.input }}
Answer: {{ seed.answer }}

{% endfor %}
Message: {{ input }}
Answer:
"""
STUDENT = "Answer:\n"

Row = dict[str, Any]


def main() -> int:
    """Make the task, take or train the student, ask every system, print the tables."""
    options = parse()
    name = f"{options.data.name}-{options.seed}"
    workspace = Workspace(options.work / "prompts", options.work / "runs")
    rows = write_task(workspace.prompts / name, options)
    task = load_task(workspace.prompts, name)
    run, task = begin(workspace, task, RunOptions(new=True))
    folder = workspace.run_folder(name, run.id)
    with shown(folder / EVENTS) as progress:
        context = Context(task, run.id, folder, workspace.database(name), progress)
        if options.student:
            student = replace(read_student(options.student), folder=options.student.resolve())
            (folder / "student").mkdir()  # where the report puts its card
        else:
            student = train_on(context, split_of(rows), folder / "student")
        hand_over(context, student)
    pipeline.run(workspace, name)
    print((folder / "report.md").read_text(encoding="utf-8"))
    verdict = check(json.loads((folder / "report.json").read_text(encoding="utf-8")))
    print(json.dumps(verdict))
    return 0 if verdict["ok"] else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--student", type=Path)
    parser.add_argument("--rows", type=int, default=1200, help="to train on")
    parser.add_argument("--gold", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0, help="draws the rows; trains with it")
    parser.add_argument("--recipe", type=json.loads, default={}, help="values under [student]")
    parser.add_argument("--work", type=Path, default=Path("runs") / "systems")
    return parser.parse_args()


def write_task(folder: Path, options: argparse.Namespace) -> list[Row]:
    """A task folder; the rows to train on, as rows of seeds."""
    with gzip.open(options.data / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        train = [as_row(json.loads(line)) for line in file]
    with (options.data / "test.jsonl").open(encoding="utf-8") as file:
        test = [as_row(json.loads(line)) for line in file]
    labels = sorted({row["label"] for row in (*train, *test) if "label" in row})
    draw = random.Random(options.seed)
    known = {fold(row["input"]) for row in train}
    gold = draw.sample([row for row in test if fold(row["input"]) not in known], options.gold)
    once = apart(list({fold(row["input"]): row for row in train}.values()), gold)
    draw.shuffle(once)
    needed = list({row["label"]: row for row in once}.values()) if labels else []
    seeds = (needed + [row for row in once if row not in needed])[: max(options.seeds, len(needed))]
    folder.mkdir(parents=True, exist_ok=True)
    recipe = {"seed": options.seed, "epochs": 2} | options.recipe
    lines = [f'name = "{folder.name}"', f'kind = "{"classify" if labels else "extract"}"']
    lines += ["[labels]", *(f'"{label}" = "{label}"' for label in labels)] if labels else []
    lines += ["[evaluate]", "teacher_twice = false", "side_effects = false", "speed_requests = 0"]
    lines += ["[student]", *(f"{key} = {json.dumps(value)}" for key, value in recipe.items())]
    texts = {
        "task.toml": "\n".join(lines) + "\n",
        "synthesize.md": SYNTHESIZE,
        "answer.md": ANSWER,
        "student.md": STUDENT,
        "seeds.jsonl": as_lines(seeds),
        "gold.jsonl": as_lines(gold),
    }
    if not labels:
        texts["schema.json"] = json.dumps(SCHEMA, indent=2)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return once[: options.rows]


def apart(rows: list[Row], gold: list[Row]) -> list[Row]:
    """The rows that the leak gate would let through: a label must not lose its only seed to it."""
    tested = [LabelledExample(row["input"], "", "gold.jsonl", n) for n, row in enumerate(gold)]
    leaks = find([row["input"] for row in rows], tested, LeaksSpec(), CurateSpec(), MINILM)
    close = {leak.text for leak in leaks}
    return [row for place, row in enumerate(rows) if place not in close]


def as_row(row: Row) -> Row:
    """A published row as one of seeds."""
    if "label" in row:
        return {"input": row["input"], "label": natural(row["label"])}
    return {"input": row["input"], "answer": row["target"]}


def as_lines(rows: list[Row]) -> str:
    """JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def split_of(rows: list[Row]) -> list[SplitExample]:
    """The first tenth validates, the others train."""
    found = []
    for place, row in enumerate(rows):
        answer = row.get("label") or Fields(SCHEMA).of_row(row["answer"])
        example = Example(stable_hash([row["input"]]), row["input"], answer, "inputs")
        found.append(SplitExample(example, "validation" if 10 * place < len(rows) else "train"))
    return found


def hand_over(context: Context, student: Student) -> None:
    """Write the student down as the run's, with the rows that it learned, as if its stages had
    been done here."""
    learned = list(dict.fromkeys(chats(student.folder / "train.jsonl")))
    examples = [
        Example(stable_hash([text, answer]), text, answer, "inputs") for text, answer in learned
    ]
    with context.store() as store, store.transaction():
        store.add_examples(context.run_id, examples)
        store.add_split(context.run_id, [SplitExample(row, "train") for row in examples])
        store.add_student(context.run_id, student)
        for stage in MADE_ELSEWHERE:
            store.finish_stage(context.run_id, stage, 0.0)


def chats(path: Path) -> list[tuple[str, str]]:
    """(input, answer) of each row of an example file."""
    rows = [json.loads(line)["messages"] for line in path.read_text("utf-8").splitlines()]
    return [(row[-2]["content"], row[-1]["content"]) for row in rows]


def check(figures: Row) -> Row:
    """The figures of every system, and whether the student is above its base."""
    kept = ("n", "metric", "value", "ci_low", "ci_high", "exact_match", "filled", "empty")
    systems = {
        row["name"]: {key: row[key] for key in (*kept, "valid_rate") if key in row}
        for row in figures["systems"]
    }
    above = all(
        systems["student"]["value"] > systems[name]["value"] for name in ("base", "base_few_shot")
    )
    found = {"task": figures["task"], "systems": systems, "fields": figures.get("fields", [])}
    return found | {"targets": {"above": ["base", "base_few_shot"]}, "ok": above}


if __name__ == "__main__":
    sys.exit(main())
