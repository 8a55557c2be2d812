"""Intervals and the verdict; scipy does the work."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from distill.evaluate.bounded import bounds, chance_of_mean, ratio_bounds
from distill.evaluate.levels import holm_levels, level_of_look

Result = Literal["non_inferior", "inferior", "inconclusive"]
POWER = 0.8  # of the gold that is asked for
TINY = 1e-9  # of a share: less than any gold can tell
LEVEL_TEACHER = 0.5  # the win rate of a teacher against itself, on every row


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
    interval at `confidence`; `at_least` and `at_most` are the ends of the one-sided ones at
    `level`, which decide. Where the result is inconclusive `gold_needed` is the number of gold rows
    in all that should settle it at the next look."""

    margin: float
    confidence: float
    difference: Interval
    at_least: float
    at_most: float
    result: Result
    gold_needed: int | None
    level: float | None = None  # None: `confidence`


def wilson_interval(values: Sequence[float], confidence: float) -> Interval:
    """Share of ones in 0/1 values with Wilson's interval (Wilson 1927, by scipy)."""
    from scipy.stats import binomtest

    hits, n = int(sum(values)), len(values)
    found = binomtest(hits, n).proportion_ci(confidence, method="wilson")
    # Rounded, an end at 0 or 1 may miss it in the last digit.
    return Interval(hits / n, min(float(found.low), hits / n), max(float(found.high), hits / n))


def mean_interval(values: Sequence[float], confidence: float) -> Interval:
    """The mean of scores from 0 to 1: of right and wrong (0 and 1) with Wilson's interval, of
    others with Gaffke's, which has a width where all rows agree, too."""
    if set(values) <= {0.0, 1.0}:
        return wilson_interval(values, confidence)
    return _mean(values, (0.0, 1.0), confidence)


def _mean(values: Sequence[float], span: tuple[float, float], confidence: float) -> Interval:
    """The mean of values within `span` with Gaffke's interval."""
    value = math.fsum(values) / len(values)
    low, high = bounds(values, span, confidence)
    return Interval(value, min(low, value), max(high, value))


def ratio(ours: Sequence[float], theirs: Sequence[float], confidence: float) -> Interval:
    """Sum of ours ÷ sum of theirs, paired by gold row, with Gaffke's interval of the mean of
    ours − ratio · theirs. Theirs must not add up to 0."""
    found = sum(ours) / sum(theirs)
    return Interval(found, *ratio_bounds(ours, theirs, confidence))


def paired_difference(
    ours: Sequence[float], theirs: Sequence[float], confidence: float
) -> Interval:
    """Mean of ours − theirs, scores from 0 to 1, paired by gold row: of right and wrong (0 and 1)
    with Tango's score interval, of other scores with Gaffke's."""
    if {*ours, *theirs} <= {0.0, 1.0}:
        return score_interval(*_only_here_and_there(ours, theirs), len(ours), confidence)
    return _mean(_differences(ours, theirs), _span(theirs), confidence)


def chance_of_difference(
    ours: Sequence[float], theirs: Sequence[float], difference: float
) -> float:
    """The chance of a lead as large as that of ours, or larger, where the true one is `difference`:
    the one-sided p of the test whose interval is that of `paired_difference`."""
    if {*ours, *theirs} <= {0.0, 1.0}:
        return score_p(*_only_here_and_there(ours, theirs), len(ours), difference)
    return chance_of_mean(_differences(ours, theirs), difference, _span(theirs)[0])


