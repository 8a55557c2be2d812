"""Trainers: from chat rows to a student's weights. Heavy trainers run in a child process."""

from distill.core.errors import InputError
from distill.core.hardware import installed
from distill.core.students import ENCODER, Student
from distill.task import Task
from distill.train.trainers import encoder, openai, peft, unsloth
from distill.train.trainers.base import Trainer
from distill.train.trainers.names import chosen

TRAINERS: dict[str, Trainer] = {
    "unsloth": unsloth,
    "peft": peft,
    "openai": openai,
    "encoder": encoder,
}


def trainer_of(name: str) -> Trainer:
    """Return the backend that `student.trainer` names. Raises InputError for an unknown name."""
    return TRAINERS[choose(name)]


def check_suits(task: Task) -> None:
    """Check that the task's trainer can learn its answers and its inputs. Raises InputError."""
    name = choose(task.spec.student.trainer)
    TRAINERS[name].suits(task.form)
    if name == ENCODER and task.has_conversations:
        raise InputError(
            'student.trainer: "encoder" reads single texts, and this task has conversations: '
            "choose another trainer"
        )


def provider_of(student: Student) -> str | None:
    """Return the API of the provider that serves a student; None for one that was trained here."""
    return None if student.is_local else TRAINERS[student.trainer].PROVIDER


def choose(name: str) -> str:
    """Return the trainer's name for `student.trainer`; Unsloth, or else PEFT, for `auto`.

    Raises InputError for an unknown trainer."""
    auto = "unsloth" if installed("unsloth", "unsloth") else "peft"
    return chosen("student.trainer", name, TRAINERS, auto=auto)
