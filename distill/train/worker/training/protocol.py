"""The protocol between parent and child: a job as a JSON file, progress as JSON lines.

Both import this module, which therefore imports only the standard library.
"""

import json
import os
import time
from pathlib import Path
from typing import Literal, TypedDict

BEGAN = time.monotonic()


class Recipe(TypedDict):
    """The recipe of a job: the fields of `trainers.recipes.Recipe`."""

    rank: int
    alpha: int
    dropout: float
    rslora: bool
    epochs: float
    learning_rate: float
    schedule: str
    warmup_share: float
    batch_size: int
    patience: int
    context_tokens: int
    seed: int
    load_in_4bit: bool
    loss: Literal["choice", "tokens"]


class EncoderRecipe(TypedDict):
    """The recipe of an encoder's job: the fields of `trainers.recipes.EncoderRecipe`."""

    epochs: float
    learning_rate: float
    head_learning_rate: float
    schedule: str
    warmup_share: float
    batch_size: int
    patience: int
    context_tokens: int
    seed: int


class AnyJob(TypedDict):
    """A job: the fields of `trainers.base.TrainJob`, with paths as strings, and two more.

    `trainer`: the name of the loader.
    `progress`: the file of the events.
    """

    base: str
    train: str
    validation: str
    parity: str
    out: str
    log: str
    tag: str
    choices: list[str]
    fields: dict[str, str]
    trainer: str
    progress: str


class Job(AnyJob):
    """A job of LoRA."""

    recipe: Recipe


class EncoderJob(AnyJob):
    """A job of an encoder."""

    recipe: EncoderRecipe


class Timed(TypedDict, total=False):
    """An event. `seconds`: the child's working time so far, added by `tell`."""

    seconds: float


class Begun(Timed):
    """The event that the child has started."""

    event: Literal["begun"]


class Steps(Timed):
    """Completed optimizer steps: the checkpoint's steps after a restart, otherwise 1."""

    event: Literal["steps"]
    steps: int


class Failed(Timed):
    """The event of a failure that has a message for the user."""

    event: Literal["failed"]
    message: str


class Done(Timed):
    """The event of the result: trained tokens, step of the kept weights, rows of the loss curve."""

    event: Literal["done"]
    trained_tokens: int
    kept_step: int
    losses: list[dict[str, float]]


Event = Begun | Steps | Failed | Done


def tell(job: AnyJob, event: Event) -> None:
    """Append an event to the progress file, in one write, with this process's working seconds."""
    line = json.dumps(event | {"seconds": round(time.monotonic() - BEGAN, 3)})
    with Path(job["progress"]).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_event(line: str) -> Event:
    """Return the event of a line of the progress file."""
    event: Event = json.loads(line)
    return event
