"""The intended shares of a task's groups in the examples."""

from collections import Counter
from collections.abc import Mapping, Sequence

from distill.core.dataset import Candidate
from distill.task import Task

REAL = ("examples", "inputs")  # sources that have production's proportions


def group_shares(rows: Sequence[Candidate], task: Task) -> Mapping[str, float]:
    """Return the intended share of each group in the examples, by group.

    If `curate.balance` is "inputs" and there are real inputs, the shares follow the real inputs.
    Otherwise all shares are equal.
    """
    group = task.form.group
    real = Counter(group(row.answer) for row in rows if row.source in REAL)
    # The rows of an extract task may have sets of fields that are not in any seed.
    groups = dict.fromkeys((*task.groups, *(group(row.answer) for row in rows)))
    if task.spec.curate.balance == "inputs" and real:
        # Adding 1 to each count gives a share to a group without real inputs.
        total = real.total() + len(groups)
        return {name: (real[name] + 1) / total for name in groups}
    return {name: 1 / len(groups) for name in groups}
