"""The error of a family of tests is shared so that nothing is left over and nothing is added."""

import pytest

from distill.evaluate.levels import holm_levels, level_of_look


def test_looks_share_the_error() -> None:
    errors = [1 - level_of_look(0.95, look) for look in range(1, 40)]
    assert errors[:3] == pytest.approx([0.025, 0.0125, 0.00625])
    assert sum(errors) == pytest.approx(0.05) and sum(errors[:5]) < 0.05
    assert level_of_look(0.9, 0) == pytest.approx(0.9), "a single one has all of it"


def test_holm_by_hand() -> None:
    # 0.012 < 0.05/4; 0.015 < 0.05/3; 0.03 > 0.05/2: it and what comes after it are at that level.
    found = holm_levels({"d": 0.04, "b": 0.015, "a": 0.012, "c": 0.03}, 0.95)
    assert {name: 1 - level for name, level in found.items()} == pytest.approx(
        {"a": 0.05 / 4, "b": 0.05 / 3, "c": 0.05 / 2, "d": 0.05 / 2}
    )
    assert holm_levels({}, 0.95) == {}
