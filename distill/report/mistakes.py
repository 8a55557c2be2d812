"""Predictions → the gold rows on which student and teacher differ, and those on which both fail."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from distill.records import Labelled, Prediction

SHOWN = 20

Figures = dict[str, Any]
ByGold = Mapping[str, Prediction]


def mistakes(
    gold: Sequence[Labelled],
    student: ByGold,
    teacher: ByGold,
    right: Mapping[str, Mapping[str, float]],
) -> Figures:
    """`worst`: the student is wrong and the teacher right; `better`: the other way round;
    `both_wrong`. `right` are the scores of both by gold id. Of each the first SHOWN, by label, the
    label with the most first, and within it those first of which the student was surest; and how
    many there are in all."""
    by_rights: dict[tuple[bool, bool], list[Labelled]] = {}
    for row in gold:
        key = bool(right["student"][row.id]), bool(right["teacher"][row.id])
        by_rights.setdefault(key, []).append(row)
    of_kind = {"worst": (False, True), "better": (True, False), "both_wrong": (False, False)}
    rows = {name: by_rights.get(key, []) for name, key in of_kind.items()}
    shown: Figures = {
        name: [_row(row, student, teacher) for row in _ordered(held, student)[:SHOWN]]
        for name, held in rows.items()
    }
    return shown | {"mistakes": {name: len(held) for name, held in rows.items()}}


def _ordered(rows: Sequence[Labelled], student: ByGold) -> list[Labelled]:
    of_label = Counter(row.answer for row in rows)

    def place(row: Labelled) -> tuple[int, str, float, str]:
        sure = student[row.id].confidence or 0.0
        return (-of_label[row.answer], row.answer, -sure, row.id)

    return sorted(rows, key=place)


def _row(row: Labelled, student: ByGold, teacher: ByGold) -> Figures:
    said = student[row.id]
    figures: Figures = {
        "input": row.input,
        "expected": row.answer,
        "teacher": teacher[row.id].answer,
        "student": said.answer,
    }
    return figures if said.confidence is None else figures | {"confidence": said.confidence}
