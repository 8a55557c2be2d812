"""Did the teacher itself answer what it was asked to write about?"""

from collections.abc import Sequence

from distill.records import Candidate, Drop
from distill.task import Task

REASON = "another answer than asked for"


def check(candidates: Sequence[Candidate], task: Task) -> list[Drop]:
    """Drop a synthesised input whose answer is not the label that was asked for."""
    if not task.spec.curate.agreement:
        return []
    return [
        Drop(row.id, "agreement", REASON, f"asked for {row.asked_label}, answered {row.answer}")
        for row in candidates
        if row.asked_label is not None and row.asked_label != row.answer
    ]
