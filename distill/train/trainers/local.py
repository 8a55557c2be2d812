"""The parts that all trainers on this machine share: their steps, and nothing at a provider."""

import math
from datetime import date
from decimal import Decimal
from typing import cast

from distill.train.trainers.base import TrainJob

PROVIDER = None


def total_steps(job: TrainJob) -> int:
    """Return the number of optimizer steps of the whole training."""
    batch_size, epochs = (cast(float, job.recipe[key]) for key in ("batch_size", "epochs"))
    with job.train.open(encoding="utf-8") as rows:
        per_epoch = math.ceil(sum(1 for _ in rows) / batch_size)
    return math.ceil(per_epoch * epochs)


def worst_usd(job: TrainJob) -> Decimal:
    """Return 0, because a local training has no bill."""
    return Decimal(0)


def is_made(job: TrainJob) -> bool:
    """Return False, because no provider has a local training."""
    return False


def cancel(tag: str) -> None:
    """Return None: a local training has nothing to cancel at a provider."""


def closed(today: date) -> str:
    """Return "": this machine takes every training."""
    return ""


def closing(base: str, today: date) -> str:
    """Return "", because a local student has no end date."""
    return ""
