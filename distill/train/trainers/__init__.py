"""Trainers: rows of chat → a student's weights. Heavy ones run in a child process."""

from distill.core.hardware import installed
from distill.train.trainers import openai, peft, unsloth
from distill.train.trainers.base import Trainer
from distill.train.trainers.names import chosen

TRAINERS: dict[str, Trainer] = {"unsloth": unsloth, "peft": peft, "openai": openai}


def choose(name: str) -> str:
    """The trainer that `student.trainer` means; `auto` is Unsloth wherever it is installed. Raises
    InputError for one that does not exist."""
    auto = "unsloth" if installed("unsloth", "unsloth") else "peft"
    return chosen("student.trainer", name, TRAINERS, auto=auto)
