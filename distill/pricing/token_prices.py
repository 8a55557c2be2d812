"""Prices of answers in USD, as Decimal.

A provider's model has prices per token. An answer of a model that we serve costs machine time at
the task's `machine.usd_per_hour`, an assumption that every report shows.
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
STANDARD_TIERS = ("", "default")  # names of the standard service tier in answers
OTHER_TIERS = ("flex", "priority", "fast")
# OpenAI's decision models have the names of its chat models, but prices of their own.
LIBRARY_IDS = {"decisions": "openai-decisions"}
DECISION_PROVIDERS = ("decisions", "typesafe", "openrouter")

Tiers = tuple[tuple[int, "Rates"], ...]
TOKENS_PER_PRICE = 1_000_000
USD_PLACES = Decimal("0.000000000001")
TOKENS = ("input", "output", "cached", "cache_write")  # kinds of tokens: fields of `Rates`
OF_THE_CACHE = {"cached": "tokens read from a cache", "cache_write": "tokens written to a cache"}


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices in USD per 1M tokens.

    `input`: prompt tokens.
    `output`: answer tokens, including reasoning.
    `cached`, `cache_write`: prompt tokens read from the cache, and written to the cache.
    `source`: the origin of rates given by the user; "" for other rates.
    `assumed`: the kinds of OF_THE_CACHE without a known price, which have the price `input`.
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

    `tiers`: pairs (minimum tokens of the prompt, rates for all tokens), ascending from 0.
    `source`: the origin of the rates.
    `service`: the same pairs for each other service tier with a known price.
    """

    tiers: Tiers
    source: str
    service: Mapping[str, Tiers] = field(default_factory=dict, compare=False)
    by_seconds: ClassVar[bool] = False

    @property
    def first(self) -> Rates:
        """The rates for the shortest prompts."""
        return self.tiers[0][1]

    def usd(self, usage: Usage, seconds: float) -> Decimal:
        """Return the price of an answer in USD; `seconds` is ignored.

        For an unknown service tier, the rates of the standard tier are used.
        """
        rates = _rates_of(self.service.get(usage.tier, self.tiers), usage.prompt)
        fresh = usage.prompt - usage.cached - usage.cache_written
        millionths = fresh * rates.input + usage.cached * rates.cached
        millionths += usage.cache_written * rates.cache_write + usage.completion * rates.output
        return (millionths / TOKENS_PER_PRICE).quantize(USD_PLACES)

    def worst(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Return the maximum price of an answer in USD.

        All prompt tokens are priced at the highest of the rates for prompts and the cache.
        """
        rates = _rates_of(self.tiers, prompt_tokens)
        dearest = max(rates.input, rates.cached, rates.cache_write)
        millionths = prompt_tokens * dearest + completion_tokens * rates.output
        return (millionths / TOKENS_PER_PRICE).quantize(USD_PLACES)

    def covers(self, tier: str) -> bool:
        """True if answers of a service tier are known to cost no more than in the standard tier."""
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
    """The price of a machine's time, shared by `in_flight` concurrent requests."""

    usd_per_hour: Decimal
    in_flight: int
    by_seconds: ClassVar[bool] = True

    def usd(self, usage: Usage, seconds: float) -> Decimal:
        """Return the answer's share of the machine's cost in USD."""
        return machine_share(self.usd_per_hour, seconds, self.in_flight)

    def worst(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Return 0, since no provider bills the answer."""
        return Decimal(0)

    def covers(self, tier: str) -> bool:
        """Return True, since a machine has no service tiers."""
        return True


def own_rates(today: date | None = None) -> dict[tuple[str, str], Rates]:
    """Return the rates that are missing in the price library, by (provider, model)."""
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

    `given`: the online rates in the task by model, which take precedence. Raises InputError if the
    price is unknown.
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
    """Return the user's rates for a model; None if there are none.

    The key in `given` is the model's id, or its name in the form of `teacher.model`. A provider of
    LIBRARY_IDS needs the latter. A fine-tuned model may also have the rates of `ft:<base>`.
    """
    for name in (model, _untagged(model)):
        own = None if provider in LIBRARY_IDS else given.get(name)
        if rates := own or given.get(f"{provider}:{name}"):
            return rates
    return None


def library_id(provider: str) -> str:
    """Return the price library's id of a provider."""
    return LIBRARY_IDS.get(provider, provider)


def _known_price(provider: str, model: str, *, batch: bool) -> TokenPrice:
    own = _own_rows()
    for name in (model, _untagged(model)):
        if row := own.get((provider, name)):
            return TokenPrice(((0, _row_rates(row, batch=batch)),), "distill/pricing/prices.toml")
    return _library_price(provider, model, batch=batch)


def _in_proportion(
    given: Rates, at_once: TokenPrice, known: TokenPrice, *, batch: bool
) -> TokenPrice:
    """Return a model's price from the user's online rates, completed from the known price.

    The user's rates are valid for all prompt lengths. Missing rates, batch rates and service-tier
    rates are scaled in proportion to the known price.
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
    if batch and known.tiers == at_once.tiers:  # the batch price is unknown
        found = _halved(found)
    service = {name: ((0, scaled(tiers[0][1])),) for name, tiers in known.service.items()}
    return TokenPrice(((0, found),), source, service)


def _scaled(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return `amount` × `part` ÷ `whole` without trailing zeros; `amount` if `whole` is 0."""
    if part == whole or not whole:
        return amount
    found = (amount * part / whole).quantize(USD_PLACES)
    return Decimal(f"{found:f}".rstrip("0").rstrip("."))


def assumption(model: str, price: TokenPrice) -> str:
    """Describe the assumption about a model without cache prices; "" if nothing is assumed."""
    kinds, name = price.first.assumed, model.rpartition("#")[2]
    if not kinds:
        return ""
    return (
        f"{name}: {' and '.join(OF_THE_CACHE[kind] for kind in kinds)} are priced like other "
        f"prompt tokens, since {price.source} has no price for them: set {' and '.join(kinds)} in "
        f'[prices."{name}"]'
    )


def _row_rates(row: InferenceRow, *, batch: bool) -> Rates:
    if batch:
        return _halved(_rates(row)) if row.batch is None else _rates(row.batch)
    return _rates(row)


def _untagged(model: str) -> str:
    """Return `ft:<base>` of a fine-tuned model `ft:<base>:<org>:<suffix>:<id>`.

    Returns the name of any other model unchanged.
    """
    return ":".join(model.split(":")[:2]) if model.startswith("ft:") else model


def _halved(rates: Rates) -> Rates:
    """Return the rates halved, the default for batches."""
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
    """Return the price library's rates of a model, by minimum prompt length.

    Raises InputError if the library has no price per token for the model.
    """
    from genai_prices import Usage as LibraryUsage
    from genai_prices import calc_price

    try:
        found = calc_price(
            LibraryUsage(input_tokens=1),
            model,
            provider_id=library_id(provider),
            price_context=context or None,
        )
    except LookupError as error:
        raise InputError(unpriced(model, provider)) from error
    if getattr(found.model_price, "input_mtok", None) is None:  # speech or moderation models
        raise InputError(unpriced(model, provider))
    columns = _columns(found.model_price)
    if provider in DECISION_PROVIDERS and found.model_price.output_mtok is None:
        columns["output"] = {0: Decimal(0)}  # a decision is not billed, only its prompt
    starts = sorted({start for column in columns.values() for start in column})
    assumed = ("cached",) if found.model_price.cache_read_mtok is None else ()
    return tuple(
        (start, Rates(*(_at(columns[name], start) for name in TOKENS), assumed=assumed))
        for start in starts
    )


def unpriced(model: str, *providers: str) -> str:
    """Return the message for a model without a price, which may be a misspelt name."""
    from distill.pricing.model_names import misspelt

    places, named = " or ".join(providers), model
    if len(providers) == 1 and providers[0] in LIBRARY_IDS:
        named = f"{providers[0]}:{model}"
    if found := next(filter(None, (misspelt(provider, model) for provider in providers)), ""):
        return (
            f"there is no known model {model!r} ({places}): did you mean {found}? Correct the "
            "name. If it is right, docs/money.md says how to set prices of your own"
        )
    return (
        f"the price of {model} ({places}) is not known. Add it to task.toml, in USD per 1M "
        "tokens:\n"
        f'[prices."{named}"]\ninput = 1.00\noutput = 5.00'
    )


def _columns(price: object) -> dict[str, dict[int, Decimal]]:
    """Return {minimum prompt tokens: USD per 1M tokens} for each kind of token.

    A kind without a price has the price of prompt tokens.
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
    """Return the prices by minimum prompt length.

    A tier of the library begins at `start` + 1 tokens.
    """
    if isinstance(price, Decimal):
        return {0: price}
    tiers = {tier.start + 1: tier.price for tier in price.tiers}  # type: ignore[attr-defined]
    return {0: price.base} | tiers  # type: ignore[attr-defined]


def _at(column: Mapping[int, Decimal], start: int) -> Decimal:
    return column[max(known for known in column if known <= start)]


def machine_share(usd_per_hour: Decimal, seconds: float, in_flight: int) -> Decimal:
    """Return the USD of an answer of `seconds` on a machine that `in_flight` requests share."""
    hours = Decimal(str(seconds)) / SECONDS_PER_HOUR
    return (usd_per_hour * hours / in_flight).quantize(USD_PLACES)


def machine_usd(usd_per_hour: Decimal, seconds: float) -> Decimal:
    """Return the USD of `seconds` on a whole machine."""
    return machine_share(usd_per_hour, seconds, 1)


def usd_per_1k(usd_per_hour: Decimal, requests_per_s: float) -> Decimal:
    """Return the USD of 1,000 requests on a machine that is always busy.

    They take 1000 ÷ `requests_per_s` seconds.
    """
    return machine_usd(usd_per_hour, 1000 / requests_per_s)
