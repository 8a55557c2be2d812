"""Duplicates and contradictions in gold.

A duplicate is no evidence of its own: ten copies of a row would narrow every interval as ten rows
do. One input with two answers is an error in the file, since no system could be right on both.
"""

from collections.abc import Sequence
from pathlib import Path

from distill.core.dataset import LabelledExample
from distill.core.errors import InputError
from distill.core.text import fold
from distill.task.kinds import AnswerForm
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text

Rows = tuple[LabelledExample, ...]


def count_once(rows: Sequence[LabelledExample], form: AnswerForm) -> tuple[Rows, Rows]:
    """Split gold into (counted, duplicates): the first row of an input and answer counts.

    Texts never contradict each other, so the first row of an input that has a reference counts.
    """
    counted = [row for same in _same_inputs(rows) for row in _of_one_input(same, form)]
    ids = {row.id for row in counted}
    return (
        tuple(row for row in rows if row.id in ids),
        tuple(row for row in rows if row.id not in ids),
    )


def check_contradictions(folder: Path, rows: Sequence[LabelledExample], form: AnswerForm) -> None:
    """Raise InputError, with both lines, if one input has two answers."""
    found = [
        (kept[0], other)
        for same in _same_inputs(rows)
        for kept in [_of_one_input(same, form)]
        for other in kept[1:]
    ]
    if not found:
        return
    first, second = found[0]
    more = f" {len(found)} rows of gold contradict an earlier one." if len(found) > 1 else ""
    raise InputError(
        f"{folder / second.file}:{second.line} has the input of {first.file}:{first.line} "
        f"({first.input!r}) and another answer ({second.answer!r}, there {first.answer!r}): no "
        f"system could be right on both. Correct or remove one of them.{more}"
    )


def _same_inputs(rows: Sequence[LabelledExample]) -> list[list[LabelledExample]]:
    groups: dict[str, list[LabelledExample]] = {}
    for row in rows:
        groups.setdefault(fold(row.input), []).append(row)
    return list(groups.values())


def _of_one_input(same: Sequence[LabelledExample], form: AnswerForm) -> list[LabelledExample]:
    """Return the first row of each answer; more than one row if answers contradict each other."""
    if isinstance(form, Text):
        return [next((row for row in same if row.answer), same[0])]
    kept: list[LabelledExample] = []
    for row in same:
        if not any(_agree(row.answer, other.answer, form) for other in kept):
            kept.append(row)
    return kept


def _agree(first: str, second: str, form: AnswerForm) -> bool:
    """True if two answers score the same; the values of objects are compared as in scoring."""
    if isinstance(form, Fields):
        return form.pairs(first) == form.pairs(second)
    return not form.contradict(first, second)
