"""What OpenAI's trainings cost, what they take, and until when they can be had, from `prices.toml`.
No base that is newer than these can be trained."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from distill.pricing.table import price_table

NO_NEW_JOBS = price_table().no_new_trainings
FEWEST_EXAMPLES = 10  # of a training file
TOKENS_PER_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class Tunable:
    """A base that can be trained: USD per 1M trained tokens, the longest example in tokens, and the
    day on which it and all that was made of it end."""

    training: Decimal
    example_tokens: int
    shutdown: date


TUNABLE = {
    row.base: Tunable(row.usd_per_mtok, row.example_tokens, row.shutdown)
    for row in price_table().training
}


def training_usd(base: str, trained_tokens: int) -> Decimal:
    """What a training is billed: every token of every epoch."""
    return TUNABLE[base].training * trained_tokens / TOKENS_PER_PRICE
