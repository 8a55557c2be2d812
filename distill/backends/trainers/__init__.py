"""Trainers: rows of chat → a student's weights. Heavy ones run in a child process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from distill.backends.names import chosen
from distill.backends.trainers import unsloth


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a student is trained: LoRA's rank and alpha, and the optimizer's course."""

    rank: int
    alpha: int
    epochs: float
    learning_rate: float
    batch_size: int
    seed: int


@dataclass(frozen=True, slots=True)
class TrainJob:
    """Where the rows (chat JSON lines) and the base lie, where the weights go, and the recipe."""

    base: Path
    train: Path
    validation: Path
    out: Path
    log: Path
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Trained:
    """What a trainer leaves in `out`: `adapter/` and `merged/`; and its figures.

    `losses`: step, loss, and validation_loss where it was measured.
    """

    merged: Path
    trained_tokens: int
    losses: tuple[Mapping[str, float], ...]


OnSteps = Callable[[int], None]


class Trainer(Protocol):
    """What a trainer backend offers."""

    def total_steps(self, job: TrainJob) -> int:
        """Optimizer steps of the whole training."""

    def train(self, job: TrainJob, on_steps: OnSteps) -> Trained:
        """Train; `on_steps` is told of optimizer steps as they are done."""


TRAINERS: dict[str, Trainer] = {"unsloth": unsloth}


def choose(name: str) -> str:
    """The trainer that `student.trainer` means. Raises InputError for one that does not exist."""
    return chosen("student.trainer", name, TRAINERS, auto="unsloth")
