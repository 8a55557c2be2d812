"""A sample of a table that may be too large for the memory."""

from collections import Counter

from distill.core.text import fold, stable_hash
from distill.task.new.splitting import Row
from distill.task.new.tables import text_of

MOST_ROWS = 50_000
ALWAYS = 100  # rows of each answer that are kept
MOST_ANSWERS = 200  # beyond that answers are texts, and none is kept for its own sake


class Sample:
    """The rows with the least hashes of their texts, or the newest rows if they have times.

    So the order of the rows does not decide. Of equal rows the first counts. At least ALWAYS rows
    of each answer are kept, so that a rare label is not lost.

    `left_out`: the number of rows that are not in the sample; a copy of one counts again.
    """

    def __init__(self, most: int) -> None:
        self.left_out = 0
        self._most = most
        self._rows: dict[str, tuple[float, int, Row]] = {}
        self._number = 0

    def add(self, row: Row) -> None:
        """Add a row; from time to time, leave out those beyond the maximum."""
        key = stable_hash([fold(row.input), text_of(row.answer)])
        if key in self._rows:
            return
        rank = -row.time if row.time is not None else int(key[:13], 16)
        self._rows[key] = (rank, self._number, row)
        self._number += 1
        if len(self._rows) > 2 * self._most:
            self._cut()

    def rows(self) -> list[Row]:
        """Return the sample in the order in which its rows were added."""
        self._cut()
        return [row for _, _, row in sorted(self._rows.values(), key=lambda item: item[1])]

    def _cut(self) -> None:
        if len(self._rows) <= self._most:
            return
        answers = Counter(text_of(row.answer) for _, _, row in self._rows.values())
        always = ALWAYS if len(answers) <= MOST_ANSWERS else 0
        kept: dict[str, tuple[float, int, Row]] = {}
        seen = Counter[str]()
        for place, (key, item) in enumerate(
            sorted(self._rows.items(), key=lambda pair: pair[1][0])
        ):
            answer = text_of(item[2].answer)
            seen[answer] += 1
            if place < self._most or seen[answer] <= always:
                kept[key] = item
        self.left_out += len(self._rows) - len(kept)
        self._rows = kept
