"""Train each embedded base on the same human-labelled rows, and score held-out rows.

    python -m benchmarks.bases --data FOLDER [--sets hard easy all snips restaurant8k]
        [--bases SmolLM2-135M-Instruct gemma-3-270m] [--rows 500] [--held-out 300] [--epochs 3]
        [--rate 5e-4] [--seed 0] [--work FOLDER]

FOLDER holds the folders banking77, snips and restaurant8k with train.jsonl.gz each. Training and
held-out rows are both drawn from the published training file, so that a recipe can be chosen by
them. The test files are not read. The trainer is the product's own; answers are greedy and
unconstrained. Prints a line for each training and, as its last line, one JSON object.
"""

import argparse
import gzip
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.real_classify import INTENTS
from distill.core.text import fold
from distill.serve.base_folder import parameters
from distill.task.spec import StudentSpec
from distill.train.trainers import lora
from distill.train.trainers.base import TrainJob
from distill.train.trainers.recipes import recipe_for

SYSTEMS = {
    "hard": "Name the intent of the customer's message.",
    "easy": "Name the intent of the customer's message.",
    "all": "Name the intent of the customer's message.",
    "snips": "Give the intent and the slots of the request as JSON.",
    "restaurant8k": "Give the booking's fields as JSON; {} if there is none.",
}

Row = dict[str, str]
Figures = dict[str, Any]


def main() -> int:
    """Train every base on every set, and print what it answers right on held-out rows."""
    options = parse()
    found = []
    for name in options.sets:
        train, held = draw(options, name)
        for base in options.bases:
            with tempfile.TemporaryDirectory(dir=options.work) as scratch:
                row = run(options, name, base, (train, held), Path(scratch))
            print(
                f"{name:12} {base:24} {row['steps']:5} steps {row['seconds']:7.1f} s  "
                f"right {row['right']:.3f}  F1 {row['f1']:.3f}",
                flush=True,
            )
            found.append(row)
    print(json.dumps({"rows": options.rows, "held_out": options.held_out, "trained": found}))
    return 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=sorted(SYSTEMS), default=["hard", "snips"])
    parser.add_argument("--bases", nargs="+", default=["SmolLM2-135M-Instruct", "gemma-3-270m"])
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--held-out", type=int, default=300)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--trainer", default="unsloth")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path)
    return parser.parse_args()


def draw(options: argparse.Namespace, name: str) -> tuple[list[Row], list[Row]]:
    """(training rows, held-out rows) of the published training file; no text is in both."""
    folder = "banking77" if name in ("hard", "easy", "all") else name
    with gzip.open(options.data / folder / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    if name in INTENTS:
        rows = [row for row in rows if row["label"] in INTENTS[name]]
    alone = list({fold(row["input"]): row for row in rows}.values())
    drawn = random.Random(options.seed).sample(alone, options.rows + options.held_out)
    pairs = [{"input": row["input"], "answer": answer(row, folder)} for row in drawn]
    return pairs[: options.rows], pairs[options.rows :]


def answer(row: dict[str, Any], folder: str) -> str:
    """The answer's text."""
    if folder == "banking77":
        return str(row["label"]).rstrip("?").replace("_", " ")
    target = row.get("target", row.get("output", row.get("answer")))
    return json.dumps(target, ensure_ascii=False, separators=(",", ":"))


def run(
    options: argparse.Namespace,
    name: str,
    base: str,
    rows: tuple[Sequence[Row], Sequence[Row]],
    out: Path,
) -> Figures:
    """Train a base on the first of `rows`, and score its answers on the second."""
    train, held = rows
    where = lora.locate(base)
    choices = StudentSpec(
        base=base,
        epochs=options.epochs,
        learning_rate=options.rate,
        batch_size=options.batch,
        patience=0,
    ).model_dump()
    labelled = name in ("hard", "easy", "all")
    labels = sorted({row["answer"] for row in train}) if labelled else []
    recipe = recipe_for(choices, parameters(Path(where.place)), labelled=labelled)
    job = TrainJob(
        base=where.place,
        train=write_chats(out / "train.jsonl", SYSTEMS[name], train),
        validation=write_chats(out / "validation.jsonl", SYSTEMS[name], held[:40]),
        parity=write_chats(out / "parity.jsonl", SYSTEMS[name], held),
        out=out,
        log=out / "log",
        recipe=asdict(recipe),
        tag="",
        choices=tuple(labels),
    )
    lora.train(options.trainer, job, lambda steps: None)
    events = [json.loads(line) for line in (out / "progress.jsonl").read_text().splitlines()]
    steps = [event for event in events if event["event"] == "steps"]
    answers = json.loads((out / "answers.json").read_text(encoding="utf-8"))["rows"]
    said = [row["answer"].strip() for row in answers]
    right = [row["answer"] for row in held]
    return {
        "set": name,
        "base": base,
        "epochs": options.epochs,
        "rate": options.rate,
        "steps": sum(event["steps"] for event in steps),
        "seconds": steps[-1]["seconds"] - steps[0]["seconds"],
        "right": sum(map(str.__eq__, said, right)) / len(right),
        "f1": field_f1(said, right),
    }


def field_f1(said: Sequence[str], right: Sequence[str]) -> float:
    """The F1 over (field, value) pairs; a label is one pair."""
    both = have = want = 0
    for one, other in zip(said, right, strict=True):
        a, b = pairs(one), pairs(other)
        both, have, want = both + len(a & b), have + len(a), want + len(b)
    return 2 * both / (have + want) if have + want else 1.0


def pairs(text: str) -> set[tuple[str, str]]:
    """The (path, value) pairs of a JSON object; the text itself if it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {("", text)}
    found: set[tuple[str, str]] = set()
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, dict):
            stack += [(f"{path}.{key}", inner) for key, inner in node.items()]
        else:
            found.add((path, json.dumps(node)))
    return found


def write_chats(path: Path, system: str, rows: Sequence[Row]) -> Path:
    """Rows as chats."""
    lines = []
    for row in rows:
        turns = [("system", system), ("user", row["input"]), ("assistant", row["answer"])]
        chat = [{"role": role, "content": content} for role, content in turns]
        lines.append(json.dumps({"messages": chat}, ensure_ascii=False) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


if __name__ == "__main__":
    raise SystemExit(main())
