"""The two-sample test: what an AUC is, and whether its interval holds it."""

import random

import pytest

from distill.text.two_samples import MOST, TwoSampleTest, _auc, two_sample_test, words_of

WORDS = [f"word{n}" for n in range(40)]


def drawn(draw: random.Random, count: int, mark: float = 0.0) -> list[str]:
    """Texts of six random words, a share of which has a mark, too."""
    return [
        " ".join([*draw.choices(WORDS, k=6), *(["mark"] if draw.random() < mark else [])])
        for _ in range(count)
    ]


def result_of(first: list[str], second: list[str]) -> TwoSampleTest:
    """The test of two lists that are long enough."""
    found = two_sample_test(first, second)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("first", "second", "auc"),
    [([2.0, 3.0], [1.0], 1.0), ([1.0], [2.0], 0.0), ([1.0], [1.0], 0.5), ([1.0, 3.0], [2.0], 0.5)],
)
def test_an_auc_is_the_share_of_pairs_in_order(
    first: list[float], second: list[float], auc: float
) -> None:
    assert _auc(first, second) == auc


def test_a_word_of_one_side_tells_the_two_apart_as_far_as_it_goes() -> None:
    """With the mark in 60 % of one side and nowhere else, 80 % of the pairs are in order."""
    draw = random.Random(1)
    found = result_of(drawn(draw, 400, 0.6), drawn(draw, 400))
    assert found.low < 0.8 < found.high
    assert found.words[0].word == "mark"
    assert found.words[0].second == 0 and abs(found.words[0].first - 0.6) < 0.08


def test_the_most_telling_text_is_one_of_the_first_list() -> None:
    first = [*drawn(random.Random(2), 60), "mark mark"]
    marked = [*first, *["mark once"] * 10]
    assert "mark" in marked[result_of(marked, drawn(random.Random(3), 60)).typical]


def test_equal_distributions_are_rarely_told_apart() -> None:
    """Chance is in 95 % of the intervals; 0.65, where the linter begins, is above nearly all."""
    draw, lows, covers = random.Random(4), [], 0
    for size in (25, 40, 200) * 10:
        found = result_of(drawn(draw, size), drawn(draw, 30))
        lows.append(found.low)
        covers += found.low <= 0.5 <= found.high
    assert max(lows) < 0.65
    assert covers >= 24


def test_few_texts_tell_nothing_and_many_are_sampled() -> None:
    draw = random.Random(5)
    assert two_sample_test(drawn(draw, 19), drawn(draw, 500)) is None
    assert two_sample_test(drawn(draw, 500), drawn(draw, 19)) is None
    marked = ["plain"] * MOST + ["mark"] * MOST  # evenly spaced, both halves are seen
    found = result_of(marked, ["other"] * 100)
    assert {word.word: word.first for word in found.words}["mark"] == 0.5
    assert found.typical < 2 * MOST


def test_words_are_folded_and_scripts_without_spaces_have_letters() -> None:
    assert words_of("Don't STOP, Straße!") == ["don", "t", "stop", "strasse"]
    assert words_of("退款 now") == ["退", "款", "now"]
