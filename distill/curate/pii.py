"""Personal data and secrets: rows with them go, or their values are replaced by reserved ones."""

import json
from collections.abc import Sequence

from distill.core.dataset import Candidate, Drop
from distill.core.text import fold
from distill.curate.context import CheckContext
from distill.curate.masking import BETWEEN, masked, personal_in
from distill.task import Task
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text

TORN = "personal data that is not the same in input and answer"


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Where the task says so, drop rows with personal data; where it is replaced, those whose
    answer cannot be taken out of the input any more. Seeds are what people chose to show."""
    mode, form = means.task.spec.curate.privacy, means.task.form
    if mode == "mask" and isinstance(form, Fields):
        return [Drop(row.id, "privacy", TORN) for row in rows if _is_torn(row, means.task, form)]
    if mode != "drop":
        return []
    found = []
    for row in rows:
        said = f"{row.input}{BETWEEN}{row.answer}" if isinstance(form, Text) else row.input
        if row.source != "seeds" and (personal := personal_in(said, means.task)):
            kinds = ", ".join(sorted({item.kind for item in personal}))
            found.append(Drop(row.id, "privacy", f"personal data: {kinds}"))
    return found


def _is_torn(row: Candidate, task: Task, form: Fields) -> bool:
    """Whether a value stands word for word in the input, and does not after both were masked."""
    text, answer = masked(row, task)
    if (text, answer) == (row.input, row.answer):
        return False
    if not form.is_valid(answer):
        return True
    before, after = form.pairs(row.answer), form.pairs(answer)
    verbatim = sum(_stands_in(value, row.input) * n for (_, value), n in before.items())
    return sum(_stands_in(value, text) * n for (_, value), n in after.items()) < verbatim


def _stands_in(value: str, text: str) -> bool:
    """Whether a value, in JSON, is in a text."""
    return fold(str(json.loads(value))) in fold(text)
