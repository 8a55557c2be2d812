"""Frozen records of trained students."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

ENCODER = "encoder"  # the trainer of students that choose a label and write no text


@dataclass(frozen=True, slots=True)
class Student:
    """A trained student.

    `recipe`: the settings of the training.
    `folder`: the folder of the weights, or of the records of a provider's job.
    `kept_step`: the training step of the kept weights; None in older stores.
    `model`: the model's name at the provider that trained it; "" for local weights.
    `train_usd`: the provider's bill in USD; None for local training.
    `licence`: the licence of the base.
    `others_cpu`: the share of the processors that other processes used during the training; None if
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
    kept_step: int | None = None
    losses: Sequence[Mapping[str, float]] = field(default_factory=tuple)
    model: str = ""
    train_usd: Decimal | None = None
    licence: str = ""
    others_cpu: float | None = None

    @property
    def is_local(self) -> bool:
        """True if the student was trained on this machine; False if a provider serves it."""
        return not self.model

    @property
    def is_encoder(self) -> bool:
        """True if the student is an encoder with a head, which writes no text."""
        return self.trainer == ENCODER

    @property
    def weights(self) -> Path:
        """The folder that a server of a local student loads."""
        return self.folder / ("model" if self.is_encoder else "merged")

    @property
    def server(self) -> str:
        """The name of the server backend of a local student."""
        return "encoder" if self.is_encoder else "vllm"


@dataclass(frozen=True, slots=True)
class TrainingSpeed:
    """The training speed of a run's student.

    `seconds_per_1k`: seconds per 1,000 trained rows, including startup and the merge of weights.
    `epochs`: the epochs of the recipe.
    """

    run_id: str
    seconds_per_1k: float
    epochs: float


@dataclass(frozen=True, slots=True)
class Parity:
    """The counts of the parity check.

    `asked`: the prompts sent to both the trained and the served student.
    `agreed`: the prompts with equal answers.
    """

    asked: int
    agreed: int

    @property
    def agreement(self) -> float:
        """The share of prompts with equal answers; 1 without prompts."""
        return self.agreed / self.asked if self.asked else 1.0
