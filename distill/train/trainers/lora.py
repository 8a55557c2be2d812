"""LoRA in a child process, which the trainers `unsloth` and `peft` share."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distill.core.errors import InputError
from distill.core.hardware import interpreter
from distill.serve import base_models, context_length
from distill.serve.base_folder import parameters, positions
from distill.serve.base_models import folder_of, licence
from distill.serve.context_length import Chat
from distill.task.kinds import AnswerForm
from distill.train.trainers import local
from distill.train.trainers.base import Base, OnSteps, TrainJob, TrainResult
from distill.train.trainers.child import Worker, child_environment, trained_in_child
from distill.train.trainers.recipes import recipe_for

PROVIDER = local.PROVIDER
total_steps = local.total_steps
worst_usd = local.worst_usd
is_made = local.is_made
cancel = local.cancel
closed = local.closed
closing = local.closing


def automatic() -> str:
    """Return the name of the embedded base, or of the default with a GPU."""
    return base_models.automatic()[0]


def suits(form: AnswerForm) -> None:
    """Accept every form, because a language model can write any answer."""


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


def train(trainer: str, job: TrainJob, on_steps: OnSteps) -> TrainResult:
    """Train the student with `trainer`.

    Raises DistillError, with a remedy, for a failure that the child explains. Raises ChildError,
    with the tail of the log, for any other death of the child.
    """
    worker = Worker("training.lora", interpreter("unsloth"), trainer, environment(job))
    return trained_in_child(worker, job, job.out / "merged", on_steps)


def environment(job: TrainJob) -> dict[str, str]:
    """Return the child's environment variables."""
    return child_environment() | {
        # By default, Unsloth writes compiled modules into the working directory.
        "UNSLOTH_COMPILE_LOCATION": str(job.out / "unsloth_compiled"),
        "UNSLOTH_DISABLE_STATISTICS": "1",
    }
