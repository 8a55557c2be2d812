"""Validated rows of `prices.toml`, the prices that are missing in the price library.

Each row has a source and the day on which the source was last checked.
"""

import re
import tomllib
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

STALE_DAYS = 90
_DATE = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|latest)$")

Usd = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class Row(BaseModel):
    """The source of a price.

    `checked`: the day on which the source was last checked.
    `valid_from`: the day from which the price is valid; None if unknown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    checked: date
    valid_from: date | None = None

    def is_stale(self, today: date) -> bool:
        """True if the source was last checked more than STALE_DAYS ago."""
        return (today - self.checked).days > STALE_DAYS


class Tokens(BaseModel):
    """Prices in USD per 1M tokens.

    `cached`: prompt tokens read from the provider's cache; None for the price `input`.
    `cache_write`: prompt tokens written to the cache; None for the price `input`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Usd
    output: Usd
    cached: Usd | None = None
    cache_write: Usd | None = None


class InferenceRow(Row, Tokens):
    """The prices of a model; without `batch`, batches cost half."""

    provider: str
    model: str
    batch: Tokens | None = None


class TrainingRow(Row):
    """The fine-tuning price of a base.

    `usd_per_mtok`: the price in USD per 1M trained tokens.
    `example_tokens`: the maximum tokens of an example.
    `shutdown`: the day on which the base and its students are shut down.
    """

    base: str
    usd_per_mtok: Usd
    example_tokens: int
    shutdown: date


class LifetimeRow(Row):
    """The day on which a provider shuts a model down."""

    provider: str
    model: str
    shutdown: date


class MachineRow(Row):
    """The price of a machine in USD per hour."""

    name: str
    usd_per_hour: Usd


class ComparedRow(BaseModel):
    """A model whose list price the report shows beside the measured costs.

    `name`: the model's name for people. `decides`: True for a model that picks one of given answers
    and bills no output.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str
    model: str
    name: str
    decides: bool = False


class PriceTable(BaseModel):
    """All rows of `prices.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    no_new_trainings: date
    inference: tuple[InferenceRow, ...]
    training: tuple[TrainingRow, ...]
    lifetime: tuple[LifetimeRow, ...]
    machine: tuple[MachineRow, ...]
    compared: tuple[ComparedRow, ...]


def valid_rows(rows: Iterable[InferenceRow], today: date) -> dict[tuple[str, str], InferenceRow]:
    """Return the latest row that is valid on the day `today`, by (provider, model)."""
    begun = [row for row in rows if row.valid_from is None or row.valid_from <= today]
    ordered = sorted(begun, key=lambda row: row.valid_from or date.min)
    return {(row.provider, row.model): row for row in ordered}


def lifetime_of(provider: str, model: str) -> LifetimeRow | None:
    """Return the lifetime of a provider's model; None if unknown.

    A fine-tuned model has the lifetime of its base. The row of the id counts, or without one, the
    row of the id without its date or `-latest`. For an id without a date, the latest row counts of
    the same id with a date.
    """
    name = model.split(":")[1] if model.startswith("ft:") else model
    rows = [row for row in price_table().lifetime if row.provider == provider]
    for same in (name, _undated(name)):
        if found := [row for row in rows if row.model == same]:
            return found[0]
    dated = [row for row in rows if _undated(row.model) == name]
    return max(dated, key=lambda row: row.shutdown, default=None)


def _undated(model: str) -> str:
    return _DATE.sub("", model)


def today() -> date:
    """Return the current day in UTC."""
    return datetime.now(UTC).date()


@cache
def price_table() -> PriceTable:
    """Load the price table that is part of the tool."""
    text = (files("distill.pricing") / "prices.toml").read_text(encoding="utf-8")
    return PriceTable.model_validate(tomllib.loads(text))
