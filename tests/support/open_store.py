"""Keep the store that was opened last open: DuckDB takes 15 ms to open a file, and a run of a small
task opens its store 40 times."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest


@dataclass
class Kept:
    """How to connect to a database, a connection that nobody uses, and the file it keeps open."""

    really_connect: Callable[..., duckdb.DuckDBPyConnection]
    connection: duckdb.DuckDBPyConnection | None = None
    path: str = ""
    file: tuple[int, int] | None = None

    def connect(self, path: str = ":memory:", **options: Any) -> duckdb.DuckDBPyConnection:
        """Connect to a database, whose file stays open until another one is connected to."""
        if options or path == ":memory:":
            self.release()
            return self.really_connect(path, **options)
        if path != self.path or self.file != _file(path):
            self.release()
            self.connection, self.path = self.really_connect(path), path
            self.file = _file(path)
        return self.really_connect(path)

    def release(self) -> None:
        """Close the file."""
        if self.connection is not None:
            self.connection.close()
        self.connection, self.path, self.file = None, "", None


def _file(path: str) -> tuple[int, int] | None:
    """Which file it is now; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 a Path takes longer
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


_kept: list[Kept] = []


def close_stores() -> None:
    """Close what is kept open, for whoever wants to open, copy or move it."""
    for kept in _kept:
        kept.release()


@contextmanager
def staying_open() -> Iterator[None]:
    """Keep stores open for as long as the block lasts, but while another process is started: it
    may open them, too."""
    start = subprocess.Popen.__init__

    def start_alone(self: "subprocess.Popen[Any]", *arguments: Any, **options: Any) -> None:
        close_stores()
        start(self, *arguments, **options)

    _kept.append(Kept(duckdb.connect))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", _kept[-1].connect)
        patch.setattr(subprocess.Popen, "__init__", start_alone)
        try:
            yield
        finally:
            close_stores()
            _kept.pop()
