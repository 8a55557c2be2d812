"""The store of a task: a DuckDB file with all requests, completions, examples and scores.

No other package imports duckdb. Each stage opens the store and closes it at the end. While one
process has the file open for writing, no other process can open it, even for reading.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import duckdb

from distill.core.errors import DistillError, InputError
from distill.store.dataset import Data, Dropped
from distill.store.evaluation import Results
from distill.store.finetuning_jobs import Trainings
from distill.store.ledger import Money
from distill.store.provenance import Provenance
from distill.store.requests import Requests, request_of
from distill.store.runs import Run, Runs, TeacherChoice
from distill.store.similar_pairs import Pairs
from distill.store.tables import Row, as_json, now
from distill.store.verdicts import Evaluation, StoredVerdict, Verdicts

__all__ = [
    "INTERRUPTED",
    "Dropped",
    "Evaluation",
    "Row",
    "Run",
    "Store",
    "StoredVerdict",
    "TeacherChoice",
    "as_json",
    "migrate",
    "open_store",
    "open_to_read",
    "request_of",
]

LOCKED = ("Could not set lock", "Conflicting lock")
DAMAGED = ("orrupt", "checksum", "INTERNAL Error", "Serialization Error")
INTERRUPTED = "Query interrupted"  # DuckDB's message for a Ctrl-C during a query


class Store(Runs, Requests, Money, Data, Pairs, Results, Trainings, Provenance, Verdicts):
    """The tables of a task's store; each base class covers the tables of one subject."""


@contextmanager
def open_store(path: Path) -> Iterator["Store"]:
    """Open the store at `path` for the block, after creating or migrating it if needed.

    Raises InputError if another process has locked the store. Raises DistillError if the disk is
    full, or if the file is damaged or not a store. Committed rows survive the error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with duckdb.connect(str(path)) as connection:
            migrate(connection)
            yield Store(connection)
    except (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException) as error:
        raise explain(path, error) from error
    except duckdb.Error as error:
        if not any(word in str(error) for word in DAMAGED):
            raise
        raise explain(path, error) from error
    except RuntimeError as error:
        if str(error) == INTERRUPTED:
            raise KeyboardInterrupt from error
        raise


@contextmanager
def open_to_read(path: Path) -> Iterator["Store"]:
    """Open the store at `path` for reading in the block, even if the file is read-only.

    Raises the errors of `open_store`. Raises InputError for a read-only store of an older version,
    since its tables cannot be migrated.
    """
    if _is_writable(path) and _is_writable(path.parent):
        with open_store(path) as store:
            yield store
        return
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            if pending := _pending(connection):
                raise InputError(
                    f"{path} was written by an older version of distill and is read-only, so the "
                    f"migration {pending[0].name} cannot be applied: copy the folder to a place "
                    "where you may write"
                )
            yield Store(connection)
    except duckdb.Error as error:
        raise explain(path, error) from error


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def explain(path: Path, error: duckdb.Error) -> DistillError:
    """Convert a database error to the tool's error: locked, damaged or not writable.

    Whole phrases are matched, since a message may contain a path with any word.
    """
    message = str(error)
    if any(phrase in message for phrase in LOCKED):
        holder = re.search(r"PID (\d+)", message)
        pid = holder.group(1) if holder else "unknown"
        return InputError(
            f"{path} is locked by another process (PID {pid}): wait for it or end it. "
            "`distill status` works in the meantime."
        )
    if "Could not write" in message or "No space left" in message:
        return DistillError(
            f"{path} cannot be written (is the disk full?): {message}\n"
            "All earlier rows are kept: free disk space, then run the same command again."
        )
    if any(word in message for word in DAMAGED):
        return DistillError(
            f"{path} is damaged: {message}\n"
            "Keep the damaged file, and put an older copy in its place. Without a copy, try "
            "`distill export`, which may still read the undamaged tables."
        )
    return DistillError(f"{path}: {message}")


def migrate(connection: duckdb.DuckDBPyConnection, *, stop_before: str | None = None) -> None:
    """Apply the pending migrations of `schema/`, each in a transaction with its record.

    `stop_before`: the migration at which to stop, for tests; None to apply all.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migration (name VARCHAR PRIMARY KEY, applied TIMESTAMPTZ)"
    )
    for script in _pending(connection):
        if script.name == stop_before:
            return
        connection.begin()
        connection.execute(script.read_text(encoding="utf-8"))
        connection.execute("INSERT INTO migration VALUES (?, ?)", [script.name, now()])
        connection.commit()


def _pending(connection: duckdb.DuckDBPyConnection) -> list[Traversable]:
    """List the migrations of `schema/` that have not been applied yet, in order.

    Raises InputError if a newer version of distill wrote the store.
    """
    applied = {name for (name,) in connection.execute("SELECT name FROM migration").fetchall()}
    scripts = sorted(files("distill.store.schema").iterdir(), key=lambda item: item.name)
    if newer := sorted(applied - {script.name for script in scripts}):
        raise InputError(
            f"a newer version of distill wrote the store (migration {newer[0]}): install that "
            "version"
        )
    return [one for one in scripts if one.name.endswith(".sql") and one.name not in applied]
