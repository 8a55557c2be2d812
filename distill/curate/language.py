"""The check of an input's language."""

from collections.abc import Sequence

from distill.core.conversation import contents_of
from distill.core.dataset import Candidate, Drop
from distill.curate.context import CheckContext
from distill.text.language import other_language

REASON = "another language"


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop rows whose input is clearly in another language than `curate.language`.

    Answers may be in another language, as in a translation task.
    """
    wanted = means.task.spec.curate.language
    if not wanted:
        return []
    return [
        Drop(row.id, "language", REASON)
        for row in rows
        if row.source != "seeds" and other_language(contents_of(row.input), wanted)
    ]
