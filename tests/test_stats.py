"""Intervals against published and computed values, and the verdict's three answers."""

import pytest

from distill.stats import paired_difference, percentile, share, verdict


def test_wilson_interval() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263.
    found = share([1.0] * 81 + [0.0] * 182, 0.95)
    assert found.value == pytest.approx(81 / 263)
    assert found.low == pytest.approx(0.2553, abs=5e-5)
    assert found.high == pytest.approx(0.3662, abs=5e-5)


def test_wilson_interval_of_all_right_stays_below_one() -> None:
    found = share([1.0] * 20, 0.95)
    assert found.low == pytest.approx(0.8389, abs=5e-5)
    assert found.high == pytest.approx(1.0)


def test_the_paired_difference_has_the_normal_width_when_there_are_many() -> None:
    ours = [1.0] * 600 + [0.0] * 400
    theirs = [1.0] * 500 + [0.0] * 100 + [0.0] * 400
    found = paired_difference(ours, theirs, 0.95)
    half = 1.96 * (0.1 * 0.9 / 1000) ** 0.5
    assert found.value == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1 - half, abs=0.002)
    assert found.high == pytest.approx(0.1 + half, abs=0.002)


def test_it_is_the_same_every_time() -> None:
    ours, theirs = [1.0, 0.0, 1.0, 1.0] * 10, [1.0, 1.0, 0.0, 1.0] * 10
    assert paired_difference(ours, theirs, 0.95) == paired_difference(ours, theirs, 0.95)


def test_no_difference_at_all_has_no_width() -> None:
    found = paired_difference([1.0, 0.0], [1.0, 0.0], 0.95)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("better", "worse", "same", "result"),
    [
        (30, 10, 160, "non_inferior"),
        (0, 40, 160, "inferior"),
        (10, 12, 178, "inconclusive"),
        (0, 0, 200, "non_inferior"),
    ],
)
def test_verdict(better: int, worse: int, same: int, result: str) -> None:
    student = [1.0] * better + [0.0] * worse + [1.0] * same
    teacher = [0.0] * better + [1.0] * worse + [1.0] * same
    found = verdict(student, teacher, margin=0.02, confidence=0.95)
    assert found.result == result
    assert (found.gold_needed is not None) == (result == "inconclusive")


def test_the_gold_needed_would_settle_it() -> None:
    def found(times: int) -> object:
        student = ([1.0] * 12 + [0.0] * 10 + [1.0] * 178) * times
        teacher = ([0.0] * 12 + [1.0] * 10 + [1.0] * 178) * times
        return verdict(student, teacher, margin=0.02, confidence=0.95)

    once = found(1)
    assert once.result == "inconclusive"  # type: ignore[attr-defined]
    times = -(-once.gold_needed // 200)  # type: ignore[attr-defined]
    assert times > 1
    assert found(times + 1).result == "non_inferior"  # type: ignore[attr-defined]


def test_percentile() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.5
    assert percentile([float(n) for n in range(101)], 95) == 95.0
