"""Read-only queries of the store, and the export of all its tables."""

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
    """Run a read-only query, and return the column names and the rows.

    Raises InputError for an empty or invalid query, and for a query that writes or that reads files
    outside the store. Raises InputError for a result that Python cannot represent.
    """
    with _reading(path, outside=False) as connection:
        try:
            found = connection.execute(sql)
            if found is None:
                raise InputError("the query is empty: give a SELECT statement")
            return [column[0] for column in found.description or ()], found.fetchall()
        except duckdb.Error as error:
            raise InputError(f"{path}: {error}") from error
        except (OverflowError, ValueError, RuntimeError) as error:  # no Python type fits the value
            raise InputError(
                f"{path}: a value of the result cannot be shown ({error}): cast it to VARCHAR"
            ) from error


def export(path: Path, folder: Path, form: Format) -> dict[str, int]:
    """Write each table to a file in `folder`, and return the number of rows by table.

    Raises InputError, before anything is written, if one of the files already exists.
    """
    with _reading(path, outside=True) as connection:
        names = [name for (name,) in connection.execute("SHOW TABLES").fetchall()]
        files = {name: folder / f"{name}.{form}" for name in names}
        if there := [str(file) for file in files.values() if file.exists()]:
            raise InputError(f"{there[0]} already exists: choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in files.items():
            table = connection.table(name)
            (table.to_parquet if form == "parquet" else table.to_csv)(str(file))
        counts = (connection.table(name).count("*").fetchall()[0][0] for name in names)
        return dict(zip(names, counts, strict=True))


@contextmanager
def _reading(path: Path, *, outside: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the store for reading in the block, without migrating it.

    `outside`: True to allow access to other files. Raises InputError if there is no store.
    """
    if not path.exists():
        raise InputError(
            f"{path} does not exist: the task has no run yet; begin one with `distill run`"
        )
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": outside,
        "lock_configuration": True,
    }
    try:
        with duckdb.connect(str(path), read_only=True, config=config) as connection:
            yield connection
    except duckdb.Error as error:
        raise explain(path, error) from error
