"""How fast a student is trained, and in how much memory: ours, Unsloth called directly, TRL alone.

    python -m benchmarks.train_speed --data FOLDER [--rows 240] [--rounds 1] [--work FOLDER]

FOLDER holds banking77's train.jsonl.gz (rows {"input", "label"}). The embedded base learns the
intents of the same drawn rows, one epoch, with the same rank, rate, batch and seed, each trainer in
a process of its own; the time is that of the training alone. Tokens per second are those of the
rows as our template makes them, whatever padding or longer prompts a trainer adds. The loss is that
of the answers' tokens on the same held-out rows, worked out in one way for all. Prints a line for
each and, as its last line, one JSON object with every figure, the targets and "ok"; exit code 1
when a target is missed.
"""

import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from distill.task.spec import StudentSpec
from distill.train.trainers import lora
from distill.train.trainers.base import TrainJob
from distill.train.trainers.recipes import recipe_for

MODES = ("ours", "unsloth", "trl")
SYSTEM = "Name the intent of the customer's message."
HELD_OUT = 60
TARGETS = {"of_unsloth": 0.95, "of_trl": 1.6, "memory_of_trl": 0.8, "loss_apart": 0.02}
CHILD = Path(__file__).parent / "peers" / "run_training.py"

Figures = dict[str, Any]


def main() -> int:
    """Train with each, round by round; the table and the verdict on the targets."""
    options = parse()
    with tempfile.TemporaryDirectory() as scratch:
        job = write_job(options, Path(options.work or scratch))
        tokens = count_tokens(job)
        rounds = [{mode: run(mode, job) for mode in MODES} for _ in range(options.rounds)]
    found = {mode: summary([one[mode] for one in rounds], tokens) for mode in MODES}
    for mode, row in found.items():
        print(
            f"{mode:10} {row['seconds']:7.1f} s  {row['tokens_per_s']:7.1f} tokens/s  "
            f"{row['peak_mib']:6.0f} MiB  loss {row['loss']:.4f}"
        )
    verdict = check(found) | {"rows": options.rows, "tokens": tokens, "trainers": found}
    print(json.dumps(verdict))
    return 0 if verdict["ok"] else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=1, help="the median of so many")
    parser.add_argument("--work", type=Path, help="keeps the files there")
    return parser.parse_args()


def write_job(options: argparse.Namespace, work: Path) -> TrainJob:
    """The same job for every trainer."""
    with gzip.open(options.data / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    drawn = random.Random(0).sample(rows, options.rows + HELD_OUT)
    work.mkdir(parents=True, exist_ok=True)
    choices = StudentSpec(epochs=1, patience=0).model_dump()
    base = lora.locate("auto")
    held = write_chats(work / "validation.jsonl", drawn[options.rows :])
    return TrainJob(
        base=base.place,
        train=write_chats(work / "train.jsonl", drawn[: options.rows]),
        validation=held,
        parity=held,
        out=work,
        log=work / "log",
        recipe=asdict(recipe_for(choices, 135_000_000, labelled=False)),
        tag="",
    )


def write_chats(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Rows as chat."""
    lines = []
    for row in rows:
        turns = [("system", SYSTEM), ("user", row["input"])]
        turns.append(("assistant", row["label"].replace("_", " ")))
        chat = [{"role": role, "content": content} for role, content in turns]
        lines.append(json.dumps({"messages": chat}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def run(mode: str, job: TrainJob) -> Figures:
    """One training in a process of its own."""
    own = replace(job, out=job.out / mode)
    own.out.mkdir(exist_ok=True)
    file = own.out / "job.json"
    values = asdict(own) | {"trainer": "unsloth", "progress": own.out / "progress.jsonl"}
    file.write_text(json.dumps(values, default=str), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", str(CHILD), mode, str(file)],
        env={**os.environ, **lora.environment(own)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{mode} failed:\n{done.stderr[-3000:]}")
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def count_tokens(job: TrainJob) -> int:
    """Tokens of the training rows by our template."""
    from distill.serve.context_length import tokens_of

    with job.train.open(encoding="utf-8") as lines:
        return sum(tokens_of(json.loads(line)["messages"], Path(job.base)) for line in lines)


def summary(rows: Sequence[Figures], tokens: int) -> Figures:
    """The medians of a trainer's rounds."""
    seconds = statistics.median(row["seconds"] for row in rows)
    return {
        "seconds": round(seconds, 2),
        "tokens_per_s": round(tokens / seconds, 1),
        "peak_mib": round(statistics.median(row["peak_mib"] for row in rows)),
        "loss": round(statistics.median(row["loss"] for row in rows), 4),
    }


def check(found: dict[str, Figures]) -> Figures:
    """The ratios, the targets, and whether they are reached."""
    ours, unsloth, trl = (found[mode] for mode in MODES)
    ratios = {
        "of_unsloth": round(ours["tokens_per_s"] / unsloth["tokens_per_s"], 3),
        "of_trl": round(ours["tokens_per_s"] / trl["tokens_per_s"], 3),
        "memory_of_trl": round(ours["peak_mib"] / trl["peak_mib"], 3),
        # A lower loss is no fault.
        "loss_apart": round(ours["loss"] / min(unsloth["loss"], trl["loss"]) - 1, 4),
    }
    least, most = ("of_unsloth", "of_trl"), ("memory_of_trl", "loss_apart")
    reached = all(ratios[name] >= TARGETS[name] for name in least)
    reached = reached and all(ratios[name] <= TARGETS[name] for name in most)
    return {"ratios": ratios, "targets": TARGETS, "ok": reached}


if __name__ == "__main__":
    sys.exit(main())
