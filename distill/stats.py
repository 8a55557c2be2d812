"""Intervals and the verdict; scipy does the work."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Result = Literal["non_inferior", "inferior", "inconclusive"]
RESAMPLES = 9999
POWER = 0.8  # of the gold that is asked for
TINY = 1e-9  # of a share: less than any gold can tell
MANY = 2000  # values: their mean is normal, and resampling them takes seconds
FEW = 10  # rows that differ: fewer say too little of how much those differ that were not asked


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the interval around it."""

    value: float
    low: float
    high: float

    @property
    def figures(self) -> dict[str, float]:
        """As report.json names them."""
        return {"value": self.value, "ci_low": self.low, "ci_high": self.high}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is the student as good as the teacher, to within the margin? `difference` has the two-sided
    interval; `at_least` and `at_most` are the ends of the one-sided ones, which decide. Where the
    result is inconclusive `gold_needed` is the number of gold rows in all that should settle it."""

    margin: float
    confidence: float
    difference: Interval
    at_least: float
    at_most: float
    result: Result
    gold_needed: int | None


def share(values: Sequence[float], confidence: float) -> Interval:
    """Share of ones in 0/1 values with Wilson's interval (Wilson 1927, by scipy)."""
    from scipy.stats import binomtest

    hits, n = int(sum(values)), len(values)
    found = binomtest(hits, n).proportion_ci(confidence, method="wilson")
    # Rounded, an end at 0 or 1 may miss it in the last digit.
    return Interval(hits / n, min(float(found.low), hits / n), max(float(found.high), hits / n))


def estimate(values: Sequence[float], confidence: float) -> Interval:
    """The mean of scores: of right and wrong (0 and 1) with Wilson's interval, of others with a
    percentile bootstrap (scipy), which has no width where few rows agree."""
    if set(values) <= {0.0, 1.0}:
        return share(values, confidence)
    found = _bootstrapped(values, confidence)
    return found if len(values) >= FEW else _as_of_shares(found, len(values), confidence)


def _as_of_shares(found: Interval, rows: int, confidence: float) -> Interval:
    """An interval that reaches at least as far as Wilson's of a share of that value (statsmodels):
    no scores from 0 to 1 vary more."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(found.value * rows, rows, 1 - confidence, method="wilson")
    return Interval(found.value, min(found.low, float(low)), max(found.high, float(high)))


def ratio(ours: Sequence[float], theirs: Sequence[float], confidence: float) -> Interval:
    """Sum of ours ÷ sum of theirs, paired by gold row, with a percentile bootstrap (scipy). Theirs
    must not add up to 0."""
    import numpy

    found = sum(ours) / sum(theirs)
    if list(ours) == list(theirs) or len(ours) == 1:
        return Interval(found, found, found)

    def statistic(left: Any, right: Any, axis: int) -> Any:
        return left.sum(axis=axis) / numpy.maximum(right.sum(axis=axis), TINY)

    low, high = _ends((ours, theirs), statistic, confidence)
    return Interval(found, low, high)


def paired_difference(
    ours: Sequence[float], theirs: Sequence[float], confidence: float
) -> Interval:
    """Mean of ours − theirs, scores from 0 to 1, paired by gold row: of right and wrong (0 and 1)
    with Tango's score interval, of other scores with a percentile bootstrap (scipy). Where fewer
    than FEW rows differ, that reaches as far as if every row that could differ did so by all that
    it can: a bootstrap of rows that are level has no width, on however few."""
    better, worse = _only_here_and_there(ours, theirs)
    if {*ours, *theirs} <= {0.0, 1.0}:
        return score_interval(better, worse, len(ours), confidence)
    found = _bootstrapped([a - b for a, b in zip(ours, theirs, strict=True)], confidence)
    if better + worse >= FEW:
        return found
    most = max(max(their, 1 - their) for their in theirs)
    signs = score_interval(better, worse, len(ours), confidence)
    return Interval(
        found.value, min(found.low, most * signs.low), max(found.high, most * signs.high)
    )


def _only_here_and_there(ours: Sequence[float], theirs: Sequence[float]) -> tuple[int, int]:
    """The rows on which ours is higher, and those on which theirs is."""
    pairs = list(zip(ours, theirs, strict=True))
    return sum(our > their for our, their in pairs), sum(our < their for our, their in pairs)


def mcnemar_p(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The chance that equally good systems differ by so many rows or more in either direction: the
    exact two-sided McNemar test of right and wrong, which is that of a fair coin (scipy)."""
    from scipy.stats import binomtest

    better, worse = _only_here_and_there(ours, theirs)
    differ = better + worse
    return float(binomtest(better, differ, 0.5).pvalue) if differ else 1.0


