"""Levels of tests, chosen so that all tests of a family together keep the promised error.

Each further evaluation on the same gold, and each further rival, is another chance to pass by luck.
"""

from collections.abc import Mapping


def level_of_look(confidence: float, look: int) -> float:
    """Return the level of the `look`-th verdict on the same gold, counted from 1.

    Each verdict takes half of the error that is left. The shares ½, ¼, ⅛ … of 1 − confidence never
    add up to more than 1 − confidence. This holds for any number of evaluations, for any student,
    and whoever decides to evaluate again.

    Source: error spending (Lan and DeMets 1983, Biometrika 70:659) by Bonferroni's inequality. The
    first verdict takes half of the error on one side, as a two-sided interval does. `ci_low`
    therefore decides the first verdict. ICH E9 (1998, section 3.3.2) requires non-inferiority to be
    judged at half of the error.
    """
    return 1 - (1 - confidence) * 0.5**look


def holm_levels(chances: Mapping[str, float], level: float) -> dict[str, float]:
    """Return name → the level of its test by Holm, for the one-sided p of each test in `chances`.

    The smallest p is tested against the whole family. Each test that passes leaves one fewer. Every
    test after the first failure has the level of that failure.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    error, left, levels = 1 - level, len(chances), dict[str, float]()
    for name in sorted(chances, key=chances.__getitem__):
        levels[name] = 1 - error / left
        if chances[name] < error / left:
            left -= 1
    return levels
