"""Frozen records of a trained student."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Student:
    """A trained student: what it was made of, and where it lies; or the `model` that it is at the
    provider that trained it, and what that billed. `licence` is its base's; `others_cpu` is the
    share of the processors that other processes took during the training (None: not known)."""

    id: str
    base: str
    trainer: str
    recipe: Mapping[str, object]
    data_hash: str
    folder: Path
    train_seconds: float
    trained_tokens: int
    kept_step: int | None = None  # None: of a student from before it was written down
    losses: Sequence[Mapping[str, float]] = field(default_factory=tuple)
    model: str = ""
    train_usd: Decimal | None = None
    licence: str = ""
    others_cpu: float | None = None


@dataclass(frozen=True, slots=True)
class TrainingSpeed:
    """How fast a run's student was trained: seconds for 1,000 rows learned, start and merge
    included, and the epochs that its recipe wanted."""

    run_id: str
    seconds_per_1k: float
    epochs: float


@dataclass(frozen=True, slots=True)
class Parity:
    """How many prompts the trained and the served student were asked, and how many they answered
    with the same text."""

    asked: int
    agreed: int

    @property
    def agreement(self) -> float:
        """The share that agrees, 1 for no prompt."""
        return self.agreed / self.asked if self.asked else 1.0
