"""The folder of a new task, which is written whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distill.core.errors import InputError


def check_is_new(folder: Path) -> None:
    """Raise InputError if a folder exists."""
    if folder.exists():
        raise InputError(
            f"{folder}/ already exists: choose another name, or move the folder away first"
        )


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `folder` at the end of the block, unless it fails.

    Raises InputError if `folder` exists.
    """
    check_is_new(folder)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
