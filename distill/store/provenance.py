"""The stored terms of use that apply to a run, and the origins of its labels."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from distill.core.dataset import LOGGED
from distill.core.model_terms import Terms
from distill.core.text import stable_hash
from distill.store.tables import Rows, now


@dataclass(frozen=True, slots=True)
class LabelCount:
    """The number of rows whose answers have the same origin.

    `origin`: teacher, seed, example or review; log for an answer of a production log.
    `model`: the model that answered; "" for a person. `provider`: that of the teacher, or "".
    """

    origin: str
    model: str
    provider: str
    rows: int


class Provenance(Rows):
    """The tables of terms of use and of the origins of labels."""

    def add_terms(self, run_id: str, rows: Sequence[Terms], confirmed: str) -> None:
        """Store the terms that apply to a run, unless they are already stored.

        `confirmed`: the user's reason for training on the outputs; "" without one.
        """
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
        """Store the origin of each example's answer, by the example's id."""
        self.insert("label_origin", [[run_id, *pair] for pair in origins.items()])

    def count_labels(self, run_id: str) -> list[LabelCount]:
        """List the number of rows of the split by origin, model and provider, the largest first."""
        rows = self.rows(
            """SELECT origin, coalesce(model, ''), coalesce(provider, ''), count(*) AS found
               FROM label JOIN split
                 ON split.run_id = label.run_id AND split.example_id = label.example_id
               WHERE label.run_id = ? GROUP BY ALL ORDER BY found DESC, 1, 2, 3""",
            run_id,
        )
        return [_count(*row) for row in rows]


def _count(origin: str, model: str, provider: str, rows: int) -> LabelCount:
    if origin.startswith(LOGGED):
        return LabelCount("log", origin.removeprefix(LOGGED), "", rows)
    return LabelCount(origin, model, provider, rows)


def version_of(terms: Terms) -> str:
    """Return the first 12 hexadecimal digits of a hash of all fields of the terms."""
    values = {name: str(value) for name, value in asdict(terms).items()}
    return stable_hash(values)[:12]
