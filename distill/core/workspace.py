"""Folders of tasks and runs, the path of a task's store, and the lock of a task.

Only the process that holds the lock may work on the task.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distill.core.errors import InputError

EVENTS = "events.jsonl"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of the tasks' prompts and the folder of the runs."""

    prompts: Path
    runs: Path

    def task_folder(self, task: str) -> Path:
        """Return the folder of all results of a task.

        Raises InputError for a name that would point to another folder.
        """
        if task in ("", ".", "..") or Path(task).name != task:
            raise InputError(f"{task!r} is not a task name: give the name of a folder, not a path")
        return self.runs / task

    def database(self, task: str) -> Path:
        """Return the path of the task's DuckDB file."""
        return self.task_folder(task) / "distill.duckdb"

    def run_folder(self, task: str, run_id: str) -> Path:
        """Return the folder of a run's student, report, events and logs."""
        return self.task_folder(task) / run_id

    def point_latest(self, task: str, run_id: str) -> None:
        """Point the link `runs/<task>/latest` to a run, atomically."""
        link = self.task_folder(task) / f".latest-{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(run_id)
        link.replace(self.task_folder(task) / "latest")

    def holder(self, task: str) -> int | None:
        """Return the PID of the process that has locked the task; None if there is none."""
        try:
            with self._lock_file(task).open(encoding="utf-8") as file:  # may be a read-only file
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # other lookers are no holders
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return int(self._lock_file(task).read_text(encoding="utf-8") or 0)
        return None

    @contextmanager
    def locked(self, task: str) -> Iterator[None]:
        """Lock the task for the block, so that no other process works on the task.

        The lock ends with the process, even after a crash. Raises InputError, with the PID, if
        another process holds the lock.
        """
        self.task_folder(task).mkdir(parents=True, exist_ok=True)
        with self._lock_file(task).open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                pid = self._lock_file(task).read_text(encoding="utf-8") or "unknown"
                raise InputError(
                    f"task {task} is locked by another process (PID {pid}): wait for it or end it. "
                    f"`distill status {task}` shows its progress."
                ) from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def _lock_file(self, task: str) -> Path:
        return self.task_folder(task) / ".lock"
