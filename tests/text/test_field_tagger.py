"""The linear rival of extraction: what it learns from rows, and what it leaves alone."""

import json
from itertools import pairwise
from typing import Any

import pytest

from distill.text.field_tagger import fit_tagger

NAMES = ("Ann", "Bob", "Carl", "Dora", "Emil", "Fay", "Gus", "Hana")


def learned(rows: list[tuple[str, dict[str, Any]]], *texts: str) -> list[Any]:
    tagger = fit_tagger([text for text, _ in rows], [json.dumps(found) for _, found in rows])
    return [json.loads(answer) for answer in tagger.predict(texts)]


def test_words_are_taken_by_what_stands_around_them() -> None:
    rows: list[tuple[str, dict[str, Any]]] = [
        (f"my name is {name}, a table for {n}", {"name": name, "people": n})
        for n, name in enumerate(NAMES, start=2)
    ]
    rows += [("do you have parking", {}), ("is the kitchen open", {})]
    assert learned(rows, "my name is Zoe, a table for 14", "is the door open") == [
        {"name": "Zoe", "people": 14},
        {},
    ]


def test_a_value_of_several_words_keeps_them_as_they_stand() -> None:
    rows: list[tuple[str, dict[str, Any]]] = [
        (f"please send {n} Red Shoes to us", {"article": f"{n} red shoes"}) for n in range(9)
    ]
    assert learned([*rows, ("hello you", {})], "please send 12 Red Shoes to us") == [
        {"article": "12 Red Shoes"}
    ]


def test_a_list_gets_every_run_of_words() -> None:
    rows: list[tuple[str, dict[str, Any]]] = [
        (f"with {one} and {two} tonight", {"guests": [one, two]}) for one, two in pairwise(NAMES)
    ]
    (found,) = learned([*rows, ("nobody", {})], "with Ann and Gus tonight")
    assert sorted(found["guests"]) == ["Ann", "Gus"]


def test_what_does_not_stand_in_the_input_is_a_choice() -> None:
    rows: list[tuple[str, dict[str, Any]]] = [
        *((f"{name} is happy and glad", {"mood": "good", "urgent": False}) for name in NAMES),
        *((f"{name} is angry and sad", {"mood": "bad", "urgent": True}) for name in NAMES),
        *((f"{name} only asks", {}) for name in NAMES),
    ]
    assert learned(rows, "Ann is glad", "Bob is angry", "Fay only asks") == [
        {"mood": "good", "urgent": False},
        {"mood": "bad", "urgent": True},
        {},
    ]


@pytest.mark.parametrize("text", ["", "   ", "…", "Ann"])
def test_nothing_to_learn_and_nothing_to_read(text: str) -> None:
    assert learned([("some words", {}), ("other words", {})], text) == [{}]
    assert learned([("Ann", {"name": "Ann"}), ("hello", {})], text) in ([{}], [{"name": "Ann"}])
