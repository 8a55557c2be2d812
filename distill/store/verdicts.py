"""The stored verdicts, with the gold rows and the scores of student and teacher behind them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from distill.core.dataset import LabelledExample
from distill.core.text import stable_hash
from distill.store.tables import Rows, as_json, now


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """The verdict of a run's report.

    `look`: the position of this verdict among all verdicts on the same gold, from 1.
    `level`: the confidence level of the one-sided test.
    `result`: the verdict in one word; None if the judge was unusable.
    `limits`: the limits of the regression probes.
    `exceeded`: the groups of probes that exceeded their limit.
    """

    margin: float
    confidence: float
    look: int
    level: float
    result: str | None
    limits: Mapping[str, float]
    exceeded: Sequence[str]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores and the verdict of a run with a finished evaluation.

    `evaluate`: the values of `[evaluate]` in task.toml.
    `student`, `teacher`: the scores, one per gold row.
    `inputs`: the inputs of the gold rows.
    `verdict`: the stored verdict; None for a run of an older version.
    `keys`: the keys of the gold rows; empty for a run of an older version.
    """

    run_id: str
    finished: datetime
    evaluate: Mapping[str, Any]
    student: Sequence[float]
    teacher: Sequence[float]
    inputs: Sequence[str]
    verdict: StoredVerdict | None = None
    keys: frozenset[str] = field(default_factory=frozenset)

    @property
    def evidence(self) -> str:
        """Hash of the rows and scores; two evaluations with the same hash count as one verdict."""
        return stable_hash(sorted(zip(self.inputs, self.student, self.teacher, strict=True)))

    def shared(self, gold: Sequence[LabelledExample]) -> int:
        """Count the rows of `gold` on which the run was evaluated.

        Rows are compared by key, or by input for a run of an older version.
        """
        if self.keys:
            return sum(row.key in self.keys for row in gold)
        inputs = set(self.inputs)
        return sum(row.input in inputs for row in gold)


class Verdicts(Rows):
    """The tables of verdicts and their gold rows."""

    def add_verdict(
        self, run_id: str, verdict: StoredVerdict, gold: Sequence[LabelledExample]
    ) -> None:
        """Store a run's verdict and its gold rows, unless the run already has a verdict."""
        limits, exceeded = as_json(dict(verdict.limits)), as_json(list(verdict.exceeded))
        values = [
            *(run_id, verdict.margin, verdict.confidence, verdict.look, verdict.level),
            *(verdict.result, limits, exceeded, now()),
        ]
        with self.transaction():
            self.insert("verdict", [values])
            self.insert("verdict_gold", [[run_id, row.id, row.key] for row in gold])

    def evaluations(self, metric: str) -> list[Evaluation]:
        """List the evaluations with student and teacher scores by `metric`, the oldest first."""
        runs = self.rows(
            """SELECT run.id, stage.finished, json_extract(spec, '$.evaluate')
               FROM run JOIN stage ON stage.run_id = run.id AND stage.stage = 'evaluate'
               ORDER BY stage.finished, run.id"""
        )
        verdicts, keys = self._stored_verdicts(), self._gold_keys()
        found = [
            Evaluation(
                *(run_id, finished, json.loads(evaluate), *self._scores_of(run_id, metric)),
                *(verdicts.get(run_id), keys.get(run_id, frozenset())),
            )
            for run_id, finished, evaluate in runs
        ]
        return [row for row in found if row.inputs]

    def _scores_of(
        self, run_id: str, metric: str
    ) -> tuple[tuple[float, ...], tuple[float, ...], tuple[str, ...]]:
        """Return the student's scores, the teacher's scores, and the inputs of the rows.

        A gold id replaces an input that was not sent in a request.
        """
        rows = self.rows(
            """SELECT DISTINCT ON (student.gold_id) student.value, teacher.value,
                      coalesce(ask.subject, student.gold_id)
               FROM score student
               JOIN score teacher ON teacher.run_id = student.run_id
                    AND teacher.gold_id = student.gold_id AND teacher.metric = student.metric
                    AND teacher.system = 'teacher'
               LEFT JOIN prediction ON prediction.run_id = student.run_id
                    AND prediction.system = 'student' AND prediction.gold_id = student.gold_id
               LEFT JOIN ask ON ask.run_id = student.run_id
                    AND ask.purpose = 'evaluate:student'
                    AND ask.request_id = prediction.request_id
               WHERE student.run_id = ? AND student.system = 'student' AND student.metric = ?
               ORDER BY student.gold_id""",
            run_id,
            metric,
        )
        student, teacher, inputs = zip(*rows, strict=True) if rows else ((), (), ())
        return student, teacher, inputs

    def _stored_verdicts(self) -> dict[str, StoredVerdict]:
        rows = self.rows(
            """SELECT run_id, margin, confidence, look, level, result, limits, exceeded
               FROM verdict"""
        )
        return {
            run_id: StoredVerdict(
                margin, confidence, look, level, result, json.loads(limits), json.loads(exceeded)
            )
            for run_id, margin, confidence, look, level, result, limits, exceeded in rows
        }

    def _gold_keys(self) -> dict[str, frozenset[str]]:
        rows = self.rows("SELECT run_id, list(gold_key) FROM verdict_gold GROUP BY run_id")
        return {run_id: frozenset(keys) for run_id, keys in rows}
