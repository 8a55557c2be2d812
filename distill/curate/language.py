"""Is it written in the task's language?"""

from collections.abc import Sequence

from distill.core.dataset import Candidate, Drop
from distill.curate.context import CheckContext
from distill.text.language import other_language

REASON = "another language"


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop what is clearly written in another language than `curate.language`. Answers may be in
    another one: a translation's are."""
    wanted = means.task.spec.curate.language
    if not wanted:
        return []
    return [
        Drop(row.id, "language", REASON)
        for row in rows
        if row.source != "seeds" and other_language(row.input, wanted)
    ]
