"""Prices, limits and end dates of OpenAI's trainings, from `prices.toml`.

Bases newer than these cannot be trained.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from distill.pricing.table import price_table

NO_NEW_JOBS = price_table().no_new_trainings
FEWEST_EXAMPLES = 10  # minimum of a training file
TOKENS_PER_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class Tunable:
    """A base that can be trained.

    `training`: USD per 1M trained tokens.
    `example_tokens`: the maximum tokens of one example.
    `shutdown`: the day on which the base and all its fine-tuned models end.
    """

    training: Decimal
    example_tokens: int
    shutdown: date


TUNABLE = {
    row.base: Tunable(row.usd_per_mtok, row.example_tokens, row.shutdown)
    for row in price_table().training
}


def training_usd(base: str, trained_tokens: int) -> Decimal:
    """Return the USD of a training; every token of every epoch is billed."""
    return TUNABLE[base].training * trained_tokens / TOKENS_PER_PRICE
