"""Access to the store for other tools: a read-only query, and an export of all tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import duckdb

from distill.core.errors import InputError
from distill.store import explain
from distill.store.tables import Row

Format = Literal["parquet", "csv"]


def query(path: Path, sql: str) -> tuple[list[str], list[Row]]:
    """Return the columns and the rows of a query that only reads the store.

    Raises InputError for an invalid query. Raises InputError for a query that writes, or that reads
    anything outside the store. Raises InputError for a value without a Python type.
    """
    with _reading(path, outside=False) as connection:
        try:
            found = connection.execute(sql)
            if found is None:
                raise InputError("the query is empty")
            return [column[0] for column in found.description or ()], found.fetchall()
        except duckdb.Error as error:
            raise InputError(f"{path}: {error}") from error
        except (OverflowError, ValueError, RuntimeError) as error:  # a value without a Python type
            raise InputError(
                f"{path}: a value of the result cannot be shown ({error}): cast it to VARCHAR"
            ) from error


def export(path: Path, folder: Path, form: Format) -> dict[str, int]:
    """Write every table to a file in `folder`, and map tables to their number of rows.

    Raises InputError if a file exists already.
    """
    with _reading(path, outside=True) as connection:
        names = [name for (name,) in connection.execute("SHOW TABLES").fetchall()]
        files = {name: folder / f"{name}.{form}" for name in names}
        if there := [str(file) for file in files.values() if file.exists()]:
            raise InputError(f"{there[0]} is there already: choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in files.items():
            table = connection.table(name)
            (table.to_parquet if form == "parquet" else table.to_csv)(str(file))
        counts = (connection.table(name).count("*").fetchall()[0][0] for name in names)
        return dict(zip(names, counts, strict=True))


@contextmanager
def _reading(path: Path, *, outside: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """Keep the store open for reading, without migration; `outside` permits writing other files."""
    if not path.exists():
        raise InputError(f"{path} is not there: the task has no run yet")
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": outside,
        "lock_configuration": True,
    }
    try:
        with duckdb.connect(str(path), read_only=True, config=config) as connection:
            yield connection
    except duckdb.Error as error:
        raise explain(path, error) from error
