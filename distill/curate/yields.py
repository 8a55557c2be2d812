"""What each check of a run let through, what it dropped, and what the dropped rows had cost.

A candidate costs its answers and its part of the synthesis that made it. A request that several
candidates share is split between them, so that all rows together cost what was paid.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from distill.curate.registry import CHECKS
from distill.store import Dropped, Store

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Yield:
    """A check: the rows that came to it, those it dropped, by reason, what these had cost in USD,
    and a few of them."""

    check: str
    rows_in: int
    dropped: int
    reasons: Mapping[str, int]
    usd: Decimal
    examples: tuple[Dropped, ...]


def yields(store: Store, run_id: str) -> list[Yield]:
    """Every check that dropped something, in their order. Seeds are not counted: they were not
    asked for."""
    completed = store.count_candidates(run_id)
    rows_in = completed.total() - completed["seeds"]
    counts = store.count_drops(run_id, seeds=False)
    costs = store.drop_costs(run_id)
    shown = dropped_rows(store, run_id, of_each=EXAMPLES)
    found = []
    for check in CHECKS:
        reasons = Counter({reason: n for (of, reason), n in counts.items() if of == check})
        if reasons:
            usd = costs.get(check, Decimal(0))
            examples = _different([row for row in shown if row.check == check])
            dropped = reasons.total()
            told = dict(reasons.most_common())
            found.append(Yield(check, rows_in, dropped, told, usd, examples))
        rows_in -= reasons.total()
    return found


def figures(row: Yield) -> dict[str, Any]:
    """As JSON has it: USD as text, so that no reader makes a float of them unasked."""
    shown = [
        {"input": one.input, "reason": one.reason, "matched": one.matched} for one in row.examples
    ]
    return asdict(row) | {"usd": f"{row.usd:.8f}".rstrip("0").rstrip("."), "examples": shown}


def _different(dropped: Sequence[Dropped]) -> tuple[Dropped, ...]:
    """A few of them, of every reason one before any has two."""
    seen: Counter[str] = Counter()
    ranked = []
    for place, row in enumerate(dropped):
        ranked.append((seen[row.reason], place, row))
        seen[row.reason] += 1
    return tuple(row for _, _, row in sorted(ranked, key=lambda item: item[:2])[:EXAMPLES])


def dropped_rows(store: Store, run_id: str, *, of_each: int | None = None) -> list[Dropped]:
    """Every dropped row of a run but seeds, in the order of the checks and of the candidates; a few
    of each check and reason where `of_each` says how many."""
    order = {check: place for place, check in enumerate(CHECKS)}
    return sorted(store.dropped_rows(run_id, of_each=of_each), key=lambda row: order[row.check])
