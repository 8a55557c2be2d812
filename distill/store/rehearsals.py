"""Folders of rehearsals, which are separate from real runs."""

import re
import shutil
from pathlib import Path

from distill.core.errors import DistillError, InputError
from distill.core.workspace import Workspace
from distill.store import open_store
from distill.store.readonly import query

FOLDER = "rehearsal"
LOCK = ".lock"
# Files of a rehearsal's folder. Any other file prevents its clearing.
MADE = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}|latest|\.latest-\d+|serve\.log|distill\.duckdb(\..*)?")


def rehearsals_of(workspace: Workspace) -> Workspace:
    """Return the workspace of the same tasks with the rehearsals' own folder of runs."""
    return Workspace(workspace.prompts, workspace.runs / FOLDER)


def check_is_for_real_runs(workspace: Workspace) -> None:
    """Check that the folder of runs is not a folder of rehearsals.

    Raises InputError for a folder that the next rehearsal would clear.
    """
    if FOLDER in (workspace.runs.name, workspace.runs.resolve().name):
        raise InputError(
            f"{workspace.runs} is for rehearsals, which clear it: choose another folder with --runs"
        )


def clear(apart: Workspace, task: str) -> None:
    """Delete a task's rehearsal and mark the store of the next one.

    Raises InputError if the folder holds anything but a rehearsal; nothing is deleted then.
    """
    folder, database = apart.task_folder(task), apart.database(task)
    _check_kind(folder, database)
    with apart.locked(task):
        if database.exists() and not _is_rehearsal(database):
            raise _something_else(folder, "its store holds real runs")
        # The store goes last, so that an interrupted clearing still leaves a marked rehearsal.
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == database.name):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != LOCK:
                entry.unlink()
        with open_store(database) as store:
            store.begin_rehearsal()


def _check_kind(folder: Path, database: Path) -> None:
    if folder.is_symlink():
        raise _something_else(folder, f"it is a link to {folder.readlink()}")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise _something_else(folder, "it is a file")
    for file in (database, folder / LOCK):
        if file.is_symlink() or (file.exists() and not file.is_file()):
            raise _something_else(folder, f"{file.name} is not a regular file")
    others = sorted(entry.name for entry in folder.iterdir() if entry.name != LOCK)
    if others and not database.exists():
        raise _something_else(folder, f"{others[0]} and no store")
    for name in others:
        if not MADE.fullmatch(name):
            raise _something_else(folder, f"no rehearsal makes {name}")


def _is_rehearsal(database: Path) -> bool:
    """True if a store is marked as a rehearsal or has no run, so that it may be deleted."""
    try:
        _, marks = query(database, "SELECT 1 FROM rehearsal LIMIT 1")
        _, runs = query(database, "SELECT 1 FROM run LIMIT 1")
    except DistillError:  # a damaged file, or one of another tool
        return False
    return bool(marks) or not runs


def _something_else(folder: Path, why: str) -> InputError:
    return InputError(
        f"{folder} holds something else than a rehearsal ({why}): nothing was deleted. Move it "
        "away, or choose another folder with --runs."
    )
