"""The check of balance: at most the wanted number of rows per label or set of fields.

The wanted shares are equal, or the same as in the real inputs.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import ceil

from distill.core.dataset import Candidate, Drop
from distill.curate.context import CheckContext
from distill.task.groups import group_shares

REASON = "more rows of its label than wanted"


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop the rows of each group above its quota.

    The quota is the group's share of `generate.examples` if set, otherwise of all rows. The rows
    with the lowest vote agreement are dropped first, and on a tie the latest row.
    """
    if means.task.spec.curate.balance == "off":
        return []
    by_group: dict[str, list[Candidate]] = defaultdict(list)
    for row in rows:
        if row.source != "seeds":
            by_group[means.task.form.group(row.answer)].append(row)
    wanted = means.task.spec.generate.examples or sum(map(len, by_group.values()))
    shares = group_shares(rows, means.task)
    found = []
    for group, own in by_group.items():
        quota = ceil(wanted * shares.get(group, 0.0))
        best = sorted(own, key=lambda row: -row.agreement)
        words = f"{quota} of {group} wanted, {len(own)} there"
        found += [Drop(row.id, "balance", REASON, words) for row in best[quota:]]
    return found
