"""A training in a child process, which reads a JSON job and writes progress and weights.

An interrupted job resumes from its last checkpoint, which is in its `out` folder.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from distill.core.errors import ChildError, DistillError
from distill.core.processes import running
from distill.train.trainers.base import LocalWeights, OnSteps, TrainJob, TrainResult
from distill.train.worker.training.protocol import Done, Event, Failed, read_event

CHILDREN = Path(__file__).parents[1] / "worker"
CHECKPOINTS = "checkpoints"
POLL_SECONDS = 0.2
KILLED = (128 + signal.SIGKILL, -signal.SIGKILL)  # the child alone, or with its guard
TOO_LITTLE_MEMORY = (
    "the machine ran out of memory. Lower student.batch_size or student.context_tokens, or choose "
    "a smaller student.base: the next run uses them, and reuses every stored answer."
)


@dataclass(frozen=True, slots=True)
class Worker:
    """The program of a child.

    `module`: the module below CHILDREN.
    `interpreter`: the path of its Python.
    `trainer`: the name of the trainer.
    `environment`: the environment variables.
    """

    module: str
    interpreter: str
    trainer: str
    environment: Mapping[str, str]


def trained_in_child(
    worker: Worker, job: TrainJob, weights: Path, on_steps: OnSteps
) -> TrainResult:
    """Train in a child process, or resume, and return the result with the folder `weights`.

    Raises DistillError, with a remedy, for a failure that the child explains. Raises ChildError,
    with the tail of the log, for any other death of the child.
    """
    job.out.mkdir(parents=True, exist_ok=True)
    job_file, progress = job.out / "job.json", job.out / "progress.jsonl"
    before = whole_lines(progress)
    progress.write_text(before, encoding="utf-8")
    values = asdict(job) | {"trainer": worker.trainer, "progress": progress}
    job_file.write_text(json.dumps(values, default=str, indent=2), encoding="utf-8")
    done = last_event(before)
    if done is None or done["event"] != "done":
        done = _work(worker, job, len(before.encode()), on_steps)
    shutil.rmtree(job.out / CHECKPOINTS, ignore_errors=True)
    return TrainResult(
        LocalWeights(weights),
        done["trained_tokens"],
        done["kept_step"],
        tuple(done["losses"]),
        seconds_told(before),
    )


def _work(worker: Worker, job: TrainJob, told: int, on_steps: OnSteps) -> Done:
    """Run the child and return its result.

    `told`: the size of the progress file before, in bytes."""
    # -P: files in the working directory must not shadow the real packages.
    command = [worker.interpreter, "-P", "-m", worker.module, str(job.out / "job.json")]
    result: Done | Failed | None = None
    with running(command, job.log, worker.environment) as child:
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
        raise ChildError(f"the trainer ({worker.trainer})", code, job.log)
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


def child_environment() -> dict[str, str]:
    """Return the environment variables of every child."""
    # If another process needs a core, unbounded spinning of OpenMP threads makes a step 5 to 20
    # times slower, and bounded spinning only twice. On an idle machine, the bound costs nothing.
    paths = [str(CHILDREN), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(paths),
        # With two visible GPUs, the batch would be twice the recipe's.
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0],
        "GOMP_SPINCOUNT": "30000",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
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
