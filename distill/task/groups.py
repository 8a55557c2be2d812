"""The groups of a task's rows, and the share of the examples that each should have."""

from collections import Counter
from collections.abc import Mapping, Sequence

from distill.core.dataset import Candidate
from distill.task import Task


def group_shares(rows: Sequence[Candidate], task: Task) -> Mapping[str, float]:
    """Return the share of the examples that each group should have.

    The shares are those of real inputs if `curate.balance` is "inputs" and there are any. Otherwise
    all shares are equal.
    """
    group = task.form.group
    real = Counter(group(row.answer) for row in rows if row.source == "inputs")
    # An extract task's rows may have a set of fields that no seed has.
    groups = dict.fromkeys((*task.groups, *(group(row.answer) for row in rows)))
    if task.spec.curate.balance == "inputs" and real:
        # One is added to each count, so that a group without real inputs still gets a share.
        total = real.total() + len(groups)
        return {name: (real[name] + 1) / total for name in groups}
    return {name: 1 / len(groups) for name in groups}
