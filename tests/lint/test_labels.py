"""Rules on labels: spelling, rows, meanings."""

from pathlib import Path

import pytest

from tests.conftest import jsonl
from tests.support.clean_task import GOLD, SEEDS, TOML, clean, found, only

RENAMED = {"input": "Does the skipper speak French?", "label": "Time table"}


def test_labels_that_differ_by_case_or_space_are_named(tmp_path: Path) -> None:
    toml = TOML.replace("[teacher]", '"Time table" = "Who steers, and what else"\n[teacher]')
    task = clean(tmp_path, task_toml=toml, seeds_jsonl=jsonl([*SEEDS, RENAMED]))
    file, line, said = only(task, "labels-alike")
    assert (file, line) == (
        "task.toml",
        toml.split("\n").index('"Time table" = "Who steers, and what else"') + 1,
    )
    assert "'Time table' differs from 'timetable' only by case or white space" in said
    assert found(clean(tmp_path), "labels-alike") == []


def test_a_label_without_a_gold_row_is_named(tmp_path: Path) -> None:
    gold = [row for row in GOLD if row["label"] != "timetable"]
    file, line, said = only(clean(tmp_path, gold_jsonl=jsonl(gold)), "label-without-gold")
    assert (file, line) == ("task.toml", 7)
    assert said.startswith("gold.jsonl has no row of 'timetable': the verdict does not cover")


@pytest.mark.parametrize("meaning", ["", "Timetable.", "…"])
def test_a_label_without_a_meaning_is_named(tmp_path: Path, meaning: str) -> None:
    toml = TOML.replace("Departures, crossings and cancelled sailings in a storm", meaning)
    file, line, said = only(clean(tmp_path, task_toml=toml), "label-without-meaning")
    assert (file, line) == ("task.toml", 7)
    assert "no meaning says what belongs to 'timetable'" in said


def test_meanings_that_share_most_words_are_named(tmp_path: Path) -> None:
    toml = TOML.replace("Fares, discounts", "Fares, departures, crossings, storm, discounts")
    file, line, said = only(clean(tmp_path, task_toml=toml), "meanings-overlap")
    assert (file, line) == ("task.toml", 8)
    assert "'timetable' and 'tickets' share 3 of the 5 words" in said
    assert "'crossings', 'departures', 'storm'" in said


def test_equal_meanings_are_named_however_short(tmp_path: Path) -> None:
    toml = TOML.replace(
        "Departures, crossings and cancelled sailings in a storm", "all else"
    ).replace("Fares, discounts for children and refunds of a booking", "All else.")
    _, line, said = only(clean(tmp_path, task_toml=toml), "meanings-overlap")
    assert line == 8 and "'timetable' and 'tickets' have the same meaning" in said


def test_words_of_the_description_and_short_words_do_not_overlap(tmp_path: Path) -> None:
    toml = TOML.replace("Fares,", "What passengers write:").replace(
        "Departures,", "What passengers write of a tug and a sea:"
    )
    assert found(clean(tmp_path, task_toml=toml), "meanings-overlap") == []
