"""Bounds for the mean of scores between a minimum and a maximum.

A bootstrap treats every unobserved value as impossible. Gaffke's bound adds one row with the worst
possible value. All rows are weighted at random (a Bayesian bootstrap), and the bound is a quantile
of the weighted mean. For scores of 0 and 1, it equals the bound of Clopper and Pearson.

Source: Gaffke 2005, Mathematical Methods of Statistics 14:451. Learned-Miller and Thomas 2019
(arXiv:1905.06208) conjecture that the bound holds for any scores and any number of rows. No
exception is known; tests/test_bounded.py searches for one. `benchmarks.verdict` compares the power
of this bound with that of others.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

NEAR_MEAN = 1e-3  # standard deviations; nearer to the mean, two large terms cancel out
INSIDE = 1 - 1e-12  # share of the way to a pole of the slope
EXACT = 1e-9  # tolerance of a bound


def chance_of_mean(scores: Sequence[float], mean: float, least: float) -> float:
    """Return the one-sided p of these scores if their true mean is `mean`.

    The p is the chance of scores at least as high. `least`: the minimum possible score.
    """
    values, counts = _grouped(scores, least)
    return chance_below_zero(values - mean, counts)


def lower_bound(scores: Sequence[float], least: float, chance: float) -> float:
    """Return a lower bound of the mean.

    At every lower mean, the chance of scores as high as these is at most `chance`.
    """
    values, counts = _grouped(scores, least)

    def excess(mean: float) -> float:
        return chance_below_zero(values - mean, counts) - chance

    return _root(excess, least, max(scores))


def bounds(
    scores: Sequence[float], span: tuple[float, float], confidence: float
) -> tuple[float, float]:
    """Return both ends of the interval of the mean, for scores within `span`."""
    each = (1 - confidence) / 2
    high = -lower_bound([-score for score in scores], -span[1], each)
    return lower_bound(scores, span[0], each), high


def ratio_bounds(
    ours: Sequence[float], theirs: Sequence[float], confidence: float
) -> tuple[float, float]:
    """Return both ends of the interval of the sum of ours ÷ the sum of theirs.

    Ours and theirs are paired, and none is below 0. The added row of theirs is their mean. The
    added row of ours is 0 for the lower end. For the upper end, it is twice the larger of our
    maximum and the mean of theirs, because ours have no maximum possible value.
    """
    import numpy

    typical, each = sum(theirs) / len(theirs), (1 - confidence) / 2
    most = 2 * max(*ours, typical)
    counts = numpy.ones(len(ours) + 1)
    right = numpy.array([*theirs, typical], dtype=float)

    def excess(assumed: float, chance: float) -> Callable[[float], float]:
        left = numpy.array([*ours, assumed], dtype=float)
        return lambda ratio: chance_below_zero(left - ratio * right, counts) - chance

    found = sum(ours) / sum(theirs)
    low = _root(excess(0.0, each), 0.0, found)
    return low, _root(excess(most, 1 - each), found, found + 2 * most / min(typical, 1.0))


def _grouped(scores: Sequence[float], least: float) -> tuple[Any, Any]:
    """Return the distinct values followed by `least`, and the number of rows of each."""
    import numpy

    rows = Counter(scores)
    values = numpy.array([*rows.keys(), least], dtype=float)
    return values, numpy.array([*rows.values(), 1], dtype=float)


def _root(excess: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of an increasing function; the end nearest to 0 if there is no root."""
    from scipy.optimize import brentq

    if excess(low) >= 0:
        return low
    if excess(high) <= 0:
        return high
    return float(brentq(excess, low, high, xtol=EXACT))


def chance_below_zero(values: Any, counts: Any) -> float:
    """Return the chance that the weighted sum of values is at most 0.

    The weights are exponential random numbers, one for each row.

    Source: Lugannani and Rice 1980, Advances in Applied Probability 12:475, a saddlepoint
    approximation. The relative error is at most 10 %, and at most 4 % for a chance above 1 %
    (tests/test_bounded.py).
    """
    import numpy
    from scipy.optimize import brentq
    from scipy.special import ndtr

    least, greatest = float(values.min()), float(values.max())
    if least >= 0 or greatest <= 0:
        return float(greatest <= 0)

    def slope(at: float) -> float:
        return float((counts * values / (1 - at * values)).sum())

    at = float(brentq(slope, INSIDE / least, INSIDE / greatest, xtol=1e-14, rtol=1e-12))
    height = float(-(counts * numpy.log1p(-at * values)).sum())
    distance = math.copysign(math.sqrt(max(-2 * height, 0.0)), at)
    density = math.exp(-distance * distance / 2) / math.sqrt(2 * math.pi)
    if abs(distance) < NEAR_MEAN:
        cubes, squares = (float((counts * values**power).sum()) for power in (3, 2))
        return float(ndtr(distance) + density * cubes / (3 * squares**1.5))
    width = at * math.sqrt(float((counts * (values / (1 - at * values)) ** 2).sum()))
    return float(ndtr(distance)) + density * (1 / distance - 1 / width)
