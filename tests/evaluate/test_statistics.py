"""Intervals against published and computed values, and the verdict's three answers."""

from statistics import NormalDist

import numpy
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from distill.evaluate.statistics import (
    chance_of_difference,
    gold_needed,
    mcnemar_p,
    mean_interval,
    paired_difference,
    percentile,
    ratio,
    score_interval,
    verdict,
    verdicts_on_rivals,
    wilson_interval,
)


@pytest.mark.parametrize("rows", [1, 3, 60])
@pytest.mark.parametrize("score", [2 / 3, 0.8])
def test_rows_that_agree_are_no_certainty(rows: int, score: float) -> None:
    """A row of 0 that none has shown is as likely as 0.025^(1/n) lets it be, and one of 1."""
    found, seen = mean_interval([score] * rows, 0.95), 0.025 ** (1 / rows)
    assert found.value == pytest.approx(score)
    assert found.low == pytest.approx(score * seen, rel=0.07)
    assert 1 - found.high == pytest.approx((1 - score) * seen, rel=0.07)


def test_texts_that_are_level_are_no_certainty() -> None:
    found = mean_interval([0.5] * 12, 0.95)
    assert 0.3 < found.low < 0.4 and 0.6 < found.high < 0.7


@pytest.mark.parametrize("rows", [12, 60, 120])
@pytest.mark.parametrize("perfect", [0.8, 0.95])
def test_the_interval_of_a_mean_holds_the_truth(rows: int, perfect: float) -> None:
    """Objects that are perfect, or 0.7, or (2 %) worth nothing."""
    draw = numpy.random.default_rng(0)
    chances = [perfect - 0.01, 1 - perfect - 0.01, 0.02]
    truth, inside = chances[0] + 0.7 * chances[1], 0
    for _ in range(300):
        found = mean_interval(draw.choice([1.0, 0.7, 0.0], rows, p=chances).tolist(), 0.95)
        inside += found.low <= truth <= found.high
    assert inside / 300 >= 0.95 - 2 * (0.05 * 0.95 / 300) ** 0.5


@pytest.mark.parametrize("rows", [60, 100, 240])
def test_rare_whole_losses_are_not_taken_for_impossible(rows: int) -> None:
    """Objects of ten fields, of which one in four has one field other than the teacher's, up or
    down alike, and of which so many are broken that the truth is exactly −margin."""
    draw, called, truth = numpy.random.default_rng(0), 0, -0.02
    teacher = [0.9] * rows
    for _ in range(300):
        u = draw.random(rows)
        student = numpy.where(u < 0.125, 1.0, numpy.where(u < 0.25, 0.8, 0.9))
        student = numpy.where(draw.random(rows) < 0.02 / 0.9, 0.0, student)
        found = verdict(student.tolist(), teacher, margin=-truth, confidence=0.95)
        called += found.result == "non_inferior"
    assert called / 300 <= 0.05 + 2 * (0.05 * 0.95 / 300) ** 0.5


def test_wilson_interval() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263.
    found = wilson_interval([1.0] * 81 + [0.0] * 182, 0.95)
    assert found.value == pytest.approx(81 / 263)
    assert found.low == pytest.approx(0.2553, abs=5e-5)
    assert found.high == pytest.approx(0.3662, abs=5e-5)


def test_wilson_interval_of_all_right_stays_below_one() -> None:
    found = wilson_interval([1.0] * 20, 0.95)
    assert found.low == pytest.approx(0.8389, abs=5e-5)
    assert found.high == pytest.approx(1.0)


@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_shares_and_mcnemars_test_are_those_of_statsmodels(
    right: int, wrong: int, confidence: float
) -> None:
    """Another implementation, which takes half a second longer to import."""
    values = [1.0] * right + [0.0] * wrong
    theirs = mcnemar([[0, right], [wrong, 0]], exact=True).pvalue
    assert mcnemar_p(values, [1 - value for value in values]) == pytest.approx(theirs, rel=1e-9)
    assume(values)
    found = wilson_interval(values, confidence)
    ends = proportion_confint(right, right + wrong, alpha=1 - confidence, method="wilson")
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-12)


