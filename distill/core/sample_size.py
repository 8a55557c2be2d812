"""The number of test rows that proves a margin, and the margin that a number of rows proves."""

import math
from statistics import NormalDist

POWER = 0.8  # chance that the recommended number of test rows settles the verdict
DIFFERING = 0.1  # assumed share of test rows on which two equally good systems differ
FIRST_LOOK = 0.975  # level of the first verdict on a task's gold
PROVABLE = (0.02, 0.2)  # the least margin that a task is given, and the largest


def sample_size_for_margin(
    margin: float, *, differing: float = DIFFERING, confidence: float = FIRST_LOOK
) -> int:
    """Return the number of rows that would show non-inferiority with a chance of POWER.

    The test is one-sided at `confidence`. Student and teacher are assumed to be equally good, and
    to differ on a share `differing` of the rows. Source: the normal approximation of a one-sided
    paired test, Liu, Hsueh, Hsieh and Chen 2002, Statistics in Medicine 21:231.
    """
    return math.ceil(differing * (_deviations(confidence) / margin) ** 2)


def provable_margin(rows: int) -> float:
    """Return the least margin in whole points that so many rows prove, within PROVABLE."""
    least = math.sqrt(DIFFERING / rows) * _deviations(FIRST_LOOK)
    return min(max(math.ceil(100 * least - 1e-9) / 100, PROVABLE[0]), PROVABLE[1])


def _deviations(confidence: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(confidence) + normal.inv_cdf(POWER)
