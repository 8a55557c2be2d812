"""LoRA in a child process, which reads a JSON job and writes progress (JSON lines) and weights.

An interrupted job resumes from its last checkpoint, which is in its `out` folder.
"""

import json
import math
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from distill.core.errors import ChildError, DistillError, InputError
from distill.core.hardware import interpreter
from distill.core.processes import running
from distill.serve import base_models, context_length
from distill.serve.base_folder import parameters, positions
from distill.serve.base_models import folder_of, licence
from distill.serve.context_length import Chat
from distill.train.trainers.base import Base, LocalWeights, OnSteps, TrainJob, TrainResult
from distill.train.trainers.recipes import Recipe, recipe_for
from distill.train.worker.lora.protocol import Done, Event, Failed, read_event

PROVIDER = None
CHILDREN = Path(__file__).parents[1] / "worker"
CHECKPOINTS = "checkpoints"
POLL_SECONDS = 0.2
KILLED = (128 + signal.SIGKILL, -signal.SIGKILL)  # the child alone, or with its guard
TOO_LITTLE_MEMORY = (
    "the machine ran out of memory. Lower student.batch_size or student.context_tokens, or choose "
    "a smaller student.base: the next run uses them, and reuses every stored answer."
)


def check(choices: Mapping[str, Any]) -> str:
    """Check that the base can be trained, and return "", since there is no warning.

    Raises InputError or DistillError if the base cannot be downloaded. Raises InputError if it
    cannot be trained on chats, or if its context is shorter than `context_tokens`.
    """
    most = positions(folder_of(choices["base"]))
    if most and choices["context_tokens"] > most:
        raise InputError(
            f"student.context_tokens: {choices['context_tokens']:,} is above the base's context "
            f"length of {most:,} tokens: lower it"
        )
    return ""


def locate(base: str) -> Base:
    """Return the base's name with a hash of its weights, its folder and its licence."""
    name, folder = base_models.locate(base)
    return Base(name, str(folder), licence(folder))


def recipe(choices: Mapping[str, Any], base: Base, *, labelled: bool) -> dict[str, object]:
    """Return the recipe for a base of this size."""
    return asdict(recipe_for(choices, parameters(Path(base.place)), labelled=labelled))


def longer_than(chats: Sequence[Chat], base: Base, choices: Mapping[str, Any]) -> dict[int, int]:
    """Return place → tokens of the chats longer than the task's `context_tokens`."""
    return context_length.longer_than(chats, Path(base.place), choices["context_tokens"])


def total_steps(job: TrainJob) -> int:
    """Return the number of optimizer steps of the whole training."""
    recipe = Recipe(**job.recipe)  # type: ignore[arg-type]
    with job.train.open(encoding="utf-8") as rows:
        per_epoch = math.ceil(sum(1 for _ in rows) / recipe.batch_size)
    return math.ceil(per_epoch * recipe.epochs)


def worst_usd(job: TrainJob) -> Decimal:
    """Return 0, because a local training has no bill."""
    return Decimal(0)


def is_made(job: TrainJob) -> bool:
    """Return False, because no provider has a local training."""
    return False


def cancel(tag: str) -> None:
    """Return None: a local training has nothing to cancel at a provider."""


def closed(today: date) -> str:
    """Return "": this machine takes every training."""
    return ""


def closing(base: str, today: date) -> str:
    """Return "", because a local student has no end date."""
    return ""


def train(trainer: str, job: TrainJob, on_steps: OnSteps) -> TrainResult:
    """Train the student with `trainer`.

    Raises DistillError, with a remedy, for a failure that the child explains. Raises ChildError,
    with the tail of the log, for any other death of the child.
    """
    job.out.mkdir(parents=True, exist_ok=True)
    job_file, progress = job.out / "job.json", job.out / "progress.jsonl"
    before = whole_lines(progress)
    progress.write_text(before, encoding="utf-8")
    values = asdict(job) | {"trainer": trainer, "progress": progress}
    job_file.write_text(json.dumps(values, default=str, indent=2), encoding="utf-8")
    done = last_event(before)
    if done is None or done["event"] != "done":
        done = _work(trainer, job, len(before.encode()), on_steps)
    shutil.rmtree(job.out / CHECKPOINTS, ignore_errors=True)
    return TrainResult(
        LocalWeights(job.out / "merged"),
        done["trained_tokens"],
        done["kept_step"],
        tuple(done["losses"]),
        seconds_told(before),
    )


def _work(trainer: str, job: TrainJob, told: int, on_steps: OnSteps) -> Done:
    """Run the child and return its result.

    `told`: the size of the progress file before, in bytes."""
    # -P: files in the working directory must not shadow the real packages.
    command = [interpreter("unsloth"), "-P", "-m", "lora", str(job.out / "job.json")]
    result: Done | Failed | None = None
    with running(command, job.log, environment(job)) as child:
        for event in _events(child, job.out / "progress.jsonl", told):
            if event["event"] == "steps":
                on_steps(event["steps"])
            elif event["event"] == "done" or event["event"] == "failed":
                result = event
        code = child.wait()
    if result and result["event"] == "failed":
        raise DistillError(f"{result['message']} The trainer's log: {job.log}")
    if code in KILLED:
        raise DistillError(f"the trainer was killed, probably because {TOO_LITTLE_MEMORY}")
    if code or result is None:
        raise ChildError(f"the trainer ({trainer})", code, job.log)
    return result


def last_event(told: str) -> Event | None:
    """Return the last event in a child's progress; None without events."""
    lines = told.splitlines()
    return read_event(lines[-1]) if lines else None


def whole_lines(progress: Path) -> str:
    """Return the complete lines of the progress file, as written by earlier children."""
    text = progress.read_text(encoding="utf-8") if progress.exists() else ""
    return text[: text.rfind("\n") + 1]


def seconds_told(told: str) -> float:
    """Return the working seconds of earlier children, each up to its last event."""
    total = latest = 0.0
    for line in told.splitlines():
        event = read_event(line)
        if event["event"] == "begun":
            total += latest
        latest = event["seconds"]
    return total + latest


def environment(job: TrainJob) -> dict[str, str]:
    """Return the child's environment variables."""
    # By default, Unsloth writes compiled modules into the working directory. If another process
    # needs a core, unbounded spinning of OpenMP threads makes a step 5 to 20 times slower, and
    # bounded spinning only twice. On an idle machine, the bound costs nothing.
    paths = [str(CHILDREN), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(paths),
        # With two visible GPUs, the batch would be twice the recipe's.
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0],
        "GOMP_SPINCOUNT": "30000",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "UNSLOTH_COMPILE_LOCATION": str(job.out / "unsloth_compiled"),
        "UNSLOTH_DISABLE_STATISTICS": "1",
    }


def _events(child: subprocess.Popen[bytes], progress: Path, start: int) -> Iterator[Event]:
    """Yield the child's events from byte `start` on, until the child has ended."""
    with progress.open(encoding="utf-8") as lines:
        lines.seek(start)
        pending = ""
        ended = False
        while True:
            pending += lines.read()
            *whole, pending = pending.split("\n")
            for line in whole:
                yield read_event(line)
            if ended:
                return
            try:
                child.wait(timeout=POLL_SECONDS)
                ended = True
            except subprocess.TimeoutExpired:
                continue
