"""Pairs of similar texts that searches found."""

from collections.abc import Sequence

from distill.core.dataset import SimilarPair
from distill.store.tables import Rows, now


class Pairs(Rows):
    """The rows of searches for similar pairs."""

    def add_pairs(self, search_id: str, floor: float, pairs: Sequence[SimilarPair]) -> None:
        """Store the pairs of a search with scores of at least `floor`.

        `search_id` is a hash of the method and the texts.
        """
        with self.transaction():
            self.insert("pair_search", [[search_id, floor, now()]])
            self.insert("pair", [[search_id, floor, *pair] for pair in pairs])

    def pairs(self, search_id: str, threshold: float) -> list[SimilarPair] | None:
        """Return the pairs with a score of at least `threshold`; None if no search covers it."""
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
