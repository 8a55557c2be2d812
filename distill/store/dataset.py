"""The stored candidates, drops, examples and split of a run."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from distill.core.dataset import Candidate, CheckNote, Drop, Example, GroupDiversity, SplitExample
from distill.core.text import majority_vote
from distill.store.tables import Rows, as_json, values_of

# asked: the requests that made or answered each candidate of a run. shared: the number of
# candidates per request. priced: the USD of each request.
ASKED = """asked AS (
    SELECT id, origin AS request_id FROM candidate WHERE run_id = ? AND source = 'synthesis'
    UNION ALL
    SELECT id, unnest(CAST(answer_ids AS VARCHAR[])) FROM candidate WHERE run_id = ?
),
shared AS (SELECT request_id, count(*) AS candidates FROM asked GROUP BY request_id),
priced AS (SELECT request_id, usd FROM cost WHERE run_id = ?)"""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A candidate that a check dropped.

    `matched`: the text that was too similar, or other evidence against the candidate.
    `score`: the similarity to `matched`; None without one.
    `usd`: the candidate's share of the price of its requests, in USD.
    """

    input: str
    answer: str
    check: str
    reason: str
    matched: str
    score: float | None
    usd: Decimal


class Data(Rows):
    """The tables of candidates, drops, examples and splits."""

    def add_candidates(self, run_id: str, candidates: Sequence[Candidate]) -> None:
        """Store the candidates of a run, in order."""
        self.insert(
            "candidate",
            [
                [
                    *(run_id, row.id, position, row.input, row.asked_label, as_json(row.answers)),
                    *(row.source, row.origin, as_json(row.answer_ids), row.problem),
                ]
                for position, row in enumerate(candidates)
            ],
        )

    def candidates(self, run_id: str) -> list[Candidate]:
        """List the candidates of a run, in order."""
        rows = self.rows(
            """SELECT input, asked_label, answers, source, origin, answer_ids, problem
               FROM candidate WHERE run_id = ? ORDER BY position""",
            run_id,
        )
        return [
            Candidate(text, asked, _tuple(said), source, origin, _tuple(ids), problem)
            for text, asked, said, source, origin, ids, problem in rows
        ]

    def count_candidates(self, run_id: str) -> Counter[str]:
        """Count the candidates of a run by source."""
        rows = self.rows(
            "SELECT source, COUNT(*) FROM candidate WHERE run_id = ? GROUP BY source", run_id
        )
        return Counter(dict(rows))

    def count_drops(self, run_id: str, *, seeds: bool) -> Counter[tuple[str, str]]:
        """Count the drops by (check, reason), of seeds only or of all other candidates."""
        rows = self.rows(
            """SELECT "check", reason, COUNT(*) FROM dropped
               JOIN candidate ON candidate.run_id = dropped.run_id AND id = candidate_id
               WHERE dropped.run_id = ? AND (source = 'seeds') = ? GROUP BY ALL ORDER BY ALL""",
            *(run_id, seeds),
        )
        return Counter({(check, reason): count for check, reason, count in rows})

    def add_spreads(self, run_id: str, spreads: Sequence[GroupDiversity]) -> None:
        """Store the diversity of each group's examples."""
        self.insert(
            "spread",
            [[run_id, position, *values_of(row)] for position, row in enumerate(spreads)],
        )

    def spreads(self, run_id: str) -> list[GroupDiversity]:
        """List the diversity of each group's examples; empty for a run of an older version."""
        rows = self.rows(
            "SELECT * EXCLUDE (run_id, position) FROM spread WHERE run_id = ? ORDER BY position",
            run_id,
        )
        return [GroupDiversity(*row) for row in rows]

    def add_drops(self, run_id: str, drops: Iterable[Drop]) -> None:
        """Store the drops of a run."""
        self.insert("dropped", [[run_id, *values_of(drop)] for drop in drops])

    def add_check_notes(self, run_id: str, notes: Sequence[CheckNote]) -> None:
        """Store the notes of checks, with the rows that they spared."""
        self.insert("check_note", [[run_id, note.check, note.words] for note in notes])
        spared = [drop for note in notes for drop in note.spared]
        self.insert("spared", [[run_id, *values_of(drop)] for drop in spared])

    def check_notes(self, run_id: str) -> list[CheckNote]:
        """List the notes of checks; empty for a run of an older version."""
        spared = self.rows(
            'SELECT candidate_id, "check", reason, matched, score FROM spared '
            "WHERE run_id = ? ORDER BY candidate_id",
            run_id,
        )
        notes = self.rows(
            'SELECT "check", words FROM check_note WHERE run_id = ? ORDER BY ALL', run_id
        )
        return [
            CheckNote(check, words, tuple(Drop(*row) for row in spared if row[1] == check))
            for check, words in notes
        ]

    def drops(self, run_id: str) -> list[Drop]:
        """List the drops of a run."""
        rows = self.rows(
            'SELECT candidate_id, "check", reason, matched, score FROM dropped '
            "WHERE run_id = ? ORDER BY candidate_id",
            run_id,
        )
        return [Drop(*row) for row in rows]

    def dropped_rows(self, run_id: str, *, of_each: int | None = None) -> list[Dropped]:
        """List the dropped candidates except seeds, with their USD, in the order of candidates.

        `of_each`: the maximum number of rows per check and reason; None for all. With a maximum,
        rows without an input are left out.
        """
        few = """AND candidate.input <> '' QUALIFY row_number() OVER
               (PARTITION BY "check", reason ORDER BY candidate.position) <= ?"""
        rows = self.rows(
            f"""WITH {ASKED},
               paid AS (
                   SELECT id, list((usd, candidates) ORDER BY request_id) AS parts FROM asked
                   JOIN shared USING (request_id) JOIN priced USING (request_id)
                   WHERE id IN (SELECT candidate_id FROM dropped WHERE run_id = ?)
                   GROUP BY id
               )
               SELECT candidate.input, candidate.answers, "check", reason,
                      coalesce(other.input, matched, ''), score, coalesce(parts, [])
               FROM dropped
               JOIN candidate ON candidate.run_id = ? AND candidate.id = candidate_id
               LEFT JOIN candidate AS other ON other.run_id = ? AND other.id = matched
               LEFT JOIN paid ON paid.id = candidate_id
               WHERE dropped.run_id = ? AND candidate.source <> 'seeds'
               {few if of_each else ""}
               ORDER BY candidate.position""",
            *((run_id,) * 7),
            *((of_each,) if of_each else ()),
        )
        return [
            Dropped(
                *(text, majority_vote(_tuple(said)), check, reason, matched, score),
                _shared_usd(parts),
            )
            for text, said, check, reason, matched, score, parts in rows
        ]

    def drop_costs(self, run_id: str) -> dict[str, Decimal]:
        """Return the USD of the candidates that each check dropped, seeds excluded, by check."""
        rows = self.rows(
            f"""WITH {ASKED}
               SELECT "check", usd, candidates, count(*) FROM dropped
               JOIN candidate ON candidate.run_id = ? AND candidate.id = candidate_id
               JOIN asked ON asked.id = candidate_id
               JOIN shared USING (request_id) JOIN priced USING (request_id)
               WHERE dropped.run_id = ? AND candidate.source <> 'seeds' GROUP BY ALL""",
            *((run_id,) * 5),
        )
        found: dict[str, Decimal] = {}
        for check, usd, candidates, count in rows:
            found[check] = found.get(check, Decimal(0)) + count * usd / candidates
        return found

    def add_examples(self, run_id: str, examples: Sequence[Example]) -> None:
        """Store the examples of a run, in order."""
        self.insert(
            "example",
            [
                [run_id, row.id, position, row.input, row.answer, row.source]
                for position, row in enumerate(examples)
            ],
        )

    def examples(self, run_id: str) -> list[Example]:
        """List the examples of a run, in order."""
        rows = self.rows(
            """SELECT id, input, answer, source FROM example
               WHERE run_id = ? ORDER BY position""",
            run_id,
        )
        return [Example(*row) for row in rows]

    def add_split(self, run_id: str, rows: Sequence[SplitExample]) -> None:
        """Store the split of a run; stored rows never change."""
        values = [[run_id, row.example.id, row.part, row.repeats] for row in rows]
        self.insert("split", values)

    def split(self, run_id: str) -> list[SplitExample]:
        """List the rows of the split, in the order of the examples."""
        rows = self.rows(
            """SELECT id, input, answer, source, part, repeats FROM split
               JOIN example ON example.id = example_id AND example.run_id = split.run_id
               WHERE split.run_id = ? ORDER BY position""",
            run_id,
        )
        return [SplitExample(Example(*row[:4]), row[4], row[5]) for row in rows]


def _shared_usd(parts: Sequence[tuple[Decimal, int]]) -> Decimal:
    """Sum USD ÷ candidates over requests, given as (USD, number of candidates)."""
    return sum((usd / candidates for usd, candidates in parts), Decimal(0))


def _tuple(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))
