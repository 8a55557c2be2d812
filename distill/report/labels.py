"""Macro F1, and the figures of each label and field."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from distill.core.dataset import LabelledExample
from distill.core.evaluation import Prediction
from distill.evaluate.scorers import fields
from distill.task.kinds.extract import Fields

INVALID = ""  # an invalid or truncated answer: no label is empty
NO_LABEL = "no label"  # name of INVALID in the report

Figures = dict[str, Any]


def name_of_invalid(labels: Collection[str]) -> str:
    """Return a name for invalid answers that is not a label."""
    name = NO_LABEL
    while name in labels:
        name = f"({name})"
    return name


def macro_f1(expected: Sequence[str], answers: Sequence[str], labels: Sequence[str]) -> float:
    """Return the mean F1 of the labels in gold (scikit-learn)."""
    from sklearn.metrics import f1_score

    present = sorted(set(expected) & set(labels))
    found = f1_score(expected, answers, labels=present, average="macro", zero_division=0.0)
    return float(found)


def by_label(
    expected: Sequence[str], answers: Sequence[str], labels: Sequence[str]
) -> dict[str, Figures]:
    """Return the figures of each label.

    - `n`: the number of the label's gold rows
    - `precision`, `recall`, `f1`: by scikit-learn; 0 if the denominator is 0
    - `taken_for`: wrong answer → count, the most frequent first

    In `taken_for`, an answer that is not a label has the name of `name_of_invalid`.
    """
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        expected, answers, labels=list(labels), zero_division=0.0
    )
    invalid = name_of_invalid(labels)
    wrong = Counter(pair for pair in zip(expected, answers, strict=True) if pair[0] != pair[1])
    return {
        label: {
            "n": int(n),
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "taken_for": {
                invalid if answer == INVALID else answer: count
                for (true, answer), count in wrong.most_common()
                if true == label
            },
        }
        for label, precision, recall, f1, n in zip(labels, *columns, strict=True)
    }


def by_field(form: Fields, expected: Sequence[str], answers: Sequence[str]) -> dict[str, Figures]:
    """Return the figures of each field over all rows.

    - `n`: the number of the field's values in gold
    - `precision`, `recall`, `f1`: 0 if the denominator is 0
    - `wrong`: number of answered values that differ from gold's
    - `missing`: number of gold's values without an answer
    - `too_many`: number of answered values without a value in gold

    An invalid answer has no values.
    """
    right, said, both = Counter[str](), Counter[str](), Counter[str]()
    wrong = Counter[str]()
    for wanted, given in zip(expected, answers, strict=True):
        gold = form.pairs(wanted)
        found = form.pairs(given) if given != INVALID else Counter[tuple[str, str]]()
        for count, pairs in ((right, gold), (said, found), (both, gold & found)):
            count += _fields_of(pairs)
        wrong += _fields_of(gold - found) & _fields_of(found - gold)
    names = dict.fromkeys((*form.names, *sorted(right | said)))
    return {
        name: _figures(right[name], said[name], both[name], wrong[name])
        for name in names
        if name in right or name in said or name in form.leaves
    }


def scored_otherwise(
    form: Fields,
    gold: Sequence[LabelledExample],
    answers: Sequence[Prediction],
    scores: Mapping[str, float],
) -> int:
    """Return the number of answers with another score by today's rules of `x-normalize`.

    A run keeps the scores of its evaluation."""
    expected = {row.id: row.answer for row in gold}
    return sum(
        fields(expected[row.gold_id], row.answer, valid=row.valid, form=form)[form.metric]
        != scores[row.gold_id]
        for row in answers
    )


def _fields_of(pairs: Counter[tuple[str, str]]) -> Counter[str]:
    count = Counter[str]()
    for (field, _), times in pairs.items():
        count[field] += times
    return count


def _figures(right: int, said: int, both: int, wrong: int) -> Figures:
    return {
        "n": right,
        "precision": both / said if said else 0.0,
        "recall": both / right if right else 0.0,
        "f1": 2 * both / (right + said) if right + said else 0.0,
        "wrong": wrong,
        "missing": right - both - wrong,
        "too_many": said - both - wrong,
    }


UNUSED = _figures(0, 0, 0, 0)  # a field without values in gold and answers
