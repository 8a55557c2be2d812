"""Not more rows of a label, or with the same fields, than wanted: as many of each, or as real
inputs are distributed."""

from collections import defaultdict
from collections.abc import Sequence
from math import ceil

from distill.core.dataset import Candidate, Drop
from distill.curate.context import CheckContext
from distill.task.groups import group_shares

REASON = "more rows of its label than wanted"


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop the rows by which a label has more than its share: of those that are wanted
    (`generate.examples`), else of those that there are. The ones whose votes agree least go first,
    of equal ones the latest."""
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
