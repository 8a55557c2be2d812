"""The intervals, the tests and the verdict, computed with scipy."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from distill.core.sample_size import POWER
from distill.evaluate.bounded import bounds, chance_of_mean, ratio_bounds
from distill.evaluate.levels import holm_levels, level_of_look

Result = Literal["non_inferior", "inferior", "inconclusive"]
TINY = 1e-9  # share; smaller than any gold set can resolve
LEVEL_TEACHER = 0.5  # win rate of a teacher against itself, on every row


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the interval around it."""

    value: float
    low: float
    high: float

    @property
    def figures(self) -> dict[str, float]:
        """Return the figures by their names in report.json."""
        return {"value": self.value, "ci_low": self.low, "ci_high": self.high}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on the student's non-inferiority to the teacher, within the margin.

    `difference`: the paired difference with its two-sided interval at `confidence`.
    `at_least`, `at_most`: the ends of the one-sided intervals at `level`, which decide.
    `gold_needed`: the total of gold rows that should settle an inconclusive result at the next
        evaluation. None for other results, for rivals, and if no number of rows settles it.
    """

    margin: float
    confidence: float
    difference: Interval
    at_least: float
    at_most: float
    result: Result
    gold_needed: int | None
    level: float | None = None  # None: `confidence`


def wilson_interval(values: Sequence[float], confidence: float) -> Interval:
    """Return the share of ones in 0/1 values, with Wilson's interval (Wilson 1927, by scipy)."""
    from scipy.stats import binomtest

    hits, n = int(sum(values)), len(values)
    found = binomtest(hits, n).proportion_ci(confidence, method="wilson")
    # Rounding can move an end beyond a share of 0 or 1, in the last digit.
    return Interval(hits / n, min(float(found.low), hits / n), max(float(found.high), hits / n))


def mean_interval(values: Sequence[float], confidence: float) -> Interval:
    """Return the mean of scores from 0 to 1, with its interval.

    Scores of only 0 and 1 get Wilson's interval. Other scores get Gaffke's, which has a width even
    if all rows are equal.
    """
    if set(values) <= {0.0, 1.0}:
        return wilson_interval(values, confidence)
    return _mean(values, (0.0, 1.0), confidence)


def _mean(values: Sequence[float], span: tuple[float, float], confidence: float) -> Interval:
    """Return the mean of values within `span`, with Gaffke's interval."""
    value = math.fsum(values) / len(values)
    low, high = bounds(values, span, confidence)
    return Interval(value, min(low, value), max(high, value))


def ratio(ours: Sequence[float], theirs: Sequence[float], confidence: float) -> Interval:
    """Return the sum of ours ÷ the sum of theirs, paired by gold row, with Gaffke's interval.

    The interval contains the ratios for which the mean of ours − ratio · theirs may be 0. Theirs
    must not add up to 0.
    """
    found = sum(ours) / sum(theirs)
    return Interval(found, *ratio_bounds(ours, theirs, confidence))


def paired_difference(
    ours: Sequence[float], theirs: Sequence[float], confidence: float
) -> Interval:
    """Return the mean of ours − theirs with its interval; scores from 0 to 1, paired by gold row.

    Scores of only 0 and 1 get Tango's score interval. Other scores get Gaffke's.
    """
    if {*ours, *theirs} <= {0.0, 1.0}:
        return score_interval(*_only_here_and_there(ours, theirs), len(ours), confidence)
    return _mean(_differences(ours, theirs), _span(theirs), confidence)


def chance_of_difference(
    ours: Sequence[float], theirs: Sequence[float], difference: float
) -> float:
    """Return the one-sided p of our lead if the true lead is `difference`.

    The p is the chance of a lead at least as large. The test matches the interval of
    `paired_difference`.
    """
    if {*ours, *theirs} <= {0.0, 1.0}:
        return score_p(*_only_here_and_there(ours, theirs), len(ours), difference)
    return chance_of_mean(_differences(ours, theirs), difference, _span(theirs)[0])


