"""The decisions of a stand-in: the probability of each choice, rounded to two decimals."""

from collections.abc import Sequence
from random import Random

from distill.rehearsal.provider.memory import Memory

CENTS = 100
LEAST_SURE = 40  # percent: the least probability of the likeliest choice


def distribution(memory: Memory, asked: str, choices: Sequence[str], random: Random) -> list[float]:
    """Return the probability of each choice, in their order; they sum to 1.

    The likeliest choice is the label of the row that is most similar to the question.
    """
    label = memory.label_of(asked, set(choices)) or random.choice(choices)
    best = choices.index(label)
    others = [place for place in range(len(choices)) if place != best]
    sure = random.randint(LEAST_SURE, CENTS) if others else CENTS
    cents = [sure if place == best else 0 for place in range(len(choices))]
    for _ in range(CENTS - sure):
        fitting = [place for place in others if cents[place] < sure - 1]
        cents[random.choice(fitting) if fitting else best] += 1
    return [share / CENTS for share in cents]


def likeliest(shares: Sequence[float]) -> int:
    """Return the place of the highest probability, the first of equal ones."""
    return max(range(len(shares)), key=shares.__getitem__)


def confidence(shares: Sequence[float]) -> float:
    """Return the distance from an even distribution: 0 for an even one, 1 for certainty."""
    even = 1 / len(shares)
    return 1.0 if even == 1 else round((max(shares) - even) / (1 - even), 2)
