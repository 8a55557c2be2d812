"""The figures of labels against a table worked out by hand, and against counting."""

import random
from collections import Counter
from statistics import fmean

import pytest

from distill.core.errors import InputError
from distill.report.labels import INVALID, NO_LABEL, by_label, macro_f1
from tests.conftest import WriteTask
from tests.support.seeds import for_seeds

LABELS = ("cats", "dogs", "birds")
# cats: 3 of 4 found, 3 of 5 that were called so; dogs: 1 of 3, of 1; birds: 0 of 1, of 1.
EXPECTED = ["cats", "cats", "cats", "cats", "dogs", "dogs", "dogs", "birds"]
ANSWERS = ["cats", "cats", "cats", "birds", "dogs", "cats", INVALID, "cats"]


def test_each_label_by_hand() -> None:
    found = by_label(EXPECTED, ANSWERS, LABELS)
    cats, dogs, birds = (found[label] for label in LABELS)
    assert (cats["n"], cats["recall"], cats["precision"]) == (4, 0.75, 0.6)
    assert (dogs["n"], dogs["recall"], dogs["precision"]) == (3, pytest.approx(1 / 3), 1.0)
    assert (birds["n"], birds["recall"], birds["precision"], birds["f1"]) == (1, 0.0, 0.0, 0.0)
    assert cats["f1"] == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert cats["taken_for"] == {"birds": 1}
    assert dogs["taken_for"] == {"cats": 1, NO_LABEL: 1}


def test_an_invalid_answer_is_no_label_whatever_labels_are_called() -> None:
    labels = ("no label", "(no label)", "cats")
    expected = ["no label", "no label", "cats"]
    answers = ["no label", INVALID, INVALID]
    found = by_label(expected, answers, labels)
    assert (found["no label"]["recall"], found["no label"]["precision"]) == (0.5, 1.0)
    assert found["no label"]["taken_for"] == {"((no label))": 1}
    assert found["cats"]["taken_for"] == {"((no label))": 1}
    assert macro_f1(expected, answers, labels) == pytest.approx((2 / 3 + 0) / 2)


def test_no_task_can_have_a_label_that_is_taken_for_an_invalid_answer(pets: WriteTask) -> None:
    with pytest.raises(InputError, match="a label must be one printable line"):
        pets(task_toml=f'name = "pets"\nkind = "classify"\n[labels]\n"{INVALID}" = ""\ncats = ""\n')


def test_macro_f1_is_the_mean_of_the_labels() -> None:
    found = by_label(EXPECTED, ANSWERS, LABELS)
    mean = fmean(row["f1"] for row in found.values())
    assert macro_f1(EXPECTED, ANSWERS, LABELS) == pytest.approx(mean)


def test_a_label_without_gold_does_not_lower_it() -> None:
    assert macro_f1(["cats", "dogs"], ["cats", "dogs"], LABELS) == 1.0
    row = by_label(["cats", "dogs"], ["cats", "dogs"], LABELS)["birds"]
    assert (row["n"], row["recall"], row["taken_for"]) == (0, 0.0, {})


@for_seeds(range(200))
def test_rows_are_right_or_taken_for_something(seed: int) -> None:
    draw = random.Random(seed)
    rows = draw.randint(1, 40)
    expected = draw.choices(LABELS, k=rows)
    answers = draw.choices([*LABELS, INVALID], k=rows)
    found = by_label(expected, answers, LABELS)
    right = Counter(a for a, b in zip(expected, answers, strict=True) if a == b)
    called = Counter(answers)
    for label in LABELS:
        row = found[label]
        assert row["n"] == expected.count(label)
        assert right[label] + sum(row["taken_for"].values()) == row["n"]
        assert row["recall"] * row["n"] == pytest.approx(right[label])
        assert row["precision"] * called[label] == pytest.approx(right[label])
