"""Diversity: 0 and 1 are what they say, and odd texts have figures too."""

import json

import pytest

from distill.text.diversity import Diversity, coverage, diversity

CARDS = [f"my {kind} card has not come by post" for kind in ("new", "first", "second", "other")]
WEATHER = [f"will it rain in the mountains {when}" for when in ("today", "tonight", "on Monday")]
CARDS_TOO = [f"where is the {kind} card that you sent me" for kind in ("new", "first", "other")]
WEATHER_TOO = [f"is it going to rain in the hills {when}" for when in ("today", "tonight", "soon")]
FOOD = ["book a table for dinner", "we need seats for a birthday meal", "is lunch served at noon"]
NOTHING = Diversity(0.0, 0.0, 0.0)
ODD = ("\x00", json.loads('"\\ud800"'), "שלום \u200f עולם", "😀😀", "mega " * 200_000)


def test_distinct_counts_words_and_pairs() -> None:
    found = diversity(["a b a b", "A b"])
    assert found.distinct_1 == pytest.approx(2 / 6)
    assert found.distinct_2 == pytest.approx(2 / 4)  # ab, ba, ab; ab: none over the end of a text


def test_texts_of_nothing_in_common() -> None:
    found = diversity(["my card is missing", "will it rain tonight"])
    assert (found.distinct_1, found.distinct_2) == (1.0, 1.0)
    assert 0.5 < found.mean_nearest_distance <= 1


def test_scripts_without_spaces_are_counted_by_character() -> None:
    assert diversity(["猫猫犬"]).distinct_1 == pytest.approx(2 / 3)


def test_all_texts_alike() -> None:
    found = diversity(["the same words here"] * 20)
    assert found.distinct_1 == pytest.approx(4 / 80)
    assert found.distinct_2 == pytest.approx(3 / 60)
    assert found.mean_nearest_distance == pytest.approx(0, abs=1e-5)
    assert coverage(["alike"] * 9, ["alike"] * 9) == 1.0


def test_one_subject_is_less_diverse_than_three() -> None:
    one, three = diversity(CARDS), diversity([CARDS[0], WEATHER[0], *FOOD[:2]])
    assert one.distinct_1 < three.distinct_1
    assert one.distinct_2 < three.distinct_2
    assert one.mean_nearest_distance < three.mean_nearest_distance


def test_a_twin_takes_the_distance() -> None:
    alone, doubled = diversity(FOOD), diversity([*FOOD, *FOOD])
    assert alone.mean_nearest_distance > 0.2
    assert doubled.mean_nearest_distance == pytest.approx(0, abs=1e-5)


def test_more_texts_than_a_block() -> None:
    texts = [f"number {number % 3}" for number in range(1_200)]
    assert diversity(texts).mean_nearest_distance == pytest.approx(0, abs=1e-5)


def test_nothing_and_one() -> None:
    assert diversity([]) == NOTHING
    assert diversity([""]) == NOTHING
    assert diversity(["one text alone"]) == Diversity(1.0, 1.0, 0.0)


def test_coverage_is_the_share_of_the_real_texts_with_one_about_them() -> None:
    real = [*CARDS, *CARDS_TOO, *WEATHER, *WEATHER_TOO]
    more = [f"{text} please" for text in real]
    assert coverage(real, real) == 1.0
    assert coverage(more, real) > 0.9
    cards = len(CARDS + CARDS_TOO)
    assert coverage(more[:cards], real) == pytest.approx(cards / len(real), abs=0.1)
    assert coverage(FOOD, CARDS) == 0.0


def test_coverage_of_nothing_and_one() -> None:
    assert coverage([], CARDS) == coverage(CARDS, []) == 0.0
    assert coverage(["one"], ["two"]) == 0.0
    assert coverage(["one"], ["one"]) == 1.0


def test_odd_texts() -> None:
    found = diversity(ODD)
    for share in (found.distinct_1, found.distinct_2, found.mean_nearest_distance):
        assert 0 <= share <= 1
    assert 0 <= coverage(ODD, [*CARDS, *ODD]) <= 1
