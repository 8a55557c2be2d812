"""Whose terms a run came under, and whose answers its student learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from distill.core.model_terms import Terms
from distill.core.text import stable_hash
from distill.store.tables import Rows, now


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many rows have an answer of one origin (teacher; a person's: seed, review); model and
    provider are a teacher's, else empty."""

    origin: str
    model: str
    provider: str
    rows: int


class Provenance(Rows):
    """The rows of terms and of the origins of labels."""

    def add_terms(self, run_id: str, rows: Sequence[Terms], confirmed: str) -> None:
        """Store the terms that a run came under, and the user's reason; the same are stored
        once."""
        self.insert(
            "terms",
            [
                [
                    *(run_id, version_of(row), confirmed),
                    *(row.use, row.model, row.provider, row.training, row.source),
                    *(row.checked, row.effective, now()),
                ]
                for row in rows
            ],
        )

    def add_label_origins(self, run_id: str, origins: Mapping[str, str]) -> None:
        """Store whose answer each example has, by its id."""
        self.insert("label_origin", [[run_id, *pair] for pair in origins.items()])

    def count_labels(self, run_id: str) -> list[LabelCount]:
        """How many rows of the split have an answer of each origin, model and provider, the most
        first."""
        rows = self.rows(
            """SELECT origin, coalesce(model, ''), coalesce(provider, ''), count(*) AS found
               FROM label JOIN split
                 ON split.run_id = label.run_id AND split.example_id = label.example_id
               WHERE label.run_id = ? GROUP BY ALL ORDER BY found DESC, 1, 2, 3""",
            run_id,
        )
        return [LabelCount(*row) for row in rows]


def version_of(terms: Terms) -> str:
    """12 digits of a hash of everything that the terms say."""
    values = {name: str(value) for name, value in asdict(terms).items()}
    return stable_hash(values)[:12]
