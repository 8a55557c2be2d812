"""The levels of tests, chosen so that a family of tests keeps the promised error rate.

Each further evaluation on the same gold, and each further rival, is another chance to pass by luck.
"""

from collections.abc import Mapping


def level_of_look(confidence: float, look: int) -> float:
    """Return the level of the `look`-th verdict on the same gold, counted from 1.

    Each verdict takes half of the remaining error. The shares ½, ¼, ⅛ … of 1 − confidence never
    add up to more than 1 − confidence. This holds for any number of evaluations, any student, and
    any reason to evaluate again.

    Source: error spending (Lan and DeMets 1983, Biometrika 70:659) by Bonferroni's inequality. The
    first verdict takes half of the error, like one side of a two-sided interval. `ci_low` therefore
    decides the first verdict. ICH E9 (1998, section 3.3.2) requires that non-inferiority is judged
    at half of the error.
    """
    return 1 - (1 - confidence) * 0.5**look


def holm_levels(chances: Mapping[str, float], level: float) -> dict[str, float]:
    """Return name → the level of its test by Holm, for the one-sided p of each test in `chances`.

    The smallest p is tested at the family's error divided by the number of tests. Each test that
    passes reduces this number by one. Every test after the first failure has that failure's level.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    error, left, levels = 1 - level, len(chances), dict[str, float]()
    for name in sorted(chances, key=chances.__getitem__):
        levels[name] = 1 - error / left
        if chances[name] < error / left:
            left -= 1
    return levels
