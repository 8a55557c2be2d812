"""The power of one-sided bounds for the mean of scores that are not right or wrong: Gaffke's, which
ships, and two others that keep their promise."""

import math
from collections.abc import Callable, Sequence

import numpy

from benchmarks.verdict_draws import CONFIDENCE, Truth
from distill.evaluate.statistics import score_interval

LARGE = 0.5  # from here on a row counts as a whole one in `tango_and_student`
BOLDEST = 0.75  # of the stake that a row of the worst value would lose as a whole

Test = Callable[[Truth, Sequence[int], float, numpy.random.Generator], bool]


def gaffke(
    truth: Truth, counts: Sequence[int], margin: float, draw: numpy.random.Generator
) -> bool:
    """The shipped one."""
    return truth.p(counts, margin) < 1 - CONFIDENCE


def tango_and_student(
    truth: Truth, counts: Sequence[int], margin: float, draw: numpy.random.Generator
) -> bool:
    """Tango's interval of the rows that differ by LARGE or more, each worth a whole row, and
    Student's of the rest, each at half of the error."""
    from scipy.stats import t

    values = numpy.repeat([a - b for a, b in truth.pairs], counts)
    better, worse = (int((sign * values >= LARGE).sum()) for sign in (1, -1))
    rest, rows = numpy.where(abs(values) >= LARGE, 0.0, values), len(values)
    half = t.ppf((1 + CONFIDENCE) / 2, rows - 1) * rest.std(ddof=1) / math.sqrt(rows)
    whole = score_interval(better, worse, rows, CONFIDENCE).low
    return bool(whole + rest.mean() - half > -margin)


def betting(
    truth: Truth, counts: Sequence[int], margin: float, draw: numpy.random.Generator
) -> bool:
    """Predictable plug-in bets on the rows in a random order (Waudby-Smith and Ramdas 2024, Journal
    of the Royal Statistical Society B 86:1)."""
    values = draw.permutation(numpy.repeat([a - b for a, b in truth.pairs], counts))
    shares, null = (values - truth.worst) / (-2 * truth.worst), (-margin - truth.worst)
    null /= -2 * truth.worst
    seen = numpy.arange(1, len(shares) + 1)
    means = (0.5 + numpy.cumsum(shares)) / (seen + 1)
    variances = (0.25 + numpy.cumsum((shares - means) ** 2)) / (seen + 1)
    before = numpy.concatenate([[0.25], variances[:-1]])
    wanted = math.log(1 / (1 - CONFIDENCE))
    bets = numpy.minimum(numpy.sqrt(2 * wanted / (len(shares) * before)), BOLDEST / null)
    return bool(numpy.log1p(bets * (shares - null)).sum() >= wanted)


TESTS: dict[str, Test] = {
    "gaffke": gaffke,
    "tango_and_student": tango_and_student,
    "betting": betting,
}
