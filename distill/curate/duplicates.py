"""The same input twice, whatever its case and white space: the first of them stays."""

from collections.abc import Sequence

from distill.records import Candidate, Drop, fold
from distill.task import Task


def check(candidates: Sequence[Candidate], task: Task) -> list[Drop]:
    """Drop every later copy of an input. Seeds come first, so a copy of a seed goes."""
    if not task.spec.curate.exact_duplicates:
        return []
    first: dict[str, Candidate] = {}
    found = []
    for row in candidates:
        twin = first.setdefault(fold(row.input), row)
        if twin is not row:
            found.append(Drop(row.id, "duplicates", "exact duplicate", twin.id, 1.0))
    return found
