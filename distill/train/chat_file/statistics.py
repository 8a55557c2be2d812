"""The statistics of a file's rows, and the cost of a training on the file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from distill.pricing.finetuning import TUNABLE, training_usd
from distill.train.chat_file.rows import ChatRow
from distill.train.chat_file.warnings import repeats
from distill.train.trainers import openai

EPOCHS = 3
LOCAL = "on this machine"
TOP_ANSWERS = 10


@dataclass(frozen=True, slots=True)
class LengthSpread:
    """The tokens of all rows, and their spread. Median and p95 are values of actual rows."""

    total: int
    min: int
    median: int
    p95: int
    max: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The statistics of a file.

    `repeated`: the number of rows that equal the row above.
    `answers`: the number of distinct answers.
    `top_answers`: the most frequent answers with their counts; empty if an answer occurs less than
        twice on average.
    """

    rows: int
    repeated: int
    messages: int
    tokens: LengthSpread
    answer_tokens: LengthSpread
    answers: int
    top_answers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost in USD of a training on a file, and the date until which the trainer is offered."""

    trainer: str
    epochs: int
    trained_tokens: int
    usd: Decimal
    ends: str


def statistics(rows: Sequence[ChatRow]) -> Statistics:
    """Return the statistics of at least one row."""
    answers = Counter(row.answer for row in rows)
    few = 2 * len(answers) <= len(rows)
    return Statistics(
        rows=len(rows),
        repeated=len(repeats(rows)),
        messages=sum(len(row.turns) for row in rows),
        tokens=_spread([row.tokens for row in rows]),
        answer_tokens=_spread([row.answer_tokens for row in rows]),
        answers=len(answers),
        top_answers=tuple(answers.most_common(TOP_ANSWERS)) if few else (),
    )


def _spread(values: Sequence[int]) -> LengthSpread:
    ranked = sorted(values)
    median, p95 = (ranked[ceil(share * len(ranked)) - 1] for share in (0.5, 0.95))
    return LengthSpread(sum(ranked), ranked[0], median, p95, ranked[-1])


def estimates(tokens: int) -> list[Estimate]:
    """Estimate the cost of EPOCHS epochs over `tokens` tokens with each trainer."""
    trained = EPOCHS * tokens
    tuned = [
        Estimate(
            f"openai:{base}", EPOCHS, trained, training_usd(base, trained), openai.lifetime(base)
        )
        for base in TUNABLE
    ]
    return [*tuned, Estimate(LOCAL, EPOCHS, trained, Decimal(0), "no bill; the weights are yours")]
