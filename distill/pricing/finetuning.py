"""Prices, limits and end dates of fine-tuning at OpenAI, from `prices.toml`.

Newer bases cannot be fine-tuned.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from distill.pricing.table import price_table

NO_NEW_JOBS = price_table().no_new_trainings
FEWEST_EXAMPLES = 10  # min examples in a training file
TOKENS_PER_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class Tunable:
    """A base that can be fine-tuned.

    `training`: the price in USD per 1M trained tokens.
    `example_tokens`: the maximum tokens of an example.
    `shutdown`: the day on which the base and all its fine-tuned models are shut down.
    """

    training: Decimal
    example_tokens: int
    shutdown: date


TUNABLE = {
    row.base: Tunable(row.usd_per_mtok, row.example_tokens, row.shutdown)
    for row in price_table().training
}


def training_usd(base: str, trained_tokens: int) -> Decimal:
    """Return the price of a fine-tuning job in USD, for the trained tokens of all epochs."""
    return TUNABLE[base].training * trained_tokens / TOKENS_PER_PRICE
