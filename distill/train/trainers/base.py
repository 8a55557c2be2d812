"""The Protocol of a trainer, and the records that it takes and gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from distill.serve.context_length import Chat

Choices = Mapping[str, Any]  # the task's [student]


@dataclass(frozen=True, slots=True)
class Base:
    """What is trained: its name, with a hash of the weights where we have them, its folder, or its
    id at a provider, and its licence, empty when that is not known."""

    name: str
    place: str
    licence: str = ""


@dataclass(frozen=True, slots=True)
class TrainJob:
    """Where the rows (chat JSON lines) and the base lie, where the weights go, and the recipe, as
    the trainer made it. The trained model answers the chats of `parity`, to compare with what is
    served. `tag` is a hash of rows, base and recipe. `choices`: the answers that there are, empty
    where any text is one."""

    base: str
    train: Path
    validation: Path
    parity: Path
    out: Path
    log: Path
    recipe: Mapping[str, object]
    tag: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a trainer leaves in `out`: `adapter/`, `merged/` and `answers.json`; or the name by
    which a provider serves what it trained (`model`), what it billed, and whether this call
    began it (`made_now`); and the figures.

    `losses`: step, loss, and validation_loss where it was measured. `kept_step`: the step whose
    weights were kept. `earlier_seconds`: what the part that was cut off had taken.
    """

    merged: Path | None
    trained_tokens: int
    kept_step: int
    losses: tuple[Mapping[str, float], ...]
    earlier_seconds: float = 0.0
    model: str = ""
    usd: Decimal | None = None
    most_usd: Decimal | None = None
    made_now: bool = True


OnSteps = Callable[[int], None]


class Trainer(Protocol):
    """What a trainer backend offers."""

    def check(self, choices: Choices) -> str:
        """What to know before anything is paid for, empty for nothing. Raises InputError for a base
        or a recipe that it could not train."""

    def locate(self, base: str) -> Base:
        """What `student.base` means."""

    def recipe(self, choices: Choices, base: Base, *, labelled: bool) -> Mapping[str, object]:
        """What the task says, and for the rest what suits the base; `labelled` where answers are
        the task's labels."""

    def longer_than(self, chats: Sequence[Chat], base: Base, choices: Choices) -> dict[int, int]:
        """Place → tokens of the chats that are too long for the student."""

    def total_steps(self, job: TrainJob) -> int | None:
        """Optimizer steps of the whole training; None where that is not known."""

    def worst_usd(self, job: TrainJob) -> Decimal:
        """The most that a provider may bill for it: nothing for what is trained here."""

    def is_made(self, job: TrainJob) -> bool:
        """Whether a provider has this very training, under way or done."""

    def train(self, job: TrainJob, on_steps: OnSteps) -> TrainResult:
        """Train, or go on with a training of the same job that was cut off; `on_steps` is told of
        optimizer steps as they are done. Raises DistillError with what to do when it fails."""
