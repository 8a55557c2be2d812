"""The check of a row's form: its input and its answer.

A row passes if the teacher answered and the input is not empty. A synthesised input must be neither
too short nor too long. The answer must be one of the labels, fit the schema, or be a text.
"""

from collections.abc import Sequence

from distill.core.conversation import turns_of
from distill.core.dataset import LABELLED, Candidate, Drop
from distill.core.text import fold
from distill.core.words import count_words
from distill.curate.context import CheckContext
from distill.task import Task
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop rows with the wrong form. Seeds and given inputs are real, and may have any length."""
    found = []
    for row in rows:
        if reason := _problem(row, means.task):
            found.append(Drop(row.id, "form", reason))
    return found


def _problem(row: Candidate, task: Task) -> str | None:
    spec = task.spec.curate
    if row.problem:
        return row.problem
    if not row.input.strip():
        return "empty"
    if row.source == "synthesis":
        words = count_words(row.input)
        if words < spec.min_words:
            return "too short"
        if spec.max_words and words > spec.max_words:
            return "too long"
    if isinstance(task.form, Text):
        return _problem_of_text(row)
    if not task.form.is_valid(row.answer):
        return "not a label" if task.form.choices else "does not fit the schema"
    if isinstance(task.form, Fields) and task.form.not_verbatim(row.input, row.answer):
        return "has a value that is not in the input"
    return None


def _problem_of_text(row: Candidate) -> str | None:
    if not row.answer:
        return "empty answer"
    asked = turns_of(row.input)[-1].content
    copied = row.source not in LABELLED and fold(row.answer) == fold(asked)
    return "the answer is the input" if copied else None
