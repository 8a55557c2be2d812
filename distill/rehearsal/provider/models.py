"""The models of the stand-in, with their prices and parameters.

Prices are as published in November 2026, in USD per million tokens. Batches cost half.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Price:
    """Prices in USD per million tokens."""

    input: Decimal
    cached: Decimal
    write: Decimal
    """The price of tokens written to the cache."""
    output: Decimal
    training: Decimal = Decimal(0)

    def times(self, factor: Decimal) -> "Price":
        """Return all prices multiplied by `factor`."""
        rates = (self.input, self.cached, self.write, self.output, self.training)
        return Price(*(rate * factor for rate in rates))


def _price(rates: str) -> Price:
    return Price(*map(Decimal, rates.split()))


@dataclass(frozen=True)
class OpenAIModel:
    """A model of OpenAI: a newer model that reasons, or an older one that can be fine-tuned."""

    id: str
    price: Price
    efforts: tuple[str, ...]
    context: int
    max_output: int
    shutdown: str | None = None
    base: str | None = None
    """The base of a fine-tuned model; None for others."""

    @property
    def reasons(self) -> bool:
        """True if the model reasons before it answers."""
        return bool(self.efforts)


@dataclass(frozen=True)
class AnthropicModel:
    """A model of Anthropic."""

    id: str
    name: str
    price: Price
    thinks: bool
    """True if the model thinks by default."""
    can_stop_thinking: bool
    """True if the model accepts `thinking.type` "disabled"."""
    efforts: tuple[str, ...]
    context: int
    max_output: int
    cache_minimum: int = 512
    dear_above: int | None = None
    """The number of prompt tokens above which all prices are five times as high; None for none."""

    def price_of(self, prompt_tokens: int) -> Price:
        """Return the price for a prompt of this length."""
        dear = self.dear_above is not None and prompt_tokens > self.dear_above
        return self.price.times(Decimal(5)) if dear else self.price


_EFFORTS = ("low", "medium", "high", "xhigh", "max")
# Longer prompts have other prices, which the stand-in does not know.
_CONTEXT = 272_000

OPENAI = {
    model.id: model
    for model in (
        OpenAIModel(
            "gpt-6-luna", _price("0.10 0.01 0.125 0.50"), ("none", *_EFFORTS), _CONTEXT, 128_000
        ),
        OpenAIModel(
            "gpt-6.1-terra", _price("1 0.05 1.25 5"), ("none", *_EFFORTS), _CONTEXT, 128_000
        ),
        OpenAIModel("gpt-6.1-sol", _price("2 0.10 2.50 10"), _EFFORTS, _CONTEXT, 128_000),
        OpenAIModel(
            "gpt-4.1-mini-2025-04-14",
            _price("0.40 0.10 0 1.60 5.00"),
            (),
            1_047_576,
            32_768,
            "2027-01-14",
        ),
        OpenAIModel(
            "gpt-4o-mini-2024-07-18",
            _price("0.15 0.075 0 0.60 3.00"),
            (),
            128_000,
            16_384,
            "2027-01-14",
        ),
    )
}
OPENAI_ALIASES = {
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
}
TUNED_PRICES = {
    "gpt-4.1-mini-2025-04-14": _price("0.80 0.20 0 3.20"),
    "gpt-4o-mini-2024-07-18": _price("0.30 0.15 0 1.20"),
}

# Models of POST /v1/decisions. Longer prompts have other prices, which the stand-in does not know.
DECISIONS = {"gpt-6-luna": _price("0.10 0.10 0 0")}
DECISIONS_CONTEXT = _CONTEXT
# Models of POST /v1/systemone, the default first.
JEV = {"jev-1.14.0": _price("0.042 0.042 0 0"), "jev-1.13.0": _price("0.042 0.042 0 0")}
JEV_ALIASES = {"jev-latest": "jev-1.14.0", "jev-preview": "jev-1.14.0"}
JEV_CONTEXT = 64_000

_MILLION = 1_000_000
ANTHROPIC = {
    model.id: model
    for model in (
        AnthropicModel(
            "claude-haiku-5-5",
            "Claude Haiku 5.5",
            _price("0.10 0.01 0.125 0.50"),
            True,
            True,
            _EFFORTS,
            _MILLION,
            128_000,
            dear_above=100_000,
        ),
        AnthropicModel(
            "claude-sonnet-5-5",
            "Claude Sonnet 5.5",
            _price("2 0.10 2.50 10"),
            True,
            False,
            _EFFORTS,
            _MILLION,
            128_000,
        ),
        AnthropicModel(
            "claude-opus-5-5",
            "Claude Opus 5.5",
            _price("4 0.20 5 20"),
            True,
            False,
            _EFFORTS,
            _MILLION,
            128_000,
        ),
        AnthropicModel(
            "claude-haiku-4-5",
            "Claude Haiku 4.5",
            _price("1 0.10 1.25 5"),
            False,
            True,
            (),
            200_000,
            64_000,
            cache_minimum=4096,
        ),
    )
}
