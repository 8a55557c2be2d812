"""Intervals and the verdict; scipy and statsmodels do the work."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Result = Literal["non_inferior", "inferior", "inconclusive"]
RESAMPLES = 9999


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the interval around it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is the student as good as the teacher, to within the margin? `gold_needed` is None unless
    the result is inconclusive: then, the number of gold rows in all that would settle it."""

    margin: float
    confidence: float
    difference: Interval
    result: Result
    gold_needed: int | None


def share(values: Sequence[float], confidence: float) -> Interval:
    """Share of ones in 0/1 values with Wilson's interval (Wilson 1927, by statsmodels)."""
    from statsmodels.stats.proportion import proportion_confint

    hits, n = sum(values), len(values)
    low, high = proportion_confint(hits, n, alpha=1 - confidence, method="wilson")
    return Interval(hits / n, float(low), float(high))


def paired_difference(
    ours: Sequence[float], theirs: Sequence[float], confidence: float
) -> Interval:
    """Mean of ours − theirs, paired by gold row, with a percentile bootstrap interval (scipy)."""
    import numpy
    from scipy.stats import bootstrap

    differences = numpy.subtract(ours, theirs)
    mean = float(differences.mean())
    if (differences == differences[0]).all():
        return Interval(mean, mean, mean)
    found = bootstrap(
        (differences,),
        numpy.mean,
        n_resamples=RESAMPLES,
        confidence_level=confidence,
        method="percentile",
        rng=numpy.random.default_rng(0),
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high))


def verdict(
    student: Sequence[float], teacher: Sequence[float], *, margin: float, confidence: float
) -> Verdict:
    """Non-inferiority of the student by a two-sided interval of the paired difference.

    `non_inferior`: the whole interval lies above −margin; `inferior`: the whole lies below it;
    else `inconclusive`. The number of rows that would settle it takes the interval's width to
    shrink with the square root of the number of rows, at the same difference.
    """
    found = paired_difference(student, teacher, confidence)
    if found.low > -margin:
        return Verdict(margin, confidence, found, "non_inferior", None)
    if found.high < -margin:
        return Verdict(margin, confidence, found, "inferior", None)
    distance = abs(found.value + margin)
    half_width = (found.high - found.low) / 2
    needed = math.ceil(len(student) * (half_width / distance) ** 2) + 1 if distance else None
    return Verdict(margin, confidence, found, "inconclusive", needed)


def gain_of_more(
    counts: Sequence[int], scores: Sequence[Sequence[float]], more: int, confidence: float
) -> Interval:
    """What `more` examples would add to the share that is right.

    In: the numbers of examples and, for each, the scores of one and the same gold rows. The share
    is taken to grow with the logarithm of the number (least squares over the points), which is how
    learning curves go over short stretches; the interval is that of the gold rows drawn, by the
    bootstrap of `paired_difference`, and knows nothing of the luck of a training.
    """
    import numpy

    sizes = numpy.log2(numpy.asarray(counts, dtype=float))
    centred = sizes - sizes.mean()
    slopes = centred @ numpy.asarray(scores, dtype=float) / (centred @ centred)
    gains = slopes * math.log2((counts[-1] + more) / counts[-1])
    return paired_difference(gains.tolist(), [0.0] * len(gains), confidence)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` % of the values lie (linear between neighbours)."""
    import numpy

    return float(numpy.percentile(values, percent))