def test_the_paired_difference_has_the_normal_width_when_there_are_many() -> None:
    ours = [1.0] * 600 + [0.0] * 400
    theirs = [1.0] * 500 + [0.0] * 100 + [0.0] * 400
    found = paired_difference(ours, theirs, 0.95)
    half = 1.96 * (0.1 * 0.9 / 1000) ** 0.5
    assert found.value == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1 - half, abs=0.002)
    assert found.high == pytest.approx(0.1 + half, abs=0.002)


@pytest.mark.parametrize(
    ("better", "worse", "p"),
    # Twice the binomial tail of a fair coin: (1 + 8) / 2^8 twice, and so on.
    [(1, 7, 18 / 256), (0, 5, 2 / 32), (3, 3, 1.0), (0, 0, 1.0)],
)
def test_mcnemars_test_is_that_of_a_fair_coin(better: int, worse: int, p: float) -> None:
    ours = [1.0] * better + [0.0] * worse + [1.0] * 4
    theirs = [0.0] * better + [1.0] * worse + [1.0] * 4
    assert mcnemar_p(ours, theirs) == pytest.approx(p)


def test_it_is_the_same_every_time() -> None:
    ours, theirs = [1.0, 0.0, 1.0, 1.0] * 10, [1.0, 1.0, 0.0, 1.0] * 10
    assert paired_difference(ours, theirs, 0.95) == paired_difference(ours, theirs, 0.95)


@pytest.mark.parametrize(
    ("better", "worse", "rows"), [(1, 7, 21), (6, 16, 161), (40, 20, 160), (1, 0, 44), (3, 0, 10)]
)
def test_the_score_interval_ends_where_the_likelihood_says(
    better: int, worse: int, rows: int
) -> None:
    """With the shares of a true difference by search instead of by Tango's formula."""

    def z_of(difference: float) -> float:
        def likelihood(only_there: float) -> float:
            cells = (only_there + difference, only_there, 1 - 2 * only_there - difference)
            counts = (better, worse, rows - better - worse)
            terms = [float(xlogy(n, max(p, 0))) for n, p in zip(counts, cells, strict=True)]
            return -sum(terms)

        bounds = (max(0, -difference), (1 - difference) / 2)
        found = float(minimize_scalar(likelihood, bounds=bounds, options={"xatol": 1e-12}).x)
        variance = (2 * found + difference * (1 - difference)) / rows
        return float(((better - worse) / rows - difference) / variance**0.5)

    found = score_interval(better, worse, rows, 0.95)
    z = NormalDist().inv_cdf(0.975)
    assert [z_of(found.low), z_of(found.high)] == pytest.approx([z, -z], 1e-6)
    other = score_interval(worse, better, rows, 0.95)
    assert [other.low, other.high] == pytest.approx([-found.high, -found.low])


@pytest.mark.parametrize("rows", [1, 20, 240])
def test_where_no_row_differs_the_difference_is_not_known_to_be_zero(rows: int) -> None:
    # Its score test has a solution by hand: n·d = z²·(1 − d).
    z = NormalDist().inv_cdf(0.975)
    end = z * z / (rows + z * z)
    found = paired_difference([1.0] * rows, [1.0] * rows, 0.95)
    assert found.value == 0.0
    assert [found.low, found.high] == pytest.approx([-end, end])


def test_all_rows_differ() -> None:
    found = paired_difference([0.0] * 10, [1.0] * 10, 0.95)
    assert (found.value, found.low) == (-1.0, -1.0) and -0.5 < found.high < -0.4
    found = paired_difference([1.0] * 10, [0.0] * 10, 0.95)
    assert (found.value, found.high) == (1.0, 1.0) and 0.4 < found.low < 0.5


@given(better=st.integers(0, 60), worse=st.integers(0, 60), same=st.integers(0, 500))
def test_the_interval_excludes_zero_as_mcnemars_test_does(
    better: int, worse: int, same: int
) -> None:
    assume(better + worse)
    found = score_interval(better, worse, better + worse + same, 0.95)
    assert -1 <= found.low <= found.value <= found.high <= 1
    table = [[same, better], [worse, 0]]
    p = mcnemar(table, exact=False, correction=False).pvalue
    assume(abs(p - 0.05) > 1e-6)
    assert (found.low > 0 or found.high < 0) == (p < 0.05)