def _differences(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [our - their for our, their in zip(ours, theirs, strict=True)]


def _span(theirs: Sequence[float]) -> tuple[float, float]:
    """By how much a row can differ: half as much where theirs are a teacher's against itself. Other
    scores that happen to be alike say nothing of the rows that were not asked."""
    half = set(theirs) == {LEVEL_TEACHER}
    return (-LEVEL_TEACHER, LEVEL_TEACHER) if half else (-1.0, 1.0)


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
        away, deviation = _score(better, worse, rows, difference)
        return float(away - sign * z * deviation)

    # Where no row differs the difference that was found is a root, too, and not the one meant.
    low = brentq(excess, -1, found - TINY, args=(1,)) if rows > worse else -1.0
    high = brentq(excess, found + TINY, 1, args=(-1,)) if rows > better else 1.0
    return Interval(found, float(low), float(high))


def score_p(better: int, worse: int, rows: int, difference: float) -> float:
    """The one-sided p of a lead as large as that, or larger, where the true one is `difference`, by
    the test of `score_interval`."""
    from scipy.special import ndtr

    away, deviation = _score(better, worse, rows, difference)
    if not deviation:
        return 0.0 if away > 0 else 1.0
    return float(ndtr(-away / deviation))


def _score(better: int, worse: int, rows: int, difference: float) -> tuple[float, float]:
    """By how many rows the lead is away from a true `difference`, and the standard deviation of
    that number if the latter is so."""
    b = (2 * rows - better + worse) * difference - better - worse
    c = -worse * difference * (1 - difference)
    only_there = (math.sqrt(max(b * b - 8 * rows * c, 0.0)) - b) / (4 * rows)
    variance = rows * (2 * only_there + difference * (1 - difference))
    return better - worse - rows * difference, math.sqrt(max(variance, 0.0))


def gain_of_more(
    counts: Sequence[int], scores: Sequence[Sequence[float]], more: int, confidence: float
) -> Interval:
    """What `more` examples would add to the share that is right.

    In: the numbers of examples and, for each, the scores of one and the same gold rows. The share
    is taken to grow with the logarithm of the number (least squares over the points), which is how
    learning curves go over short stretches; the interval is that of the gold rows drawn (Gaffke's)
    and knows nothing of the luck of a training.
    """
    import numpy

    sizes = numpy.log2(numpy.asarray(counts, dtype=float))
    centred = sizes - sizes.mean()
    worth = centred / (centred @ centred) * math.log2((counts[-1] + more) / counts[-1])
    gains = worth @ numpy.asarray(scores, dtype=float)
    span = float(worth[worth < 0].sum()), float(worth[worth > 0].sum())
    return _mean(gains.tolist(), span, confidence)


def verdict(
    student: Sequence[float],
    teacher: Sequence[float],
    *,
    margin: float,
    confidence: float,
    look: int = 0,
) -> Verdict:
    """Non-inferiority of the student, by one-sided intervals of the paired difference.

    `non_inferior`: the interval's lower end is above −margin; `inferior`: its upper end is below;
    else `inconclusive`. A student that is worse than the teacher by the margin is called as good
    with a chance of at most 1 − confidence: over all looks at the same gold together where `look`
    numbers them from 1, in each where it is 0.
    """
    level = level_of_look(confidence, look)
    found = _at_level(student, teacher, margin, confidence, level)
    if found.result != "inconclusive":
        return found
    next_level = level_of_look(confidence, look + 1) if look else confidence
    needed = gold_needed(student, teacher, margin=margin, confidence=next_level)
    return replace(found, gold_needed=needed)


def verdicts_on_rivals(
    rivals: Mapping[str, Sequence[float]],
    teacher: Sequence[float],
    *,
    margin: float,
    confidence: float,
    look: int = 0,
) -> dict[str, Verdict]:
    """Name → the verdict on a rival, each at its level by Holm: the chance that any of those that
    are worse by the margin is called as good is that of one `verdict`."""
    chances = {
        name: chance_of_difference(scores, teacher, -margin) for name, scores in rivals.items()
    }
    levels = holm_levels(chances, level_of_look(confidence, look))
    return {
        name: _at_level(scores, teacher, margin, confidence, levels[name])
        for name, scores in rivals.items()
    }


def _at_level(
    student: Sequence[float],
    teacher: Sequence[float],
    margin: float,
    confidence: float,
    level: float,
) -> Verdict:
    difference = paired_difference(student, teacher, confidence)
    # Both ends of a two-sided interval at 2c − 1 are those of one-sided ones at c.
    ends = paired_difference(student, teacher, 2 * level - 1)
    result: Result = "inconclusive"
    if ends.low > -margin:
        result = "non_inferior"
    elif ends.high < -margin:
        result = "inferior"
    return Verdict(margin, confidence, difference, ends.low, ends.high, result, None, level)


def gold_needed(
    student: Sequence[float], teacher: Sequence[float], *, margin: float, confidence: float
) -> int | None:
    """Rows that would settle it with a chance of POWER, by a one-sided test at `confidence`, for a
    student that is in truth as good as the teacher, and for one that is what was found, whichever
    takes more; None where −margin was found, which no number settles. A row is added of which half
    differs in either direction, since few rows of which none differs do not show that none does.
    Scores that are not 0 or 1 take as many rows more as show, where all are alike, that whole
    losses are rare.

    Source: the normal approximation of a one-sided paired test, Liu, Hsueh, Hsieh and Chen 2002,
    Statistics in Medicine 21:231, for any scores.
    """
    from scipy.stats import norm

    rows, differences = len(student), _differences(student, teacher)
    mean = sum(differences) / rows
    variance = (sum(d * d for d in differences) + 1) / (rows + 1) - mean * mean
    distance = min(abs(mean + margin), margin or math.inf)
    if not distance:
        return None
    deviations = float(norm.ppf(confidence) + norm.ppf(POWER))
    needed = variance * (deviations / distance) ** 2
    if not {*student, *teacher} <= {0.0, 1.0}:
        needed += -math.log(1 - confidence) * _span(teacher)[1] / distance
    return max(math.ceil(needed), rows + 1)


def sample_size_for_margin(differing: float, *, margin: float, confidence: float) -> int:
    """Rows that show with a chance of POWER, by a one-sided test at `confidence`, that a student is
    no worse than its teacher by the margin, where both are as good and differ on a share
    `differing` of the rows. The source is that of `gold_needed`."""
    from scipy.stats import norm

    deviations = float(norm.ppf(confidence) + norm.ppf(POWER))
    return math.ceil(differing * (deviations / margin) ** 2)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` % of the values lie (linear between neighbours)."""
    import numpy

    return float(numpy.percentile(values, percent))
