"""Students, predictions and scores."""

import json
from collections.abc import Sequence
from pathlib import Path

from distill.records import Prediction, Score, Student
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
                    *(student.trained_tokens, as_json(list(student.losses))),
                ]
            ],
        )

    def student(self, run_id: str) -> Student | None:
        """The run's student, None before it is trained."""
        rows = self.rows("SELECT * EXCLUDE (run_id) FROM student WHERE run_id = ?", run_id)
        if not rows:
            return None
        id_, base, trainer, recipe, data_hash, folder, seconds, tokens, losses = rows[0]
        recipe, losses = json.loads(recipe), tuple(json.loads(losses))
        folder = Path(folder)
        return Student(id_, base, trainer, recipe, data_hash, folder, seconds, tokens, losses)

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
