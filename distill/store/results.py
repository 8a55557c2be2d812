"""Students, predictions and scores."""

import json
from collections.abc import Sequence
from pathlib import Path

from distill.records import Parity, Prediction, Score, Student
from distill.store.rows import Rows, as_json, values_of


class Results(Rows):
    """The rows of what was trained and how it did."""

    def add_student(self, run_id: str, student: Student) -> None:
        """Store what was trained."""
        self.insert(
            "student",
            [
                [
                    *(run_id, student.id, student.base, student.trainer, as_json(student.recipe)),
                    *(student.data_hash, str(student.folder), student.train_seconds),
                    *(student.trained_tokens, as_json(list(student.losses)), student.kept_step),
                    *(student.model, student.train_usd, student.licence),
                ]
            ],
        )

    def student(self, run_id: str) -> Student | None:
        """The run's student, None before it is trained."""
        rows = self.rows("SELECT * EXCLUDE (run_id) FROM student WHERE run_id = ?", run_id)
        if not rows:
            return None
        id_, base, trainer, recipe, data_hash, folder, seconds, tokens, losses, *rest = rows[0]
        kept_step, model, train_usd, licence = rest
        return Student(
            id=id_,
            base=base,
            trainer=trainer,
            recipe=json.loads(recipe),
            data_hash=data_hash,
            folder=Path(folder),
            train_seconds=seconds,
            trained_tokens=tokens,
            kept_step=kept_step,
            losses=tuple(json.loads(losses)),
            model=model,
            train_usd=train_usd,
            licence=licence,
        )

    def add_parity(self, run_id: str, parity: Parity) -> None:
        """Store whether the served student is the trained one."""
        self.insert("parity", [[run_id, *values_of(parity)]])

    def parity(self, run_id: str) -> Parity | None:
        """What was found; None for a student that is served where it was trained."""
        rows = self.rows("SELECT asked, agreed FROM parity WHERE run_id = ?", run_id)
        return Parity(*rows[0]) if rows else None

    def add_predictions(
        self, run_id: str, predictions: Sequence[Prediction], scores: Sequence[Score]
    ) -> None:
        """Store a system's answers on gold, and what the scorer made of them."""
        with self.transaction():
            self.insert("prediction", [[run_id, *values_of(row)] for row in predictions])
            self.insert("score", [[run_id, *values_of(row)] for row in scores])

    def predictions(self, run_id: str) -> list[Prediction]:
        """All systems' answers on gold."""
        rows = self.rows(
            """SELECT system, gold_id, answer, valid, latency_s, request_id FROM prediction
               WHERE run_id = ? ORDER BY system, gold_id""",
            run_id,
        )
        return [Prediction(*row) for row in rows]

    def scores(self, run_id: str, metric: str) -> dict[str, dict[str, float]]:
        """System -> gold id -> value."""
        rows = self.rows(
            """SELECT system, gold_id, value FROM score
               WHERE run_id = ? AND metric = ? ORDER BY system, gold_id""",
            run_id,
            metric,
        )
        table: dict[str, dict[str, float]] = {}
        for system, gold_id, value in rows:
            table.setdefault(system, {})[gold_id] = value
        return table
