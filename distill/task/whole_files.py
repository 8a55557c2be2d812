"""Files and folders of a task that are written whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distill.core.errors import InputError
from distill.task.files import ends_a_line


def check_is_new(folder: Path) -> None:
    """Raise InputError if a folder exists."""
    if folder.exists():
        raise InputError(
            f"{folder}/ already exists: choose another name, add rows to it with --add, or move "
            "the folder away first"
        )


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder of the same name that becomes `folder` at the end of the block.

    If the block fails, nothing is left. Raises InputError if `folder` exists.
    """
    check_is_new(folder)
    with _beside(folder) as partial:
        (partial / folder.name).mkdir(parents=True)
        yield partial / folder.name
        (partial / folder.name).rename(folder)


@contextmanager
def changed_folder(folder: Path) -> Iterator[Path]:
    """Yield a copy of a folder that takes its place at the end of the block, unless it fails.

    The folder of before is `.NAME.before` for an instant. A process killed then leaves it there,
    and `restore_folder` brings it back.
    """
    folder = folder.resolve()
    before = _before(folder)
    with _beside(folder) as partial:
        shutil.copytree(folder, partial, symlinks=True)
        yield partial
        _write_to_disk(partial)
        folder.rename(before)
        partial.rename(folder)
        shutil.rmtree(before)


def restore_folder(folder: Path) -> None:
    """Bring back a folder that a killed process was about to replace."""
    before = _before(folder)
    if before.is_dir() and not folder.exists():
        before.rename(folder)
    shutil.rmtree(before, ignore_errors=True)


def _before(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.before")


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Yield a path beside a folder that is free now and after the block."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_to_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def add_rows(path: Path, rows: Iterable[Mapping[str, Any]], about: str) -> None:
    """Add rows to a JSON-lines file, all or none. A new file begins with `about`."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    if not lines:
        return
    if path.exists():
        lines = ([] if ends_a_line(path) else ["\n"]) + lines
    else:
        lines = [json.dumps({"about": about}, ensure_ascii=False) + "\n", *lines]
    append(path, lines)


def append(path: Path, lines: Iterable[str]) -> None:
    """Append lines to a file, which may be missing, all or none."""
    write_whole(path, lines, after=path)


def write_whole(path: Path, lines: Iterable[str], after: Path | None = None) -> None:
    """Write a file, all of it or nothing. `after`: the file whose content comes first."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        if after is not None and after.exists():
            shutil.copy2(after, partial)
        with partial.open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
