"""Runs, their finished stages, and the mark of a rehearsal."""

import json
from dataclasses import dataclass
from datetime import datetime

from distill.store.tables import Rows, as_json, now


@dataclass(frozen=True, slots=True)
class Run:
    """One way through all stages.

    `parts`: the parts of the task from which the run was made.
    `why`: the reason for the run.
    `teacher`: the teacher of the whole run.
    """

    id: str
    task_hash: str
    parts: dict[str, str]
    why: str
    created: datetime
    teacher: str


@dataclass(frozen=True, slots=True)
class TeacherChoice:
    """The reason for the teacher that `auto` chose.

    `instead_of`: the teacher that `auto` would have chosen with consent to pay; "" if none.
    """

    why: str
    instead_of: str = ""


class Runs(Rows):
    """The rows of runs."""

    def add_run(self, run: Run, spec: dict[str, object]) -> None:
        """Store a new run."""
        values = [run.id, run.task_hash, as_json(run.parts), as_json(spec), run.why, run.created]
        self.insert("run", [values])

    def runs(self) -> list[Run]:
        """List all runs in the order of their start.

        The order of insertion decides, since a clock may have been set back.
        """
        rows = self.rows(
            """SELECT id, task_hash, parts, why, created,
                      json_extract_string(spec, '$.teacher.model')
               FROM run ORDER BY rowid"""
        )
        return [Run(id_, task, json.loads(parts), *rest) for id_, task, parts, *rest in rows]

    def add_teacher_choice(self, run_id: str, choice: TeacherChoice) -> None:
        """Store the reason for a teacher that `auto` chose."""
        self.insert("teacher_choice", [[run_id, choice.why, choice.instead_of]])

    def teacher_choice(self, run_id: str) -> TeacherChoice | None:
        """Return the choice of the teacher.

        Returns None if the task names the teacher or the run is older than the table.
        """
        rows = self.rows("SELECT why, instead_of FROM teacher_choice WHERE run_id = ?", run_id)
        return TeacherChoice(*rows[0]) if rows else None

    def begin_rehearsal(self) -> None:
        """Mark the store as a rehearsal for good: all its answers come from a stand-in."""
        self.insert("rehearsal", [[now()]])

    def is_rehearsal(self) -> bool:
        """True if the answers of the store come from a stand-in."""
        return bool(self.rows("SELECT 1 FROM rehearsal LIMIT 1"))

    def finish_stage(self, run_id: str, stage: str, seconds: float) -> None:
        """Record a finished stage; call this in the transaction that writes the stage's rows."""
        self.insert("stage", [[run_id, stage, seconds, now()]])

    def finished_stages(self, run_id: str) -> dict[str, float]:
        """Map each finished stage to its seconds."""
        rows = self.rows("SELECT stage, seconds FROM stage WHERE run_id = ?", run_id)
        return dict(rows)
