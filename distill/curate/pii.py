"""The check for personal data and secrets: drops rows, or masks the values."""

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
    """Drop rows with personal data in mode "drop", and torn rows in mode "mask".

    A row is torn if masking breaks the match between answer and input (`_is_torn`). Seeds are kept
    in mode "drop", because people chose them as examples.
    """
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
    """True if, after masking, the answer is invalid or has fewer values verbatim in the input."""
    text, answer = masked(row, task)
    if (text, answer) == (row.input, row.answer):
        return False
    if not form.is_valid(answer):
        return True
    before, after = form.pairs(row.answer), form.pairs(answer)
    verbatim = sum(_stands_in(value, row.input) * n for (_, value), n in before.items())
    return sum(_stands_in(value, text) * n for (_, value), n in after.items()) < verbatim


def _stands_in(value: str, text: str) -> bool:
    """True if a text contains a value that is given as JSON."""
    return fold(str(json.loads(value))) in fold(text)
