"""Is it a usable row at all: a teacher that answered, an input that is neither empty nor too short
or long, with an answer that is one of the labels, fits the schema, or is a text of its own."""

from collections.abc import Sequence

from distill.answers import Text
from distill.curate.means import Means
from distill.fields import Fields
from distill.records import Candidate, Drop, fold
from distill.task import Task


def check(rows: Sequence[Candidate], means: Means) -> list[Drop]:
    """Drop what has the wrong form. Seeds are people's work and only have to fit the labels."""
    found = []
    for row in rows:
        if reason := _problem(row, means.task):
            found.append(Drop(row.id, "form", reason))
    return found


def _problem(row: Candidate, task: Task) -> str | None:
    spec = task.spec.curate
    words = len(row.input.split())
    if row.problem:
        return row.problem
    if not row.input.strip():
        return "empty"
    if row.source != "seeds" and words < spec.min_words:
        return "too short"
    if row.source != "seeds" and spec.max_words and words > spec.max_words:
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
    copied = row.source != "seeds" and fold(row.answer) == fold(row.input)
    return "the answer is the input" if copied else None
