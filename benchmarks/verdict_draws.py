"""Scores of two systems whose true difference is known, as counts of rows, and the tests on them:
the shipped one, and the one that it took the place of."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from distill.evaluate.bounded import chance_below_zero
from distill.evaluate.statistics import score_interval, score_p

TEACHER = 0.85  # its true share of right answers
CONFIDENCE = 0.95
RESAMPLES = 2000
FEW = 10  # rows that differ: with fewer the old test looked at their signs, too


@dataclass(frozen=True, slots=True)
class Truth:
    """Pairs of scores, how likely a row has each, and the worst difference that a row can have."""

    kind: str
    pairs: Sequence[tuple[float, float]]  # (student, teacher)
    chances: Sequence[float]
    worst: float = -1.0

    @property
    def difference(self) -> float:
        """The true mean of student − teacher."""
        return math.fsum(
            chance * (ours - theirs)
            for chance, (ours, theirs) in zip(self.chances, self.pairs, strict=True)
        )

    def drawn(self, rows: int, draw: numpy.random.Generator) -> list[int]:
        """How many of so many rows have each pair."""
        return [int(count) for count in draw.multinomial(rows, self.chances)]

    def scores(self, counts: Sequence[int]) -> tuple[list[float], list[float]]:
        """The student's and the teacher's."""
        rows = [pair for pair, n in zip(self.pairs, counts, strict=True) for _ in range(n)]
        return [ours for ours, _ in rows], [theirs for _, theirs in rows]

    def p(self, counts: Sequence[int], margin: float) -> float:
        """That of `distill.evaluate.statistics.chance_of_difference`, from counts."""
        if self.kind == "labels":
            _, better, worse, _ = counts
            return score_p(better, worse, sum(counts), -margin)
        values = numpy.array([*(a - b for a, b in self.pairs), self.worst])
        seen = numpy.array([*counts, 1.0])
        return chance_below_zero((values + margin)[seen > 0], seen[seen > 0])

    def old_test(self, counts: Sequence[int], margin: float, draw: numpy.random.Generator) -> bool:
        """Whether the test of before called the student as good: the same for labels, a percentile
        bootstrap for other scores."""
        if self.kind == "labels":
            return self.p(counts, margin) < 1 - CONFIDENCE
        values = numpy.array([a - b for a, b in self.pairs])
        rows = sum(counts)
        means = draw.multinomial(rows, numpy.array(counts) / rows, RESAMPLES) @ values / rows
        low = float(numpy.quantile(means, 1 - CONFIDENCE))
        better, worse = (
            sum(n for n, value in zip(counts, sign * values, strict=True) if value > 0)
            for sign in (1, -1)
        )
        if better + worse < FEW:
            most = max(max(their, 1 - their) for _, their in self.pairs)
            signs = score_interval(better, worse, rows, 2 * CONFIDENCE - 1)
            low = min(low, most * signs.low)
        return low > -margin


def labels(difference: float, correlation: float) -> Truth:
    """Right and wrong answers, correlated between the systems."""
    student = TEACHER + difference
    spread = math.sqrt(student * (1 - student) * TEACHER * (1 - TEACHER))
    both = student * TEACHER + correlation * spread
    chances = [both, student - both, TEACHER - both, 1 - student - TEACHER + both]
    return Truth("labels", ((1, 1), (1, 0), (0, 1), (0, 0)), chances)


def fields(difference: float, differing: float = 0.25) -> Truth:
    """Objects of ten fields: a share `differing` of the rows has one field other than the
    teacher's, up or down alike; as many are broken, and worth nothing, as make the difference."""
    broken = -difference / 0.9
    half, same = (1 - broken) * differing / 2, (1 - broken) * (1 - differing)
    return Truth(
        "fields", ((0.9, 0.9), (1.0, 0.9), (0.8, 0.9), (0.0, 0.9)), [same, half, half, broken]
    )


def wins(difference: float, level: float) -> Truth:
    """Win rates, of which a share is level."""
    won = (1 - level) / 2 + difference
    pairs = ((1.0, 0.5), (0.5, 0.5), (0.0, 0.5))
    return Truth("wins", pairs, [won, level, 1 - level - won], worst=-0.5)


def rivals(
    rows: int, count: int, difference: float, draw: numpy.random.Generator
) -> tuple[dict[str, list[float]], list[float]]:
    """Right and wrong answers of so many rivals, each by `difference` from the teacher, and of the
    teacher; all are correlated by a common difficulty of the rows (Gaussian copula, 0.6)."""
    from scipy.stats import norm

    common = draw.normal(size=rows)
    own = draw.normal(size=(count + 1, rows))
    ranks: Any = norm.cdf(math.sqrt(0.6) * common + math.sqrt(0.4) * own)
    limits = [TEACHER, *([TEACHER + difference] * count)]
    teacher, *others = (
        (rank < limit).astype(float).tolist() for rank, limit in zip(ranks, limits, strict=True)
    )
    return {f"rival {n}": scores for n, scores in enumerate(others)}, teacher
