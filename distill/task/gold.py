"""Duplicates and contradictions in gold.

Duplicates would make confidence intervals too narrow, so only the first row counts. One input with
two different answers is an error in the file, since no system could be right on both.
"""

from collections.abc import Sequence
from pathlib import Path

from distill.core.conversation import as_text
from distill.core.dataset import LabelledExample
from distill.core.errors import InvalidInput, Problem
from distill.core.text import fold
from distill.task.kinds import AnswerForm
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text

Rows = tuple[LabelledExample, ...]


def count_once(rows: Sequence[LabelledExample], form: AnswerForm) -> tuple[Rows, Rows]:
    """Split gold into (counted rows, duplicates).

    The first row with an input and an answer counts. In a generate task, answers to one input never
    contradict each other, so only the input's first row with an answer counts.
    """
    counted = [row for same in _same_inputs(rows) for row in _of_one_input(same, form)]
    ids = {row.id for row in counted}
    return (
        tuple(row for row in rows if row.id in ids),
        tuple(row for row in rows if row.id not in ids),
    )


def check_contradictions(folder: Path, rows: Sequence[LabelledExample], form: AnswerForm) -> None:
    """Raise InvalidInput, with both lines, for each input with two different answers."""
    if found := contradictions(rows, form):
        raise InvalidInput(*(contradiction(folder, *pair) for pair in found))


def contradictions(
    rows: Sequence[LabelledExample], form: AnswerForm
) -> list[tuple[LabelledExample, LabelledExample]]:
    """Return (first row, other row) for each input with two different answers."""
    return [
        (kept[0], other)
        for same in _same_inputs(rows)
        if len(same) > 1
        for kept in [_of_one_input(same, form)]
        for other in kept[1:]
    ]


def contradiction(folder: Path, first: LabelledExample, second: LabelledExample) -> Problem:
    """Return the problem of two rows with one input and two different answers."""
    shown = as_text(first.input)
    return Problem(
        f"has the same input as {first.file}:{first.line} ({shown!r}) but another answer "
        f"({second.answer!r}, not {first.answer!r})",
        str(folder / second.file),
        second.line,
        fix="correct or remove one of the rows, since no system can be right on both",
    )


def _same_inputs(rows: Sequence[LabelledExample]) -> list[list[LabelledExample]]:
    groups: dict[str, list[LabelledExample]] = {}
    for row in rows:
        groups.setdefault(fold(row.input), []).append(row)
    return list(groups.values())


def _of_one_input(same: Sequence[LabelledExample], form: AnswerForm) -> list[LabelledExample]:
    """Return the first row with each answer: more than one row if the answers contradict."""
    if isinstance(form, Text):
        return [next((row for row in same if row.answer), same[0])]
    kept: list[LabelledExample] = []
    for row in same:
        if not any(agree(row.answer, other.answer, form) for other in kept):
            kept.append(row)
    return kept


def agree(first: str, second: str, form: AnswerForm) -> bool:
    """True if two answers to one input do not contradict; objects are compared as in scoring."""
    if isinstance(form, Fields):
        return form.pairs(first) == form.pairs(second)
    return not form.contradict(first, second)
