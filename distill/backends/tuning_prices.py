"""What OpenAI's trainings cost, what they take, and until when they can be had.

Source: OpenAI's pricing and deprecation pages, as mirrored in September and November 2026; checked
2026-11-23. No base that is newer than these can be trained.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

NO_NEW_JOBS = date(2027, 1, 6)  # from then on nobody can start a training
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
    "gpt-4o-mini-2024-07-18": Tunable(Decimal(3), 65_536, date(2027, 1, 14)),
    "gpt-4.1-mini-2025-04-14": Tunable(Decimal(5), 65_536, date(2027, 1, 14)),
    "gpt-4o-2024-08-06": Tunable(Decimal(25), 65_536, date(2027, 1, 14)),
    "gpt-4.1-2025-04-14": Tunable(Decimal(25), 65_536, date(2027, 1, 14)),
}


def training_usd(base: str, trained_tokens: int) -> Decimal:
    """What a training is billed: every token of every epoch."""
    return TUNABLE[base].training * trained_tokens / TOKENS_PER_PRICE
