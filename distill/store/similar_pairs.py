"""The stored results of searches for similar texts."""

from collections.abc import Sequence

from distill.core.dataset import SimilarPair
from distill.store.tables import Rows, now


class Pairs(Rows):
    """The tables of searches and of the pairs found."""

    def add_pairs(self, search_id: str, floor: float, pairs: Sequence[SimilarPair]) -> None:
        """Store the result of a search: all pairs with a score of at least `floor`.

        `search_id`: a hash of the method and the texts.
        """
        with self.transaction():
            self.insert("pair_search", [[search_id, floor, now()]])
            self.insert("pair", [[search_id, floor, *pair] for pair in pairs])

    def pairs(self, search_id: str, threshold: float) -> list[SimilarPair] | None:
        """Return the pairs with a score of at least `threshold`.

        Returns None if no stored search has a floor that is low enough.
        """
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
