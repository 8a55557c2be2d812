"""The stored runs, their finished stages, and the mark of a rehearsal."""

import json
from dataclasses import dataclass
from datetime import datetime

from distill.store.tables import Rows, as_json, now


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a task through all stages.

    `task_hash`: the hash of the task.
    `parts`: the hash of each of the task's files.
    `why`: the reason why a new run began.
    `teacher`: the name of the teacher, which stays the same for the whole run.
    """

    id: str
    task_hash: str
    parts: dict[str, str]
    why: str
    created: datetime
    teacher: str


@dataclass(frozen=True, slots=True)
class TeacherChoice:
    """The choice of a teacher by `auto`.

    `why`: the reason for the choice.
    `instead_of`: the teacher that `auto` would have chosen with consent to pay; "" if the same.
    """

    why: str
    instead_of: str = ""


class Runs(Rows):
    """The tables of runs and their stages."""

    def add_run(self, run: Run, spec: dict[str, object]) -> None:
        """Store a new run."""
        values = [run.id, run.task_hash, as_json(run.parts), as_json(spec), run.why, run.created]
        self.insert("run", [values])

    def runs(self) -> list[Run]:
        """List all runs, the oldest first.

        Runs are sorted by insertion and not by time, since the clock may have been set back.
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

        Returns None if the task names its teacher, and for a run of an older version.
        """
        rows = self.rows("SELECT why, instead_of FROM teacher_choice WHERE run_id = ?", run_id)
        return TeacherChoice(*rows[0]) if rows else None

    def begin_rehearsal(self) -> None:
        """Mark the store permanently as a rehearsal, with answers from a stand-in server."""
        self.insert("rehearsal", [[now()]])

    def is_rehearsal(self) -> bool:
        """True if the store is marked as a rehearsal."""
        return bool(self.rows("SELECT 1 FROM rehearsal LIMIT 1"))

    def finish_stage(self, run_id: str, stage: str, seconds: float) -> None:
        """Record a finished stage; call this in the transaction that writes the stage's rows."""
        self.insert("stage", [[run_id, stage, seconds, now()]])

    def stage_seconds_before(self, run_id: str) -> dict[str, float]:
        """Return the duration in seconds of each stage of the last other run with a report."""
        rows = self.rows(
            """SELECT stage, seconds FROM stage WHERE run_id = (
                 SELECT run_id FROM stage WHERE stage = 'report' AND run_id <> ?
                 ORDER BY rowid DESC LIMIT 1)""",
            run_id,
        )
        return dict(rows)

    def finished_stages(self, run_id: str) -> dict[str, float]:
        """Return the duration of each finished stage in seconds."""
        rows = self.rows("SELECT stage, seconds FROM stage WHERE run_id = ?", run_id)
        return dict(rows)
