"""A fine-tuned encoder with a head over labels or tags of words, trained in a child process.

An encoder gives a probability for each label, or each tag of a word. It writes no text, so it needs
no instructions. It costs a hundredth of the smallest language model.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distill.core.errors import InputError
from distill.serve import encoder_bases
from distill.serve.base_folder import positions
from distill.serve.base_models import licence
from distill.serve.context_length import Chat
from distill.task.kinds import AnswerForm
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text
from distill.text.spans import TaggedWord, object_in
from distill.train.trainers import local
from distill.train.trainers.base import Base, OnSteps, TrainJob, TrainResult
from distill.train.trainers.child import Worker, child_environment, trained_in_child
from distill.train.trainers.recipes import encoder_recipe

PROVIDER = local.PROVIDER
total_steps = local.total_steps
worst_usd = local.worst_usd
is_made = local.is_made
cancel = local.cancel
closed = local.closed
closing = local.closing
# Settings of LoRA, with their values in a task that does not set them.
NOT_TAKEN = {"rank": None, "alpha": None, "dropout": 0.0, "rslora": False, "load_in_4bit": None}


def automatic() -> str:
    """Return the name of the embedded encoder."""
    return encoder_bases.ENCODER


def suits(form: AnswerForm) -> None:
    """Check that the answers are labels, or fields whose values are in the text word for word.

    Raises InputError, with the field, for other answers.
    """
    if isinstance(form, Text):
        raise InputError(
            'student.trainer: "encoder" finds labels or fields, and writes no texts: remove it'
        )
    if isinstance(form, Fields) and (other := [f for f in form.names if f not in form.verbatim]):
        raise InputError(
            f'student.trainer: "encoder" finds values that are in the text word for word. If those '
            f'of {other[0]!r} are, add "x-verbatim": true to the field in schema.json; else choose '
            "another trainer"
        )


def check(choices: Mapping[str, Any]) -> str:
    """Check that the base is an encoder, and return "", since there is no warning.

    Raises InputError or DistillError if the base cannot be downloaded. Raises InputError for a base
    that is no encoder, and for a setting of LoRA.
    """
    if named := [key for key, unset in NOT_TAKEN.items() if choices[key] != unset]:
        raise InputError(
            f'student.{named[0]}: student.trainer = "encoder" trains all weights, without LoRA: '
            "remove it"
        )
    encoder_bases.folder_of(choices["base"])
    return ""


def locate(base: str) -> Base:
    """Return the base's name with a hash of its weights, its folder and its licence."""
    name, folder = encoder_bases.locate(base)
    return Base(name, str(folder), licence(folder))


def recipe(choices: Mapping[str, Any], base: Base, *, labelled: bool) -> dict[str, object]:
    """Return the recipe, with a limit of tokens that the base can read."""
    return asdict(encoder_recipe(choices, positions(Path(base.place))))


def longer_than(chats: Sequence[Chat], base: Base, choices: Mapping[str, Any]) -> dict[int, int]:
    """Return {}: an encoder reads the beginning of a longer text."""
    return {}


def train(job: TrainJob, on_steps: OnSteps) -> TrainResult:
    """Train the student.

    Raises DistillError, with a remedy, for a failure that the child explains. Raises ChildError,
    with the tail of the log, for any other death of the child.
    """
    worker = Worker("training.encoder", sys.executable, "encoder", child_environment())
    result = trained_in_child(worker, job, job.out / "model", on_steps)
    if job.fields:
        _write_objects(job)
    return result


def _write_objects(job: TrainJob) -> None:
    """Add the object of each answer to `answers.json`, from the words that the child tagged."""
    path = job.out / "answers.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    for row in found["rows"]:
        words = [TaggedWord(*word) for word in row["words"]]
        values = object_in(row["messages"][-1]["content"], words, job.fields)
        row["answer"] = json.dumps(values, ensure_ascii=False)
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
