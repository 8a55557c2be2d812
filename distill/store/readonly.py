"""The store for those who have their own tools: one query that changes nothing, and every table as
a file."""

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
    """The columns and the rows of a query. It reads nothing but the store, and writes nothing.

    Raises InputError for a query that is wrong, or does anything else.
    """
    with _reading(path, outside=False) as connection:
        try:
            found = connection.execute(sql)
            if found is None:
                raise InputError("the query is empty")
            return [column[0] for column in found.description or ()], found.fetchall()
        except duckdb.Error as error:
            raise InputError(f"{path}: {error}") from error
        except (OverflowError, ValueError, RuntimeError) as error:  # a value that Python lacks
            raise InputError(
                f"{path}: a value of the result cannot be shown ({error}): cast it to VARCHAR"
            ) from error


def export(path: Path, folder: Path, form: Format) -> dict[str, int]:
    """Every table as a file in `folder`; table → rows. Raises InputError rather than writing over
    a file."""
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
    """The store as it is, opened for reading; `outside` lets files be written beside it."""
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
