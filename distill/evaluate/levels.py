"""Which level each test takes, so that all tests of a family together keep the promised error.

Each further evaluation on the same gold is a further chance to be called as good by luck, and so is
each rival beside the others.
"""

from collections.abc import Mapping


def level_of_look(confidence: float, look: int) -> float:
    """The level of the `look`-th verdict on the same gold, from 1: half of the error that is left.
    The shares ½, ¼, ⅛ … of 1 − confidence never add up to more than all of it, however many looks
    there are, whoever decides whether to look again, and whether it is the same student.

    Source: error spending (Lan and DeMets 1983, Biometrika 70:659) by Bonferroni's inequality.
    A first look is at half of the error on one side, as a two-sided interval has it and as ICH E9
    (1998, section 3.3.2) wants non-inferiority judged: `ci_low` decides it.
    """
    return 1 - (1 - confidence) * 0.5**look


def holm_levels(chances: Mapping[str, float], level: float) -> dict[str, float]:
    """Name → the level of its own test where each has the one-sided p that `chances` says: the
    smallest p is held against the whole family, each one that passes leaves one fewer, and what
    comes after the first that fails is at that one's level.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    error, left, levels = 1 - level, len(chances), dict[str, float]()
    for name in sorted(chances, key=chances.__getitem__):
        levels[name] = 1 - error / left
        if chances[name] < error / left:
            left -= 1
    return levels
