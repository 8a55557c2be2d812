"""What each check of a run let through, what it dropped, and what the dropped rows had cost.

A candidate costs its answers and its part of the synthesis that made it. A request that several
candidates share is split between them, so that all rows together cost what was paid.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from distill.checks import CHECKS
from distill.records import Candidate, Drop
from distill.store import Store

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Dropped:
    """A dropped row as it is shown: `matched` is the text that it was too like, or what spoke
    against it."""

    input: str
    answer: str
    check: str
    reason: str
    matched: str
    score: float | None
    usd: Decimal


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
    candidates = store.candidates(run_id)
    rows_in = sum(row.source != "seeds" for row in candidates)
    found = []
    all_dropped = _dropped_rows(store, run_id, candidates)
    for check in CHECKS:
        dropped = [row for row in all_dropped if row.check == check]
        if dropped:
            reasons = dict(Counter(row.reason for row in dropped).most_common())
            usd = sum((row.usd for row in dropped), Decimal(0))
            examples = _different(dropped)
            found.append(Yield(check, rows_in, len(dropped), reasons, usd, examples))
        rows_in -= len(dropped)
    return found


def figures(row: Yield) -> dict[str, Any]:
    """As JSON has it: USD as text, so that no reader makes a float of them unasked."""
    shown = [
        {"input": one.input, "reason": one.reason, "matched": one.matched} for one in row.examples
    ]
    return asdict(row) | {"usd": f"{row.usd:.8f}".rstrip("0").rstrip("."), "examples": shown}


def _different(dropped: Sequence[Dropped]) -> tuple[Dropped, ...]:
    """A few of them that have a text to show, of every reason one before any has two."""
    seen: Counter[str] = Counter()
    ranked = []
    for place, row in enumerate(row for row in dropped if row.input):
        ranked.append((seen[row.reason], place, row))
        seen[row.reason] += 1
    return tuple(row for _, _, row in sorted(ranked, key=lambda item: item[:2])[:EXAMPLES])


def dropped_rows(store: Store, run_id: str) -> list[Dropped]:
    """Every dropped row of a run but seeds, in the order of the checks and of the candidates."""
    return _dropped_rows(store, run_id, store.candidates(run_id))


def _dropped_rows(store: Store, run_id: str, candidates: Sequence[Candidate]) -> list[Dropped]:
    by_id = {row.id: row for row in candidates}
    drops = {drop.candidate_id: drop for drop in store.drops(run_id)}
    costs = _costs(store, by_id)
    order = {check: place for place, check in enumerate(CHECKS)}
    rows = [
        _shown(row, drops[id_], by_id, costs[id_])
        for id_, row in by_id.items()
        if id_ in drops and row.source != "seeds"
    ]
    return sorted(rows, key=lambda row: order[row.check])


def _shown(row: Candidate, drop: Drop, by_id: Mapping[str, Candidate], usd: Decimal) -> Dropped:
    matched = drop.matched or ""
    if matched in by_id:
        matched = by_id[matched].input
    return Dropped(row.input, row.answer, drop.check, drop.reason, matched, drop.score, usd)


def _costs(store: Store, by_id: Mapping[str, Candidate]) -> dict[str, Decimal]:
    """Candidate id → USD."""
    asked = {id_: _requests(row) for id_, row in by_id.items()}
    shared = Counter(request for requests in asked.values() for request in requests)
    usd = store.usd_of(shared)
    return {
        id_: sum((usd[one] / shared[one] for one in requests if one in usd), Decimal(0))
        for id_, requests in asked.items()
    }


def _requests(row: Candidate) -> list[str]:
    made = [row.origin] if row.source == "synthesis" else []
    return [*made, *row.answer_ids]
