"""Frozen records of a trained student."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Student:
    """A trained student.

    `folder`: the folder of the weights, or of the provider's job.
    `kept_step`: the training step of the kept weights.
    `model`: the model's name at the provider that trained it; "" for local weights.
    `train_usd`: USD that the provider billed; None for local training.
    `licence`: the licence of the base.
    `others_cpu`: the share of the processors that other processes took during the training; None if
        unknown.
    """

    id: str
    base: str
    trainer: str
    recipe: Mapping[str, object]
    data_hash: str
    folder: Path
    train_seconds: float
    trained_tokens: int
    kept_step: int | None = None  # None for students older than this field
    losses: Sequence[Mapping[str, float]] = field(default_factory=tuple)
    model: str = ""
    train_usd: Decimal | None = None
    licence: str = ""
    others_cpu: float | None = None

    @property
    def is_local(self) -> bool:
        """True if the student was trained on this machine; False if a provider serves it."""
        return not self.model


@dataclass(frozen=True, slots=True)
class TrainingSpeed:
    """The training speed of a run's student.

    `seconds_per_1k`: seconds per 1,000 rows learned, start and merge included.
    `epochs`: the epochs of the recipe.
    """

    run_id: str
    seconds_per_1k: float
    epochs: float


@dataclass(frozen=True, slots=True)
class Parity:
    """The number of prompts sent to the trained and the served student, and of equal answers."""

    asked: int
    agreed: int

    @property
    def agreement(self) -> float:
        """The share of equal answers; 1 without prompts."""
        return self.agreed / self.asked if self.asked else 1.0