def score_interval(better: int, worse: int, rows: int, confidence: float) -> Interval:
    """The difference of two shares of the same rows, of which `better` are right only here and
    `worse` only there: the differences that a score test does not reject (at 0 it is McNemar's).
    Unlike a bootstrap it knows what is not known where no row differs.

    Source: Tango 1998, Statistics in Medicine 17:891; in the notation of Fagerland, Lydersen and
    Laake 2014, Statistics in Medicine 33:2850.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    z, found = norm.ppf((1 + confidence) / 2), (better - worse) / rows

    def excess(difference: float, sign: int) -> float:
        """How far the observed counts are from what `difference` lets expect, beyond z."""
        b = (2 * rows - better + worse) * difference - better - worse
        c = -worse * difference * (1 - difference)
        only_there = (math.sqrt(max(b * b - 8 * rows * c, 0.0)) - b) / (4 * rows)
        variance = rows * (2 * only_there + difference * (1 - difference))
        return float(better - worse - rows * difference - sign * z * math.sqrt(max(variance, 0.0)))

    # Where no row differs the difference that was found is a root, too, and not the one meant.
    low = brentq(excess, -1, found - TINY, args=(1,)) if rows > worse else -1.0
    high = brentq(excess, found + TINY, 1, args=(-1,)) if rows > better else 1.0
    return Interval(found, float(low), float(high))


def _bootstrapped(values: Sequence[float], confidence: float) -> Interval:
    """Their mean with a percentile bootstrap interval (scipy); of MANY with the normal one, to
    which that comes."""
    import numpy
    from scipy.stats import norm

    if len(set(values)) == 1:
        return Interval(values[0], values[0], values[0])
    if len(values) >= MANY:
        half = float(norm.ppf((1 + confidence) / 2) * numpy.std(values) / math.sqrt(len(values)))
        mean = float(numpy.mean(values))
        return Interval(mean, mean - half, mean + half)
    return Interval(float(numpy.mean(values)), *_ends((values,), numpy.mean, confidence))


def _ends(
    samples: Sequence[Sequence[float]], statistic: Any, confidence: float
) -> tuple[float, float]:
    """The ends of a statistic's percentile bootstrap interval, the same every time; several samples
    are drawn as pairs."""
    import numpy
    from scipy.stats import bootstrap

    found = bootstrap(
        tuple(numpy.asarray(sample) for sample in samples),
        statistic,
        paired=len(samples) > 1,
        n_resamples=RESAMPLES,
        confidence_level=confidence,
        method="percentile",
        rng=numpy.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def verdict(
    student: Sequence[float], teacher: Sequence[float], *, margin: float, confidence: float
) -> Verdict:
    """Non-inferiority of the student, by one-sided intervals of the paired difference: a student
    that is worse than the teacher by the margin is called as good with a chance of at most
    1 − confidence.

    `non_inferior`: the interval's lower end is above −margin; `inferior`: its upper end is below;
    else `inconclusive`.
    """
    difference = paired_difference(student, teacher, confidence)
    # Both ends of a two-sided interval at 2c − 1 are those of one-sided ones at c.
    ends = paired_difference(student, teacher, 2 * confidence - 1)
    result: Result = "inconclusive"
    if ends.low > -margin:
        result = "non_inferior"
    elif ends.high < -margin:
        result = "inferior"
    needed = None
    if result == "inconclusive":
        needed = gold_needed(student, teacher, margin=margin, confidence=confidence)
    return Verdict(margin, confidence, difference, ends.low, ends.high, result, needed)


def gold_needed(
    student: Sequence[float], teacher: Sequence[float], *, margin: float, confidence: float
) -> int | None:
    """Rows that would settle it with a chance of POWER for a student that is in truth as good as
    the teacher, and for one that is what was found, whichever takes more; None where −margin was
    found, which no number settles. A row is added of which half differs in either direction, since
    few rows of which none differs do not show that none does.

    Source: the normal approximation of a one-sided paired test, Liu, Hsueh, Hsieh and Chen 2002,
    Statistics in Medicine 21:231, for any scores.
    """
    from scipy.stats import norm

    rows = len(student)
    differences = [ours - theirs for ours, theirs in zip(student, teacher, strict=True)]
    mean = sum(differences) / rows
    variance = (sum(d * d for d in differences) + 1) / (rows + 1) - mean * mean
    distance = min(abs(mean + margin), margin or math.inf)
    if not distance:
        return None
    deviations = float(norm.ppf(confidence) + norm.ppf(POWER))
    return max(math.ceil(variance * (deviations / distance) ** 2), rows + 1)


def gold_that_settles(differing: float, *, margin: float, confidence: float) -> int:
    """Rows that show with a chance of POWER that a student is no worse than its teacher by the
    margin, where both are as good and differ on a share `differing` of the rows. The source is that
    of `gold_needed`."""
    from scipy.stats import norm

    deviations = float(norm.ppf(confidence) + norm.ppf(POWER))
    return math.ceil(differing * (deviations / margin) ** 2)


def gain_of_more(
    counts: Sequence[int], scores: Sequence[Sequence[float]], more: int, confidence: float
) -> Interval:
    """What `more` examples would add to the share that is right.

    In: the numbers of examples and, for each, the scores of one and the same gold rows. The share
    is taken to grow with the logarithm of the number (least squares over the points), which is how
    learning curves go over short stretches; the interval is that of the gold rows drawn, by the
    bootstrap, and knows nothing of the luck of a training.
    """
    import numpy

    sizes = numpy.log2(numpy.asarray(counts, dtype=float))
    centred = sizes - sizes.mean()
    slopes = centred @ numpy.asarray(scores, dtype=float) / (centred @ centred)
    gains = slopes * math.log2((counts[-1] + more) / counts[-1])
    return _bootstrapped(gains.tolist(), confidence)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` % of the values lie (linear between neighbours)."""
    import numpy

    return float(numpy.percentile(values, percent))
