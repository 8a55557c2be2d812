"""The stored students, predictions, scores and speeds of a run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.core.evaluation import LoadTestResult, Prediction, ProbeAnswer, Score, ServerStats
from distill.core.students import Parity, Student, TrainingSpeed
from distill.store.tables import Rows, as_json, values_of


class Results(Rows):
    """The tables of students and of their evaluation."""

    def add_student(self, run_id: str, student: Student) -> None:
        """Store the run's student."""
        self.insert("student", [[run_id, *_values(student)]])

    def student(self, run_id: str) -> Student | None:
        """Return the run's student; None before it is trained."""
        rows = self.rows("SELECT * EXCLUDE (run_id) FROM student WHERE run_id = ?", run_id)
        return _student(rows[0]) if rows else None

    def training_speed(self, trainer: str, base: str) -> TrainingSpeed | None:
        """Return the training speed of the newest student with this trainer and base.

        `base`: the value of student.base in task.toml. Returns None if there is no such student, or
        if its training steps were not recorded.
        """
        rows = self.rows(
            """SELECT run.id, train_seconds, recipe, losses FROM student JOIN run ON run.id = run_id
               WHERE trainer = ? AND json_extract_string(spec, '$.student.base') = ?
               ORDER BY created DESC LIMIT 1""",
            trainer,
            base,
        )
        if not rows:
            return None
        run_id, seconds, recipe, losses = rows[0][0], rows[0][1], *map(json.loads, rows[0][2:])
        steps = max((loss["step"] for loss in losses), default=0)
        learned = steps * recipe["batch_size"]
        return (
            TrainingSpeed(run_id, 1000 * seconds / learned, recipe["epochs"]) if learned else None
        )

    def add_curve_student(self, run_id: str, examples: int, student: Student) -> None:
        """Store a student of the learning curve, which was trained on `examples` of the split."""
        self.insert("curve_student", [[examples, run_id, *_values(student)]])

    def curve_students(self, run_id: str) -> dict[int, Student]:
        """Return the students of the learning curve by number of examples, the fewest first."""
        rows = self.rows(
            """SELECT * EXCLUDE (run_id) FROM curve_student
               WHERE run_id = ? ORDER BY examples""",
            run_id,
        )
        return {examples: _student(values) for examples, *values in rows}

    def add_parity(self, run_id: str, parity: Parity) -> None:
        """Store the result of the parity check."""
        self.insert("parity", [[run_id, *values_of(parity)]])

    def parity(self, run_id: str) -> Parity | None:
        """Return the result of the parity check; None if the trainer also serves the student."""
        rows = self.rows("SELECT asked, agreed FROM parity WHERE run_id = ?", run_id)
        return Parity(*rows[0]) if rows else None

    def add_speeds(self, run_id: str, speeds: Sequence[LoadTestResult]) -> None:
        """Store load-test results in addition to earlier ones."""
        self.insert("speed", [[run_id, *values_of(row)] for row in speeds])

    def speeds(self, run_id: str) -> list[LoadTestResult]:
        """List the latest load-test result of each system and number of concurrent requests."""
        rows = self.rows(
            """SELECT * EXCLUDE (run_id) FROM speed WHERE run_id = ?
               QUALIFY row_number() OVER (PARTITION BY system, in_flight ORDER BY measured DESC) = 1
               ORDER BY system, in_flight""",
            run_id,
        )
        return [LoadTestResult(*row) for row in rows]

    def add_servers(self, run_id: str, servers: Sequence[ServerStats]) -> None:
        """Store the startup figures of systems' servers."""
        self.insert("server", [[run_id, *values_of(row)] for row in servers])

    def servers(self, run_id: str) -> list[ServerStats]:
        """List the startup figures of systems' servers."""
        rows = self.rows("SELECT * EXCLUDE (run_id) FROM server WHERE run_id = ?", run_id)
        return [ServerStats(*row) for row in rows]

    def add_probe_answers(self, run_id: str, answers: Sequence[ProbeAnswer]) -> None:
        """Store answers to regression probes."""
        self.insert("probe_answer", [[run_id, *values_of(row)] for row in answers])

    def probe_answers(self, run_id: str) -> list[ProbeAnswer]:
        """List all systems' answers to regression probes."""
        rows = self.rows(
            """SELECT * EXCLUDE (run_id) FROM probe_answer WHERE run_id = ?
               ORDER BY system, probe_group, text""",
            run_id,
        )
        return [ProbeAnswer(*row) for row in rows]

    def add_predictions(
        self, run_id: str, predictions: Sequence[Prediction], scores: Sequence[Score]
    ) -> None:
        """Store a system's predictions on gold with their scores."""
        with self.transaction():
            self.insert("prediction", [[run_id, *values_of(row)] for row in predictions])
            self.insert("score", [[run_id, *values_of(row)] for row in scores])

    def predictions(self, run_id: str) -> list[Prediction]:
        """List all systems' predictions on gold."""
        rows = self.rows(
            """SELECT system, gold_id, answer, valid, latency_s, request_id, confidence
               FROM prediction WHERE run_id = ? ORDER BY system, gold_id""",
            run_id,
        )
        return [Prediction(*row) for row in rows]

    def scores(self, run_id: str, metric: str) -> dict[str, dict[str, float]]:
        """Return the scores of a metric, by system and then by gold id."""
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


def _values(student: Student) -> list[object]:
    return [
        *(student.id, student.base, student.trainer, as_json(student.recipe), student.data_hash),
        *(str(student.folder), student.train_seconds, student.trained_tokens),
        *(as_json(list(student.losses)), student.kept_step),
        *(student.model, student.train_usd, student.licence, student.others_cpu),
    ]


def _student(values: Sequence[Any]) -> Student:
    id_, base, trainer, recipe, data_hash, folder, seconds, tokens, losses, *rest = values
    kept_step, model, train_usd, licence, others_cpu = rest
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
        others_cpu=others_cpu,
    )
