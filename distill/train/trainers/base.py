"""The interface of a trainer, and the records of its input and output."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from distill.serve.context_length import Chat
from distill.task.kinds import AnswerForm
from distill.task.kinds.json_schema import FieldType

Choices = Mapping[str, Any]  # the task's [student]


@dataclass(frozen=True, slots=True)
class Base:
    """The model that is trained.

    `name`: the name, with a hash of local weights.
    `place`: the folder, or the id at a provider.
    `licence`: "" if unknown.
    """

    name: str
    place: str
    licence: str = ""


@dataclass(frozen=True, slots=True)
class TrainJob:
    """The input of a training.

    `base`: the folder of the base, or its id at a provider.
    `train`, `validation`: the files of rows (chat JSON lines).
    `parity`: the file of chats that the trained model answers, for the parity check.
    `out`: the folder of the weights.
    `recipe`: the return value of the trainer's `recipe`.
    `tag`: a hash of rows, base and recipe.
    `choices`: the allowed answers; empty if any text is allowed.
    `fields`: the fields whose values are in the input word for word, with their types.
    """

    base: str
    train: Path
    validation: Path
    parity: Path
    out: Path
    log: Path
    recipe: Mapping[str, object]
    tag: str
    choices: tuple[str, ...] = ()
    fields: Mapping[str, FieldType] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LocalWeights:
    """The folder of the weights of a local training, as a server loads them."""

    folder: Path


@dataclass(frozen=True, slots=True)
class HostedModel:
    """A model that a provider has trained and serves.

    `name`: the provider's name of the model.
    `usd`: the provider's bill, estimated if the provider does not state it.
    `most_usd`: the maximum bill if the provider does not state it, else None.
    """

    name: str
    usd: Decimal
    most_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The result of a training.

    A local trainer writes its weights and `answers.json` to `out`.

    `kept_step`: the step whose weights were kept.
    `losses`: rows of step, loss, and validation_loss if it was measured.
    `earlier_seconds`: the duration of earlier, interrupted parts of the training.
    `made_now`: true if this call began the training.
    """

    model: LocalWeights | HostedModel
    trained_tokens: int
    kept_step: int
    losses: tuple[Mapping[str, float], ...]
    earlier_seconds: float = 0.0
    made_now: bool = True


OnSteps = Callable[[int], None]


class Trainer(Protocol):
    """A trainer backend."""

    @property
    def PROVIDER(self) -> str | None:
        """The API of the provider that trains and serves the student, as in `Model.api`.

        None for a training on this machine.
        """

    def automatic(self) -> str:
        """Return the name of the base that `student.base = "auto"` selects, without fetching it."""

    def suits(self, form: AnswerForm) -> None:
        """Check that a student can learn such answers. Raises InputError if it cannot."""

    def check(self, choices: Choices) -> str:
        """Return a warning to show before anything is billed; "" if there is none.

        Raises InputError for a base or a recipe that the trainer does not support."""

    def locate(self, base: str) -> Base:
        """Return the base that `student.base` names."""

    def recipe(self, choices: Choices, base: Base, *, labelled: bool) -> Mapping[str, object]:
        """Return the recipe: the task's [student], with defaults for the base.

        `labelled`: True if answers are the task's labels."""

    def longer_than(self, chats: Sequence[Chat], base: Base, choices: Choices) -> dict[int, int]:
        """Return place → tokens of the chats that are too long for the student."""

    def total_steps(self, job: TrainJob) -> int | None:
        """Return the number of optimizer steps of the whole training; None if unknown."""

    def worst_usd(self, job: TrainJob) -> Decimal:
        """Return the maximum bill in USD; 0 for a local training."""

    def is_made(self, job: TrainJob) -> bool:
        """True if a provider has a training of this job, running or finished."""

    def cancel(self, tag: str) -> Decimal | None:
        """Cancel the training with a tag, and return its bill so far in USD.

        None if the provider has no running training with the tag."""

    def closed(self, today: date) -> str:
        """Describe why the provider takes no new trainings; "" if it takes them."""

    def closing(self, base: str, today: date) -> str:
        """Return a sentence on the end dates of the service and the student; "" without an end."""

    def train(self, job: TrainJob, on_steps: OnSteps) -> TrainResult:
        """Train, or resume an interrupted training of the same job, and return the result.

        `on_steps` is called with the number of newly completed optimizer steps. Raises
        DistillError, with a remedy, if the training fails.
        """
