"""Prices of answers in USD as Decimal, never float.

A model behind an API has a price per token. An answer of a model that we serve costs machine time
at the task's `machine.usd_per_hour`. Every report shows that assumption.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from distill.core.errors import InputError
from distill.core.requests import Usage
from distill.pricing.table import InferenceRow, Tokens, price_table, valid_rows

if TYPE_CHECKING:
    from genai_prices.types import PriceContext

SECONDS_PER_HOUR = 3600
STANDARD_TIERS = ("", "default")  # service tiers, as answers name them
OTHER_TIERS = ("flex", "priority", "fast")

Tiers = tuple[tuple[int, "Rates"], ...]
TOKENS_PER_PRICE = 1_000_000
USD_PLACES = Decimal("0.000000000001")
TOKENS = ("input", "output", "cached", "cache_write")  # kinds of tokens, by the fields of `Rates`
OF_THE_CACHE = {"cached": "tokens read from a cache", "cache_write": "tokens written to a cache"}


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per 1M tokens.

    `input`, `output`: prompt tokens, and answer tokens with reasoning.
    `cached`, `cache_write`: prompt tokens read from the cache, and prompt tokens written to it.
    `source`: the origin of a user's own rates; "" for all others.
    `assumed`: kinds of OF_THE_CACHE without a price of their own, which take the prompt's price.
    """

    input: Decimal
    output: Decimal
    cached: Decimal
    cache_write: Decimal
    source: str = field(default="", kw_only=True)
    assumed: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """A price per token.

    `tiers`: pairs of a minimum prompt length in tokens and rates for all tokens, ascending from 0.
    `source`: the origin of the rates.
    `service`: the tiers of service tiers other than the standard one, if known.
    """

    tiers: Tiers
    source: str
    service: Mapping[str, Tiers] = field(default_factory=dict, compare=False)
    by_seconds: ClassVar[bool] = False

    @property
    def first(self) -> Rates:
        """The rates of the shortest prompts."""
        return self.tiers[0][1]

    def usd(self, usage: Usage, seconds: float) -> Decimal:
        """Return the USD of an answer in its service tier; `seconds` has no influence.

        The standard tier's rates hold if the service tier is unknown.
        """
        rates = _rates_of(self.service.get(usage.tier, self.tiers), usage.prompt)
        fresh = usage.prompt - usage.cached - usage.cache_written
        millionths = fresh * rates.input + usage.cached * rates.cached
        millionths += usage.cache_written * rates.cache_write + usage.completion * rates.output
        return (millionths / TOKENS_PER_PRICE).quantize(USD_PLACES)

    def worst(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Return the most USD of an answer.

        Every prompt token counts at the highest rate of the prompt, cache rates included.
        """
        rates = _rates_of(self.tiers, prompt_tokens)
        dearest = max(rates.input, rates.cached, rates.cache_write)
        millionths = prompt_tokens * dearest + completion_tokens * rates.output
        return (millionths / TOKENS_PER_PRICE).quantize(USD_PLACES)

    def covers(self, tier: str) -> bool:
        """True if answers of a service tier cost at most as much as those of the standard tier."""
        if tier in STANDARD_TIERS:
            return True
        known = self.service.get(tier)
        return known is not None and all(
            getattr(rates, kind) <= getattr(_rates_of(self.tiers, start), kind)
            for start, rates in known
            for kind in TOKENS
        )


def _rates_of(tiers: Tiers, prompt_tokens: int) -> Rates:
    found = (rates for start, rates in reversed(tiers) if prompt_tokens >= start)
    return next(found, tiers[0][1])


@dataclass(frozen=True, slots=True)
class MachinePrice:
    """The price of a machine's time, shared by `in_flight` requests at a time."""

    usd_per_hour: Decimal
    in_flight: int
    by_seconds: ClassVar[bool] = True

    def usd(self, usage: Usage, seconds: float) -> Decimal:
        """Return the answer's share of the machine's cost."""
        return machine_share(self.usd_per_hour, seconds, self.in_flight)

    def worst(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Return 0, since no provider bills the answer."""
        return Decimal(0)

    def covers(self, tier: str) -> bool:
        """True always: a machine has no service tiers."""
        return True


def own_rates(today: date | None = None) -> dict[tuple[str, str], Rates]:
    """Map (provider, model) to the rates that the price library lacks."""
    return {key: _rates(row) for key, row in _own_rows(today).items()}


def _own_rows(today: date | None = None) -> dict[tuple[str, str], InferenceRow]:
    return valid_rows(price_table().inference, today or datetime.now(UTC).date())


def _rates(row: Tokens) -> Rates:
    cached = row.input if row.cached is None else row.cached
    write = row.input if row.cache_write is None else row.cache_write
    assumed = ("cached",) if row.cached is None else ()
    return Rates(row.input, row.output, cached, write, assumed=assumed)


def token_price(
    provider: str, model: str, given: Mapping[str, Rates], *, batch: bool = False
) -> TokenPrice:
    """Return the price of a provider's model.

    `given` holds the task's own rates for answers at once, which take precedence. Raises InputError
    if the price is unknown: an unknown price never counts as 0.
    """
    rates = rates_given(given, provider, model)
    if rates is None:
        return _known_price(provider, model, batch=batch)
    try:
        at_once = _known_price(provider, model, batch=False)
    except InputError:
        return TokenPrice(((0, _halved(rates) if batch else rates),), rates.source)
    known = _known_price(provider, model, batch=True) if batch else at_once
    return _in_proportion(rates, at_once, known, batch=batch)


def rates_given(given: Mapping[str, Rates], provider: str, model: str) -> Rates | None:
    """Return a user's own rates for a model, None if there are none.

    The rates stand under the model's id or its name as in `teacher.model`. A fine-tuned model also
    takes the rates of its base.
    """
    for name in (model, _untagged(model)):
        if rates := given.get(name) or given.get(f"{provider}:{name}"):
            return rates
    return None


def _known_price(provider: str, model: str, *, batch: bool) -> TokenPrice:
    own = _own_rows()
    for name in (model, _untagged(model)):
        if row := own.get((provider, name)):
            return TokenPrice(((0, _row_rates(row, batch=batch)),), "distill/pricing/prices.toml")
    return _library_price(provider, model, batch=batch)


def _in_proportion(
    given: Rates, at_once: TokenPrice, known: TokenPrice, *, batch: bool
) -> TokenPrice:
    """Return the price of a known model at the user's own rates for answers at once.

    The user's rates hold for all prompt lengths. Rates that the user omits keep their ratio to the
    known price; so do batches and service tiers.
    """
    base, rates = at_once.first, known.first
    own = {
        kind: _scaled(given.input, getattr(base, kind), base.input)
        if kind in given.assumed
        else getattr(given, kind)
        for kind in TOKENS
    }
    source = given.source
    if given.assumed:
        source += f"; {' and '.join(given.assumed)} in proportion to {at_once.source}"

    def scaled(rates: Rates) -> Rates:
        return Rates(*(_scaled(own[k], getattr(rates, k), getattr(base, k)) for k in TOKENS))

    found = scaled(rates)
    if batch and known.tiers == at_once.tiers:  # no batch price is known
        found = _halved(found)
    service = {name: ((0, scaled(tiers[0][1])),) for name, tiers in known.service.items()}
    return TokenPrice(((0, found),), source, service)


def _scaled(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return `amount` × `part` ÷ `whole` without trailing zeros.

    Returns `amount` if `part` equals `whole` or `whole` is 0.
    """
    if part == whole or not whole:
        return amount
    found = (amount * part / whole).quantize(USD_PLACES)
    return Decimal(f"{found:f}".rstrip("0").rstrip("."))


def assumption(model: str, price: TokenPrice) -> str:
    """Return the assumption in words for a model without cache prices; "" if nothing is assumed."""
    kinds, name = price.first.assumed, model.rpartition("#")[2]
    if not kinds:
        return ""
    return (
        f"{name}: {' and '.join(OF_THE_CACHE[kind] for kind in kinds)} count at the full price of "
        f"the prompt, since {price.source} gives no other: give {' and '.join(kinds)} under "
        f'[prices."{name}"]'
    )


def _row_rates(row: InferenceRow, *, batch: bool) -> Rates:
    if batch:
        return _halved(_rates(row)) if row.batch is None else _rates(row.batch)
    return _rates(row)


def _untagged(model: str) -> str:
    """Remove owner, suffix and id of a fine-tuned model: ft:<base>:<org>:<suffix>:<id>."""
    return ":".join(model.split(":")[:2]) if model.startswith("ft:") else model


def _halved(rates: Rates) -> Rates:
    """Halve the rates of every kind of token, the default for batches."""
    halves = (getattr(rates, name) / 2 for name in TOKENS)
    return Rates(*halves, source=rates.source, assumed=rates.assumed)


def _library_price(provider: str, model: str, *, batch: bool) -> TokenPrice:
    from genai_prices import __version__

    standard = _library_tiers(provider, model, {})
    tiers = _library_tiers(provider, model, {"processing": "batch"}) if batch else standard
    service: dict[str, Tiers] = {}
    for name in OTHER_TIERS if provider == "openai" else ():
        found = _library_tiers(provider, model, {"service_tier": name})
        if found != standard:  # the library returns the standard price for an unknown tier
            service[name] = found
    return TokenPrice(tiers, f"genai-prices {__version__}", service)


def _library_tiers(provider: str, model: str, context: "PriceContext") -> Tiers:
    """Return the library's tiers of a model.

    Raises InputError if the library has no price per token for the model.
    """
    from genai_prices import Usage as LibraryUsage
    from genai_prices import calc_price

    try:
        found = calc_price(
            LibraryUsage(input_tokens=1), model, provider_id=provider, price_context=context or None
        )
    except LookupError as error:
        raise InputError(unpriced(provider, model)) from error
    if getattr(found.model_price, "input_mtok", None) is None:  # speech or moderation models
        raise InputError(unpriced(provider, model))
    columns = _columns(found.model_price)
    starts = sorted({start for column in columns.values() for start in column})
    assumed = ("cached",) if found.model_price.cache_read_mtok is None else ()
    return tuple(
        (start, Rates(*(_at(columns[name], start) for name in TOKENS), assumed=assumed))
        for start in starts
    )


def unpriced(provider: str, model: str) -> str:
    """Return the message for a model without a price."""
    return (
        f"the price of {model} ({provider}) is not known. Give it in task.toml, in USD per 1M "
        "tokens:\n"
        f'[prices."{model}"]\ninput = 1.00\noutput = 5.00'
    )


def _columns(price: object) -> dict[str, dict[int, Decimal]]:
    """Map each kind of token to {minimum prompt tokens: USD per 1M tokens}.

    A kind without a rate has the prompt's price.
    """
    input_ = _tiers(getattr(price, "input_mtok"))  # noqa: B009 - the library's are dynamic
    kinds = {
        "cached": "cache_read_mtok",
        "cache_write": "cache_write_mtok",
        "output": "output_mtok",
    }
    return {"input": input_} | {
        name: _tiers(found) if (found := getattr(price, key)) is not None else input_
        for name, key in kinds.items()
    }


def _tiers(price: object) -> dict[int, Decimal]:
    """Map minimum prompt lengths to prices.

    The library's tier holds for prompts longer than its start.
    """
    if isinstance(price, Decimal):
        return {0: price}
    tiers = {tier.start + 1: tier.price for tier in price.tiers}  # type: ignore[attr-defined]
    return {0: price.base} | tiers  # type: ignore[attr-defined]


def _at(column: Mapping[int, Decimal], start: int) -> Decimal:
    return column[max(known for known in column if known <= start)]


def machine_share(usd_per_hour: Decimal, seconds: float, in_flight: int) -> Decimal:
    """Return the USD of an answer of `seconds` on a machine with `in_flight` requests at a time."""
    hours = Decimal(str(seconds)) / SECONDS_PER_HOUR
    return (usd_per_hour * hours / in_flight).quantize(USD_PLACES)


def machine_usd(usd_per_hour: Decimal, seconds: float) -> Decimal:
    """Return the USD of `seconds` of the whole machine."""
    return machine_share(usd_per_hour, seconds, 1)


def usd_per_1k(usd_per_hour: Decimal, requests_per_s: float) -> Decimal:
    """Return the USD of 1,000 requests on a machine that is always busy.

    The machine needs 1000 ÷ `requests_per_s` seconds.
    """
    return machine_usd(usd_per_hour, 1000 / requests_per_s)
