"""Runs, the stages they are through, and whether all of it is a rehearsal."""

import json
from dataclasses import dataclass
from datetime import datetime

from distill.store.tables import Rows, as_json, now


@dataclass(frozen=True, slots=True)
class Run:
    """One way through all stages: its id, what of the task it was made from, why it began, and the
    teacher that it keeps."""

    id: str
    task_hash: str
    parts: dict[str, str]
    why: str
    created: datetime
    teacher: str


@dataclass(frozen=True, slots=True)
class TeacherChoice:
    """Why `auto` is the teacher that it is, and the teacher that it would be if somebody had agreed
    to pay it; "" for none."""

    why: str
    instead_of: str = ""


class Runs(Rows):
    """The rows of runs."""

    def add_run(self, run: Run, spec: dict[str, object]) -> None:
        """Begin a run."""
        values = [run.id, run.task_hash, as_json(run.parts), as_json(spec), run.why, run.created]
        self.insert("run", [values])

    def runs(self) -> list[Run]:
        """All runs in the order in which they began: a clock may have been set back between."""
        rows = self.rows(
            """SELECT id, task_hash, parts, why, created,
                      json_extract_string(spec, '$.teacher.model')
               FROM run ORDER BY rowid"""
        )
        return [Run(id_, task, json.loads(parts), *rest) for id_, task, parts, *rest in rows]

    def add_teacher_choice(self, run_id: str, choice: TeacherChoice) -> None:
        """Write down why the run has its teacher, where the task leaves that to `auto`."""
        self.insert("teacher_choice", [[run_id, choice.why, choice.instead_of]])

    def teacher_choice(self, run_id: str) -> TeacherChoice | None:
        """Why the run has its teacher; None where the task names it, or the run is older."""
        rows = self.rows("SELECT why, instead_of FROM teacher_choice WHERE run_id = ?", run_id)
        return TeacherChoice(*rows[0]) if rows else None

    def begin_rehearsal(self) -> None:
        """From now on, for ever, what is in here comes from a stand-in."""
        self.insert("rehearsal", [[now()]])

    def is_rehearsal(self) -> bool:
        """Do answers in here come from a stand-in?"""
        return bool(self.rows("SELECT 1 FROM rehearsal LIMIT 1"))

    def finish_stage(self, run_id: str, stage: str, seconds: float) -> None:
        """Record that a stage is done; call it in the transaction of the stage's rows."""
        self.insert("stage", [[run_id, stage, seconds, now()]])

    def finished_stages(self, run_id: str) -> dict[str, float]:
        """Stage name -> seconds it took, for the stages that are done."""
        rows = self.rows("SELECT stage, seconds FROM stage WHERE run_id = ?", run_id)
        return dict(rows)
