"""Unsloth QLoRA in a child process: a JSON job in, JSON lines of progress and weights out."""

import json
import math
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.backends.child import running
from distill.backends.hardware import interpreter
from distill.errors import ChildError

if TYPE_CHECKING:
    from distill.backends.trainers import OnSteps, Trained, TrainJob

CHILD = Path(__file__).with_name("unsloth_child.py")
POLL_SECONDS = 0.2


def total_steps(job: "TrainJob") -> int:
    """Optimizer steps of the whole training."""
    with job.train.open(encoding="utf-8") as rows:
        per_epoch = math.ceil(sum(1 for _ in rows) / job.recipe.batch_size)
    return math.ceil(per_epoch * job.recipe.epochs)


def train(job: "TrainJob", on_steps: "OnSteps") -> "Trained":
    """Train the student. Raises ChildError with the tail of the log when the child dies."""
    from distill.backends.trainers import Trained

    job.out.mkdir(parents=True, exist_ok=True)
    job_file, progress = job.out / "job.json", job.out / "progress.jsonl"
    progress.write_text("", encoding="utf-8")
    values = asdict(job) | {"progress": progress, "cache": tempfile.gettempdir()}
    job_file.write_text(json.dumps(values, default=str, indent=2), encoding="utf-8")
    # -P: this folder holds a module `unsloth` too, and must not come before the real one.
    command = [interpreter("unsloth"), "-P", str(CHILD), str(job_file)]
    losses: list[dict[str, float]] = []
    result: dict[str, Any] = {}
    with running(command, job.log, _environment(job)) as child:
        for event in _events(child, progress):
            if event["event"] == "steps":
                on_steps(event["steps"])
            elif event["event"] == "loss":
                losses.append(event["values"])
            elif event["event"] == "done":
                result = event
        code = child.wait()
    if code or not result:
        raise ChildError("the Unsloth trainer", code, job.log)
    return Trained(job.out / "merged", int(result["trained_tokens"]), tuple(losses))


def _environment(job: "TrainJob") -> dict[str, str]:
    # Unsloth writes compiled modules where it stands unless it is told where. Threads that spin for
    # ever at every barrier make a step 5 to 20 times slower as soon as anything else wants a core;
    # with this bound it is twice, and nothing is lost on a machine that is idle otherwise.
    return {
        "GOMP_SPINCOUNT": "30000",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "UNSLOTH_COMPILE_LOCATION": str(job.out / "unsloth_compiled"),
        "UNSLOTH_DISABLE_STATISTICS": "1",
    }


def _events(child: subprocess.Popen[bytes], progress: Path) -> Iterator[dict[str, Any]]:
    """The child's events as it writes them, until it ends and all are read."""
    with progress.open(encoding="utf-8") as lines:
        pending = ""
        ended = False
        while True:
            pending += lines.read()
            *whole, pending = pending.split("\n")
            for line in whole:
                yield json.loads(line)
            if ended:
                return
            try:
                child.wait(timeout=POLL_SECONDS)
                ended = True
            except subprocess.TimeoutExpired:
                continue
