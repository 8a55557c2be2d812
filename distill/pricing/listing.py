"""Rows of prices with their sources, for `distill prices`."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from distill.core.errors import InputError
from distill.core.model_ref import SOURCES, key_variables
from distill.pricing.table import LifetimeRow, Row, lifetime_of, price_table
from distill.pricing.token_prices import (
    LIBRARY_IDS,
    Rates,
    TokenPrice,
    assumption,
    own_rates,
    rates_given,
    token_price,
    unpriced,
)

Shown = dict[str, Any]


def all_rows(today: date) -> list[Shown]:
    """Return the rows of all prices that the tool adds to the price library."""
    table = price_table()
    inference = [
        {
            "model": f"{row.provider}:{row.model}",
            "usd_per_1m_input": row.input,
            **({} if row.cached is None else {"usd_per_1m_cached": row.cached}),
            **({} if row.cache_write is None else {"usd_per_1m_cache_write": row.cache_write}),
            "usd_per_1m_output": row.output,
            **_origin(row, today),
        }
        for row in table.inference
    ]
    machines = [
        {"machine": row.name, "usd_per_hour": row.usd_per_hour, **_origin(row, today)}
        for row in table.machine
    ]
    lifetimes = [_lifetime(row, today) for row in table.lifetime]
    return [*inference, *_trainings(None, today), *lifetimes, *machines]


def rows_of(name: str, today: date, given: Mapping[str, Rates]) -> list[Shown]:
    """Return the rows of a model's prices: online, in batches, and of fine-tuning.

    `name`: a name in the form of `teacher.model`, or a provider's id. `given`: the prices of the
    project by model, which take precedence. Raises InputError if no price is known.
    """
    providers, model = _parted(name)
    found: list[Shown] = []
    for provider in providers:
        try:
            at_once = token_price(provider, model, given)
        except InputError:
            continue
        found += _tiers(f"{provider}:{model}", "at once", at_once)
        if provider in SOURCES and SOURCES[provider].has_batches:
            batch = token_price(provider, model, given, batch=True)
            found += _tiers(f"{provider}:{model}", "in batches", batch)
        if rates_given(given, provider, model) is None:
            found = [row | _own_origin(provider, model, today) for row in found]
        break
    found += _trainings(model, today)
    ends = [lifetime_of(provider, model) for provider in providers]
    found += [_lifetime(row, today) for row in ends if row]
    if not found:
        raise InputError(unpriced(model, *providers))
    return found


def _parted(name: str) -> tuple[tuple[str, ...], str]:
    """Split a name into the providers that may have the model, and the model's id."""
    provider, _, model = name.partition(":")
    if provider in key_variables():
        return (provider,), model
    return tuple(one for one in key_variables() if one not in LIBRARY_IDS), name


def _tiers(model: str, mode: str, price: TokenPrice) -> Iterator[Shown]:
    provider, _, name = model.partition(":")
    assumed = assumption(model if provider in LIBRARY_IDS else name, price)
    for place, (start, rates) in enumerate(price.tiers):
        longer = {"prompts_from_tokens": start} if place else {}
        yield {
            "model": model,
            "mode": mode,
            **longer,
            "usd_per_1m_input": rates.input,
            "usd_per_1m_cached": rates.cached,
            "usd_per_1m_cache_write": rates.cache_write,
            "usd_per_1m_output": rates.output,
            "from": price.source,
            **({"assumed": assumed} if assumed else {}),
        }


def _trainings(base: str | None, today: date) -> list[Shown]:
    return [
        {
            "training": row.base,
            "usd_per_1m_trained": row.usd_per_mtok,
            "ends": row.shutdown,
            "days_left": max((row.shutdown - today).days, 0),
            **_origin(row, today),
        }
        for row in price_table().training
        if base in (None, row.base)
    ]


def _lifetime(row: LifetimeRow, today: date) -> Shown:
    return {
        "lifetime": f"{row.provider}:{row.model}",
        "ends": row.shutdown,
        "days_left": max((row.shutdown - today).days, 0),
        **_origin(row, today),
    }


def _own_origin(provider: str, model: str, today: date) -> Shown:
    if (provider, model) not in own_rates():
        return {}
    rows = price_table().inference
    return _origin(next(r for r in rows if (r.provider, r.model) == (provider, model)), today)


def _origin(row: Row, today: date) -> Shown:
    told: Shown = {"valid_from": row.valid_from} if row.valid_from else {}
    told |= {"checked": row.checked}
    if row.is_stale(today):
        told["stale"] = f"last checked {(today - row.checked).days} days ago"
    return told | {"source": row.source}


def printed(row: Shown) -> Shown:
    """Return a row for JSON or a terminal, with amounts and dates as strings."""
    return {key: str(v) if isinstance(v, Decimal | date) else v for key, v in row.items()}
