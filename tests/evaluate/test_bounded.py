"""Gaffke's bound against bounds that are known, against its own random weights, and against the
error that it promises."""

from itertools import product
from math import factorial, prod

import numpy
import pytest
from scipy.stats import beta

from distill.evaluate.bounded import (
    bounds,
    chance_below_zero,
    chance_of_mean,
    lower_bound,
    ratio_bounds,
)


@pytest.mark.parametrize(("rows", "right"), [(10, 7), (60, 59), (60, 5), (240, 210)])
def test_of_right_and_wrong_it_is_clopper_and_pearsons(rows: int, right: int) -> None:
    scores = [1.0] * right + [0.0] * (rows - right)
    assert lower_bound(scores, 0.0, 0.025) == pytest.approx(
        float(beta.ppf(0.025, right, rows - right + 1)), abs=1e-3
    )
    assert bounds(scores, (0.0, 1.0), 0.95)[1] == pytest.approx(
        float(beta.ppf(0.975, right + 1, rows - right)), abs=1e-3
    )


@pytest.mark.parametrize("rows", [5, 60, 149, 1000])
def test_rows_that_agree_leave_the_chance_of_a_loss_that_none_has_shown(rows: int) -> None:
    """Of rows that lose all with a chance of 2 %, none does with one of 0.98^n."""
    found = chance_of_mean([0.0] * rows, -0.02, -1.0)
    assert found == pytest.approx(0.98**rows, rel=0.04)
    assert lower_bound([0.8] * rows, 0.0, 0.025) == pytest.approx(0.8 * 0.025 ** (1 / rows), 0.01)


@pytest.mark.parametrize(("mean", "off"), [(0.68, 0.1), (0.72, 0.06), (0.75, 0.04), (0.8, 0.04)])
def test_the_chance_is_that_of_random_weights(mean: float, off: float) -> None:
    draw = numpy.random.default_rng(0)
    scores = draw.beta(4, 1, 50)
    weights = draw.exponential(size=(400_000, 51))
    drawn = float(((weights @ numpy.append(scores - mean, -mean)) <= 0).mean())
    assert chance_of_mean(scores.tolist(), mean, 0.0) == pytest.approx(drawn, rel=off)


def test_the_chance_is_smooth_where_the_mean_is() -> None:
    scores = numpy.array([0.3, 0.6, 0.9, 0.1])
    counts = numpy.ones(4)
    near = [chance_below_zero(scores - mean, counts) for mean in numpy.linspace(0.46, 0.49, 301)]
    steps = numpy.diff(near)
    assert (steps > 0).all() and steps.max() < 2 * steps.min()


@pytest.mark.parametrize("error", [0.05, 0.0125])
@pytest.mark.parametrize(
    ("scores", "shares"),
    [
        # What a search over three scores and their shares found to be hardest.
        ((0.0, 0.015, 0.037), (0.4, 0.0, 0.6)),
        ((0.0, 0.15, 1.0), (0.285, 0.0, 0.715)),
        ((0.0, 0.24, 1.0), (0.97, 0.008, 0.022)),
        ((0.0, 0.9, 1.0), (0.03, 0.72, 0.25)),
    ],
)
@pytest.mark.parametrize("rows", [6, 15])
def test_the_true_mean_is_excluded_as_seldom_as_promised(
    rows: int, scores: tuple[float, ...], shares: tuple[float, ...], error: float
) -> None:
    """By all that can be drawn, without a simulation."""
    mean = sum(score * share for score, share in zip(scores, shares, strict=True))
    excluded = 0.0
    for counts in product(range(rows + 1), repeat=3):
        if sum(counts) != rows:
            continue
        chance = factorial(rows) * prod(
            share**n / factorial(n) for share, n in zip(shares, counts, strict=True)
        )
        drawn = [score for score, n in zip(scores, counts, strict=True) for _ in range(n)]
        if chance > 1e-9 and chance_of_mean(drawn, mean, 0.0) < error:
            excluded += chance
    assert excluded <= error


def test_a_ratio_of_rows_that_agree_has_a_width() -> None:
    few, many = (ratio_bounds([20.0] * rows, [20.0] * rows, 0.95) for rows in (5, 100))
    assert few[0] < many[0] < 1.0 < many[1] < few[1]
    assert ratio_bounds([0.0, 0.0], [1.0, 2.0], 0.95)[0] == 0.0
