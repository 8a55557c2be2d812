"""Pairs that are alike are stored with their scores, so that a higher threshold, in this run or a
later one, computes nothing again."""

from collections.abc import Sequence

from distill.core.dataset import Pair
from distill.core.text import content_id
from distill.curate import context
from distill.curate.context import Method
from distill.store import Store

# A search for less than this is one for this: what a higher threshold needs is in it.
FLOORS: dict[Method, float] = {"near": 0.7, "semantic": 0.85}


def search_once(store: Store, method: Method, texts: Sequence[str], threshold: float) -> list[Pair]:
    """The pairs of a search that is stored, else of one that is made and stored now."""
    id_ = content_id([method, list(texts)])
    found = store.pairs(id_, threshold)
    if found is None:
        floor = min(threshold, FLOORS[method])
        store.add_pairs(id_, floor, context.search(method, texts, floor))
        found = store.pairs(id_, threshold) or []
    return found
