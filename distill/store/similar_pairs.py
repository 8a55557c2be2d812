"""Pairs of texts that are alike, as searches found them."""

from collections.abc import Sequence

from distill.core.dataset import SimilarPair
from distill.store.tables import Rows, now


class Pairs(Rows):
    """The rows of searches for pairs."""

    def add_pairs(self, search_id: str, floor: float, pairs: Sequence[SimilarPair]) -> None:
        """Store what a search for at least `floor` found; its id is a hash of method and texts."""
        with self.transaction():
            self.insert("pair_search", [[search_id, floor, now()]])
            self.insert("pair", [[search_id, floor, *pair] for pair in pairs])

    def pairs(self, search_id: str, threshold: float) -> list[SimilarPair] | None:
        """The pairs with at least that score; None when no search looked for them."""
        rows = self.rows(
            "SELECT MAX(floor) FROM pair_search WHERE search_id = ? AND floor <= ?",
            search_id,
            threshold,
        )
        floor = rows[0][0]
        if floor is None:
            return None
        found = self.rows(
            """SELECT first, second, score FROM pair
               WHERE search_id = ? AND floor = ? AND score >= ? ORDER BY first, second""",
            *(search_id, floor, threshold),
        )
        return [SimilarPair(*row) for row in found]
