"""`prices.toml` in, its checked rows out: what the price library lacks, each with its source and
the day on which that was last looked at."""

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
    """Where a price is from, when that was last looked at, and from when on it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    checked: date
    valid_from: date | None = None

    def is_stale(self, today: date) -> bool:
        """Whether nobody has looked for STALE_DAYS."""
        return (today - self.checked).days > STALE_DAYS


class Tokens(BaseModel):
    """USD per 1M tokens. Without `cached` one that is read from the provider's cache costs as much
    as any of the prompt, without `cache_write` one that is written to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Usd
    output: Usd
    cached: Usd | None = None
    cache_write: Usd | None = None


class InferenceRow(Row, Tokens):
    """USD per 1M tokens of answers at once and, where those are not half of that, in batches."""

    provider: str
    model: str
    batch: Tokens | None = None


class TrainingRow(Row):
    """USD per 1M trained tokens, the longest example in tokens, and until when the base and its
    students can be asked."""

    base: str
    usd_per_mtok: Usd
    example_tokens: int
    shutdown: date


class LifetimeRow(Row):
    """Until when a provider's model can be asked."""

    provider: str
    model: str
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
    lifetime: tuple[LifetimeRow, ...]
    machine: tuple[MachineRow, ...]


def valid_rows(rows: Iterable[InferenceRow], today: date) -> dict[tuple[str, str], InferenceRow]:
    """(provider, model) → its row that holds on a day: of several the one that came last."""
    begun = [row for row in rows if row.valid_from is None or row.valid_from <= today]
    ordered = sorted(begun, key=lambda row: row.valid_from or date.min)
    return {(row.provider, row.model): row for row in ordered}


def lifetime_of(provider: str, model: str) -> LifetimeRow | None:
    """Until when a model can be asked, where that is known: by its id, for a dated one or `-latest`
    also by the id before that, for an id without a date by its dated ones, for a tuned one by its
    base's."""
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
    """The day, in UTC: on it prices hold and models end."""
    return datetime.now(UTC).date()


@cache
def price_table() -> PriceTable:
    """The table that came with the tool."""
    text = (files("distill.pricing") / "prices.toml").read_text(encoding="utf-8")
    return PriceTable.model_validate(tomllib.loads(text))