def _differences(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [our - their for our, their in zip(ours, theirs, strict=True)]


def _span(theirs: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest possible difference of a row.

    The range is half as wide if theirs are a teacher's win rates against itself. Other equal scores
    imply nothing about further rows.
    """
    half = set(theirs) == {LEVEL_TEACHER}
    return (-LEVEL_TEACHER, LEVEL_TEACHER) if half else (-1.0, 1.0)


def _only_here_and_there(ours: Sequence[float], theirs: Sequence[float]) -> tuple[int, int]:
    """Return the number of rows on which ours is higher, and on which theirs is higher."""
    pairs = list(zip(ours, theirs, strict=True))
    return sum(our > their for our, their in pairs), sum(our < their for our, their in pairs)


def mcnemar_p(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the p of the exact two-sided McNemar test, for scores of 0 and 1 (scipy).

    The p is the chance that equally good systems differ by at least as many rows, in either
    direction. It is the test of a fair coin.
    """
    from scipy.stats import binomtest

    better, worse = _only_here_and_there(ours, theirs)
    differ = better + worse
    return float(binomtest(better, differ, 0.5).pvalue) if differ else 1.0


def score_interval(better: int, worse: int, rows: int, confidence: float) -> Interval:
    """Return the difference of two shares of the same rows, with Tango's score interval.

    `better`: the number of rows that only our system has right. `worse`: only the other system. The
    interval contains the differences that a score test does not reject; at 0, it is McNemar's test.
    Unlike a bootstrap's, the interval has a width even if no row differs.

    Source: Tango 1998, Statistics in Medicine 17:891. The notation is that of Fagerland, Lydersen
    and Laake 2014, Statistics in Medicine 33:2850.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    z, found = norm.ppf((1 + confidence) / 2), (better - worse) / rows

    def excess(difference: float, sign: int) -> float:
        """Return the lead's distance from `difference`, in rows, beyond z standard deviations."""
        away, deviation = _score(better, worse, rows, difference)
        return float(away - sign * z * deviation)

    # TINY excludes the observed difference itself, which is a root if no row differs.
    low = brentq(excess, -1, found - TINY, args=(1,)) if rows > worse else -1.0
    high = brentq(excess, found + TINY, 1, args=(-1,)) if rows > better else 1.0
    return Interval(found, float(low), float(high))


def score_p(better: int, worse: int, rows: int, difference: float) -> float:
    """Return the one-sided p of the observed lead if the true lead is `difference`.

    The p is the chance of a lead at least as large, by the test of `score_interval`.
    """
    from scipy.special import ndtr

    away, deviation = _score(better, worse, rows, difference)
    if not deviation:
        return 0.0 if away > 0 else 1.0
    return float(ndtr(-away / deviation))


def _score(better: int, worse: int, rows: int, difference: float) -> tuple[float, float]:
    """Return the lead minus the lead expected at `difference`, in rows, and its deviation.

    The standard deviation assumes that `difference` is the true difference.
    """
    b = (2 * rows - better + worse) * difference - better - worse
    c = -worse * difference * (1 - difference)
    only_there = (math.sqrt(max(b * b - 8 * rows * c, 0.0)) - b) / (4 * rows)
    variance = rows * (2 * only_there + difference * (1 - difference))
    return better - worse - rows * difference, math.sqrt(max(variance, 0.0))


def gain_of_more(
    counts: Sequence[int], scores: Sequence[Sequence[float]], more: int, confidence: float
) -> Interval:
    """Return the expected gain in the mean score from `more` examples.

    `counts`: the numbers of examples.
    `scores`: for each number, the scores of the same gold rows.

    The mean is assumed to grow with the logarithm of the number (least squares over the points), as
    learning curves do over short ranges. The interval is Gaffke's, for the sampling of gold rows.
    It ignores the random variation of a training.
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
    """Judge the student's non-inferiority by one-sided intervals of the paired difference.

    `non_inferior`: the interval's lower end is above −margin.
    `inferior`: the interval's upper end is below −margin.
    `inconclusive`: neither.

    A student that is worse by the margin passes as non-inferior with a chance of at most 1 −
    confidence. If `look` numbers the evaluations on the same gold from 1, all of them share this
    chance. If `look` is 0, each evaluation has this chance.
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
    """Return name → the verdict on a rival, each at its level by Holm.

    The chance that any rival worse by the margin passes as non-inferior is that of one `verdict`.
    """
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
    # The ends of a two-sided interval at 2c − 1 are those of one-sided intervals at c.
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
    """Return the number of rows that would settle the verdict with a chance of POWER.

    The test is one-sided at `confidence`. The number is enough for a student that is truly as good
    as the teacher, and for one that truly differs as observed. None if the observed difference is
    −margin, which no number of rows settles.

    One row is added, half of it a win and half a loss. Otherwise, a few rows without a difference
    would count as proof that none differs. Scores other than 0 and 1 need additional rows: as many
    as show, if all rows are equal, that total losses are rare.

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


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which `percent` % of the values lie, by linear interpolation."""
    import numpy

    return float(numpy.percentile(values, percent))
