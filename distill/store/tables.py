"""Queries, inserts and transactions on DuckDB tables."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import duckdb

Row = tuple[Any, ...]


class Rows:
    """The base class of the store's tables; every method that writes is one transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._in_transaction = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block in a transaction, or as part of one that is already open."""
        if self._in_transaction:
            yield
            return
        self._in_transaction = True
        self._connection.begin()
        try:
            yield
            self._connection.commit()
        except BaseException:
            # A failed commit has already ended its transaction.
            with suppress(duckdb.TransactionException):
                self._connection.rollback()
            raise
        finally:
            self._in_transaction = False

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Return all rows of a query."""
        return self._connection.execute(sql, list(values)).fetchall()

    def insert(
        self, table: str, rows: Sequence[Sequence[object]], *, known_new: bool = False
    ) -> None:
        """Insert rows, each with a value for every column.

        A row whose key already exists is skipped. With `known_new`, such a row raises an error; the
        insert is then twice as fast.
        """
        if not rows:
            return
        # One statement for all rows is a hundred times as fast as executemany. A value that all
        # rows share (the run, the time) is passed once.
        columns = [list(column) for column in zip(*rows, strict=True)]
        shared = [len(rows) > 1 and all(v is column[0] for v in column) for column in columns]
        marks = ", ".join("?" if same else "unnest(?)" for same in shared)
        values = [
            column[0] if same else column for column, same in zip(columns, shared, strict=True)
        ]
        conflict = "" if known_new else "ON CONFLICT DO NOTHING"
        self._connection.execute(f"INSERT INTO {table} SELECT {marks} {conflict}", values)


def values_of(record: object) -> tuple[object, ...]:
    """Return the values of a record's fields, in order."""
    return tuple(getattr(record, name) for name in record.__dataclass_fields__)  # type: ignore[attr-defined]


def as_json(value: object) -> str:
    """Convert a value to a JSON string with unescaped Unicode."""
    return json.dumps(value, ensure_ascii=False, default=str)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)
