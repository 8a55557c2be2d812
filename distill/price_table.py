"""`prices.toml` in, its checked rows out: what the price library lacks, each with its source and
the day on which that was last looked at."""

import tomllib
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

STALE_DAYS = 90

Usd = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class Row(BaseModel):
    """Where a price is from, when that was last looked at, and from when on it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    checked: date
    valid_from: date | None = None

    def is_stale(self, today: date) -> bool:
        """Whether nobody has looked for STALE_DAYS."""
        return (today - self.checked).days > STALE_DAYS


class InferenceRow(Row):
    """USD per 1M tokens."""

    provider: str
    model: str
    input: Usd
    output: Usd
    cached: Usd | None = None


class TrainingRow(Row):
    """USD per 1M trained tokens, the longest example in tokens, and until when the base and its
    students can be asked."""

    base: str
    usd_per_mtok: Usd
    example_tokens: int
    shutdown: date


class MachineRow(Row):
    """USD of an hour."""

    name: str
    usd_per_hour: Usd


class PriceTable(BaseModel):
    """All rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    no_new_trainings: date
    inference: tuple[InferenceRow, ...]
    training: tuple[TrainingRow, ...]
    machine: tuple[MachineRow, ...]


@cache
def price_table() -> PriceTable:
    """The table that came with the tool."""
    text = (files("distill") / "prices.toml").read_text(encoding="utf-8")
    return PriceTable.model_validate(tomllib.loads(text))