def test_of_many_scores_that_are_no_shares_the_interval_is_the_normal_one() -> None:
    ours, theirs = [0.5, 0.7, 0.9, 1.0] * 500, [0.4, 0.7, 0.7, 1.0] * 500
    found = paired_difference(ours, theirs, 0.95)
    half = 1.96 * (0.006875 / 2000) ** 0.5  # the variance of .1, 0, .2 and 0
    assert found.value == pytest.approx(0.075)
    assert found.low == pytest.approx(0.075 - half, abs=0.002)
    assert found.high == pytest.approx(0.075 + half, abs=0.002)
    same = paired_difference([0.5, 0.7], [0.5, 0.7], 0.95)
    assert same.value == 0.0 and same.low < -0.4 and same.high > 0.4, "two rows show little"


@pytest.mark.parametrize(
    ("better", "worse", "same", "result"),
    [
        (30, 10, 160, "non_inferior"),
        (0, 40, 160, "inferior"),
        (10, 12, 178, "inconclusive"),
        (0, 0, 200, "non_inferior"),
        (0, 0, 100, "inconclusive"),
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
    assert found(times).result == "non_inferior"  # type: ignore[attr-defined]


def test_the_ends_that_decide_are_those_of_one_sided_intervals() -> None:
    student = [1.0] * 12 + [0.0] * 10 + [1.0] * 178
    teacher = [0.0] * 12 + [1.0] * 10 + [1.0] * 178
    found = verdict(student, teacher, margin=0.02, confidence=0.95)
    wide = score_interval(12, 10, 200, 0.90)
    assert (found.at_least, found.at_most) == (wide.low, wide.high)
    assert found.difference.low < found.at_least < found.at_most < found.difference.high
    within = verdict(student, teacher, margin=0.03, confidence=0.95)
    assert within.result == "non_inferior"
    assert within.difference.low < -0.03 < within.at_least


def test_gold_that_settles_it_by_the_textbook() -> None:
    # 20 of 200 rows differ, ten either way: (20 + 1) / 201 · ((1.6449 + 0.8416) / 0.02)²
    student = [1.0] * 10 + [0.0] * 10 + [1.0] * 180
    teacher = [0.0] * 10 + [1.0] * 10 + [1.0] * 180
    assert gold_needed(student, teacher, margin=0.02, confidence=0.95) == 1615
    assert gold_needed(student, teacher, margin=0.0, confidence=0.95) is None
    fewer = [1.0] * 10 + [0.0] * 14 + [1.0] * 176  # exactly −margin
    more = [0.0] * 10 + [1.0] * 14 + [1.0] * 176
    assert gold_needed(fewer, more, margin=0.02, confidence=0.95) is None


def test_percentile() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.5
    assert percentile([float(n) for n in range(101)], 95) == 95.0


@pytest.mark.parametrize("rows", [5, 20, 240])
def test_rows_that_are_level_do_not_show_that_two_are_equal(rows: int) -> None:
    """Texts differ by a half at most, where the teacher's is worth a half."""
    level = paired_difference([0.5] * rows, [0.5] * rows, 0.95)
    end = 0.5 * (1 - 0.025 ** (1 / rows))  # what no row has shown may be so frequent
    assert level.value == 0.0
    assert [level.low, level.high] == pytest.approx([-end, end], rel=0.01)
    found = verdict([0.5] * rows, [0.5] * rows, margin=0.02, confidence=0.95)
    assert found.result == ("non_inferior" if rows == 240 else "inconclusive")


def test_a_few_rows_that_differ_are_not_all_there_could_be() -> None:
    few = paired_difference([0.25] * 2 + [0.5] * 98, [0.5] * 100, 0.95)
    none = paired_difference([0.5] * 100, [0.5] * 100, 0.95)
    assert few.value == pytest.approx(-0.005)
    assert few.low < none.low < none.high and 0 < few.high < none.high
    many = paired_difference([0.25] * 20 + [0.5] * 80, [0.5] * 100, 0.95)
    assert -0.085 < many.low < many.high < -0.02, "enough differ: it is about the normal one"


@given(
    better=st.integers(0, 60),
    worse=st.integers(0, 60),
    same=st.integers(1, 500),
    margin=st.sampled_from([0.01, 0.02, 0.05]),
)
def test_p_and_interval_are_of_one_test(better: int, worse: int, same: int, margin: float) -> None:
    for scale in (1.0, 0.9):  # Tango's, Gaffke's
        student = [scale] * better + [0.0] * worse + [scale] * same
        teacher = [0.0] * better + [scale] * worse + [scale] * same
        p = chance_of_difference(student, teacher, -margin)
        assume(abs(p - 0.05) > 1e-6)
        found = verdict(student, teacher, margin=margin, confidence=0.95)
        assert (found.result == "non_inferior") == (p < 0.05)


def test_each_look_at_the_same_gold_has_half_of_the_error_that_is_left() -> None:
    student = [1.0] * 16 + [0.0] * 10 + [1.0] * 174
    teacher = [0.0] * 16 + [1.0] * 10 + [1.0] * 174
    once = verdict(student, teacher, margin=0.02, confidence=0.95)
    first, second = (
        verdict(student, teacher, margin=0.02, confidence=0.95, look=look) for look in (1, 2)
    )
    assert [row.level for row in (once, first, second)] == pytest.approx([0.95, 0.975, 0.9875])
    assert first.at_least == pytest.approx(first.difference.low), "the interval that is shown"
    assert once.difference == first.difference == second.difference
    assert [row.at_least for row in (once, first, second)] == pytest.approx(
        [score_interval(16, 10, 200, level).low for level in (0.9, 0.95, 0.975)]
    )
    assert [row.result for row in (once, first, second)] == ["non_inferior", *["inconclusive"] * 2]


def test_the_rows_that_are_asked_for_are_those_of_the_next_look() -> None:
    student = [1.0] * 12 + [0.0] * 10 + [1.0] * 178
    teacher = [0.0] * 12 + [1.0] * 10 + [1.0] * 178
    found = verdict(student, teacher, margin=0.02, confidence=0.95, look=1)
    assert found.gold_needed == gold_needed(student, teacher, margin=0.02, confidence=0.9875)


def test_the_best_of_several_rivals_is_held_against_all_that_were_tried() -> None:
    teacher = [1.0] * 100 + [0.0] * 300
    rivals = {f"r{n}": [0.0] * n + [1.0] * (100 - n) + [0.0] * 300 for n in (0, 3, 6, 9)}
    alone = {
        name: verdict(row, teacher, margin=0.02, confidence=0.95).result
        for name, row in rivals.items()
    }
    found = verdicts_on_rivals(rivals, teacher, margin=0.02, confidence=0.95)
    assert [round(1 - (row.level or 0), 4) for row in found.values()] == [
        *(0.0125, 0.0167, 0.0167, 0.0167)
    ]
    assert alone == dict(zip(rivals, ["non_inferior"] * 2 + ["inconclusive"] * 2, strict=True))
    assert [row.result for row in found.values()] == ["non_inferior"] + ["inconclusive"] * 3
    assert all((row.at_least > -0.02) == (row.result == "non_inferior") for row in found.values())


def test_the_ratio_of_sums() -> None:
    found = ratio([2, 4, 6, 2], [1, 2, 3, 1], 0.95)
    assert found.value == 2.0 and found.low < 1.0 and found.high > 3.0, "four rows show little"
    spread = ratio([1, 5] * 500, [3, 3] * 500, 0.95)
    # By the normal approximation: the mean of 1 and 5 is 3, its deviation 2 ÷ √1000, over 3.
    assert spread.value == 1.0
    assert spread.low == pytest.approx(1 - 1.96 * 2 / 1000**0.5 / 3, abs=0.005)
    assert spread.high == pytest.approx(1 + 1.96 * 2 / 1000**0.5 / 3, abs=0.005)
