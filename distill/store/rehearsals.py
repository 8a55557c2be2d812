"""Folders of rehearsals, kept apart from real runs."""

import re
import shutil
from pathlib import Path

from distill.core.errors import DistillError, InputError
from distill.core.workspace import Workspace
from distill.store import open_store
from distill.store.readonly import query

FOLDER = "rehearsal"
LOCK = ".lock"
# Names of the files in a rehearsal's folder. A folder with any other file is not cleared.
MADE = re.compile(
    r"\d{8}-\d{6}-[0-9a-f]{4}|latest|\.latest-\d+|serve\.log|distill\.duckdb(\..*)?"
    r"|embeddings\.npz|\.embeddings-\d+\.npz"
)


def rehearsals_of(workspace: Workspace) -> Workspace:
    """Return a workspace with the same tasks, and with the folder of rehearsals for its runs."""
    return Workspace(workspace.prompts, workspace.runs / FOLDER)


def check_is_for_real_runs(workspace: Workspace) -> None:
    """Check that the folder of runs is not the folder of rehearsals.

    Raises InputError if it is, since the next rehearsal would clear it.
    """
    if FOLDER in (workspace.runs.name, workspace.runs.resolve().name):
        raise InputError(
            f"{workspace.runs} is the folder of rehearsals, and each rehearsal clears it: choose "
            "another folder with --runs"
        )


def clear(apart: Workspace, task: str) -> None:
    """Delete a task's rehearsal, and create a store that is marked as a rehearsal.

    Raises InputError, and deletes nothing, if the folder contains anything but a rehearsal.
    """
    folder, database = apart.task_folder(task), apart.database(task)
    _check_kind(folder, database)
    with apart.locked(task):
        if database.exists() and not _is_rehearsal(database):
            raise _something_else(folder, "its store contains real runs")
        # The store is deleted last, so that an interrupted deletion leaves a marked rehearsal.
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
        raise _something_else(folder, f"it contains {others[0]} but no store")
    for name in others:
        if not MADE.fullmatch(name):
            raise _something_else(folder, f"it contains {name}, which no rehearsal writes")


def _is_rehearsal(database: Path) -> bool:
    """True if a store is marked as a rehearsal, or has no run."""
    try:
        _, marks = query(database, "SELECT 1 FROM rehearsal LIMIT 1")
        _, runs = query(database, "SELECT 1 FROM run LIMIT 1")
    except DistillError:  # a damaged file, or a file of another tool
        return False
    return bool(marks) or not runs


def _something_else(folder: Path, why: str) -> InputError:
    return InputError(
        f"{folder} is not the folder of a rehearsal ({why}): nothing was deleted. Move the folder, "
        "or choose another folder with --runs."
    )
