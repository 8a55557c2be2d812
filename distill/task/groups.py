"""The groups of a task's rows, and the share of the examples that each should have."""

from collections import Counter
from collections.abc import Mapping, Sequence

from distill.core.dataset import Candidate
from distill.task import Task


def group_shares(rows: Sequence[Candidate], task: Task) -> Mapping[str, float]:
    """Group → the share of the examples that it should have: as real inputs are distributed, where
    `curate.balance` says so and there are any, else the same for each."""
    group = task.form.group
    real = Counter(group(row.answer) for row in rows if row.source == "inputs")
    # An extract task's rows may have fields together that no seed has.
    groups = dict.fromkeys((*task.groups, *(group(row.answer) for row in rows)))
    if task.spec.curate.balance == "inputs" and real:
        # One more for each: a group that no real input has so far still may have rows.
        total = real.total() + len(groups)
        return {name: (real[name] + 1) / total for name in groups}
    return {name: 1 / len(groups) for name in groups}
