"""Checked rows of `prices.toml`, the prices that the price library lacks.

Each row has its source and the day on which the source was last checked.
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
    """The source of a price, the day of its last check, and the day from which it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    checked: date
    valid_from: date | None = None

    def is_stale(self, today: date) -> bool:
        """True if the source was last checked more than STALE_DAYS ago."""
        return (today - self.checked).days > STALE_DAYS


class Tokens(BaseModel):
    """USD per 1M tokens.

    Without `cached`, tokens read from the provider's cache have the prompt's price. Without
    `cache_write`, tokens written to the cache have the prompt's price.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Usd
    output: Usd
    cached: Usd | None = None
    cache_write: Usd | None = None


class InferenceRow(Row, Tokens):
    """USD per 1M tokens of answers; without `batch`, batches cost half."""

    provider: str
    model: str
    batch: Tokens | None = None


class TrainingRow(Row):
    """The training price of a base.

    `usd_per_mtok`: USD per 1M trained tokens.
    `example_tokens`: the maximum tokens of one example.
    `shutdown`: the day on which the base and its students end.
    """

    base: str
    usd_per_mtok: Usd
    example_tokens: int
    shutdown: date


class LifetimeRow(Row):
    """The day on which a provider's model ends."""

    provider: str
    model: str
    shutdown: date


class MachineRow(Row):
    """USD per hour of a machine."""

    name: str
    usd_per_hour: Usd


class PriceTable(BaseModel):
    """All rows of `prices.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    no_new_trainings: date
    inference: tuple[InferenceRow, ...]
    training: tuple[TrainingRow, ...]
    lifetime: tuple[LifetimeRow, ...]
    machine: tuple[MachineRow, ...]


def valid_rows(rows: Iterable[InferenceRow], today: date) -> dict[tuple[str, str], InferenceRow]:
    """Map (provider, model) to the latest row that holds on the day `today`."""
    begun = [row for row in rows if row.valid_from is None or row.valid_from <= today]
    ordered = sorted(begun, key=lambda row: row.valid_from or date.min)
    return {(row.provider, row.model): row for row in ordered}


def lifetime_of(provider: str, model: str) -> LifetimeRow | None:
    """Return the lifetime of a provider's model, None if unknown.

    A fine-tuned model has the lifetime of its base. The row of the id itself comes first. An id
    with a date or `-latest` also takes the row of the id without that suffix. An id without a date
    takes the latest end of its dated ids.
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
    """Return the current day in UTC, by which prices hold and models end."""
    return datetime.now(UTC).date()


@cache
def price_table() -> PriceTable:
    """Load the price table that comes with the tool."""
    text = (files("distill.pricing") / "prices.toml").read_text(encoding="utf-8")
    return PriceTable.model_validate(tomllib.loads(text))
