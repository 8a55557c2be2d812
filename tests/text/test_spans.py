"""Tags of words: to the fields of an object, and back."""

from typing import Any

import pytest

from distill.text.spans import TaggedWord, object_in, probability_of
from distill.train.worker.training.encoder.tags import spans_of

FIELDS = {"name": "text", "day": "text", "guests": "number", "dishes": "texts", "sizes": "numbers"}
TEXT = "Ann Lee wants 4 seats on Friday, with soup and rice, sizes 3 5"


def words(*tags: tuple[str, int, float]) -> list[TaggedWord]:
    """The words of TEXT with these tags, in its order; others have none."""
    found = []
    for word, tag, probability in tags:
        start = TEXT.index(word)
        found.append(TaggedWord(start, start + len(word), tag, probability))
    return found


def test_the_words_of_a_value_are_put_together() -> None:
    tagged = words(
        *(("Ann", 1, 0.9), ("Lee", 2, 0.8), ("wants", 0, 1.0), ("4", 5, 0.9)),
        *(("Friday", 3, 0.9), ("soup", 7, 0.9), ("rice", 7, 1.0), ("3", 9, 0.5), ("5", 9, 0.5)),
    )
    found = object_in(TEXT, tagged, FIELDS)
    assert list(found.items()) == [
        ("name", "Ann Lee"),
        ("day", "Friday"),
        ("guests", 4),
        ("dishes", ["soup", "rice"]),
        ("sizes", [3, 5]),
    ]


@pytest.mark.parametrize(
    ("tagged", "found"),
    [
        ([("Ann", 2, 0.9), ("Lee", 2, 0.9)], {"name": "Ann Lee"}),
        ([("Ann", 1, 0.6), ("Lee", 1, 0.7)], {"name": "Lee"}),
        ([("Ann", 1, 0.6), ("Lee", 4, 0.7)], {"name": "Ann", "day": "Lee"}),
        ([("Ann", 5, 0.9)], {}),
        ([("Ann", 0, 0.9)], {}),
        ([], {}),
    ],
)
def test_odd_tags(tagged: list[tuple[str, int, float]], found: dict[str, Any]) -> None:
    """An inner word without a first one begins a value; of two values the likelier one counts."""
    assert object_in(TEXT, words(*tagged), FIELDS) == found


def test_the_probability_is_that_of_all_words() -> None:
    assert probability_of(words(("Ann", 1, 0.5), ("Lee", 2, 0.5))) == 0.25
    assert probability_of([]) == 1.0


def test_values_are_found_where_they_stand() -> None:
    answer = {"name": "ann  lee", "guests": 4, "dishes": ["soup", "rice"], "sizes": None}
    found = [(number, TEXT[a:b]) for number, a, b in spans_of(TEXT, answer, list(FIELDS))]
    assert found == [(0, "Ann Lee"), (2, "4"), (3, "soup"), (3, "rice")]


def test_equal_values_get_different_places() -> None:
    text = "from 5 to 5, or 55"
    places = [span[1] for span in spans_of(text, {"a": "5", "b": "5", "c": "5"}, ["a", "b", "c"])]
    assert places == [5, 10, 16], "the last one is within a word, as no other place is left"
    assert list(spans_of(text, {"a": "6", "b": " "}, ["a", "b"])) == []
