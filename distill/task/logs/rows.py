"""Readers of log files as rows: JSON lines, JSON, Parquet and CSV, plain or packed with gzip.

The bytes of a file say what it is. One row is in memory at a time, except in a JSON document that
is one object.
"""

import codecs
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from distill.core.errors import InputError
from distill.task.logs import BrokenLine
from distill.task.new.tables import READERS

LONGEST_LINE = 64 * 2**20  # bytes of a line, of an item of a list, or of a document of one object
CHUNK = 2**20  # characters of a JSON list that are read at once
GZIP, PARQUET, MARK = b"\x1f\x8b", b"PAR1", b"\xef\xbb\xbf"
DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s,]*")

Row = dict[str, Any]
Rows = Iterator[tuple[str, Row] | BrokenLine]


def rows_of(path: Path, encoding: str = "") -> Rows:
    """Yield (place, row), or what is wrong with a line. Raises InputError for an unreadable file.

    `place`: the file and line. The items of a list have the number of the item instead.
    `encoding`: the encoding of a CSV file, if it is not UTF-8.
    """
    try:
        if not path.is_file():
            raise InputError(f"{path} is not a file: give the path of a log")
        with path.open("rb") as file:
            start = file.read(len(PARQUET))
        if start == PARQUET:
            yield from _table(path, ".parquet", "")
            return
        is_packed = start.startswith(GZIP)
        with gzip.open(path, "rb") if is_packed else path.open("rb") as file:
            first = _first_character(path, file)
            file.seek(0)
            if first == b"[":
                yield from _items(path, file)
            elif first == b"{":
                yield from _lines(path, file)
            elif is_packed:
                raise InputError(f"{path}: holds no JSON: unpack it, if it is CSV or Parquet")
            else:
                yield from _table(path, ".csv", encoding)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _first_character(path: Path, file: BufferedIOBase) -> bytes:
    start = file.read(CHUNK)
    if not start:
        raise InputError(f"{path} is empty")
    return start.removeprefix(MARK).lstrip()[:1]


def _lines(path: Path, file: BufferedIOBase) -> Rows:
    """Yield the rows of JSON lines, or of a document that is one object over several lines."""
    for number, line in enumerate(iter(partial(file.readline, LONGEST_LINE), b""), 1):
        if number == 1:
            line = line.removeprefix(MARK)
            if line.strip() == b"{":
                yield from _document(path, line + file.read(LONGEST_LINE))
                return
        if line.isspace():
            continue
        try:
            if len(line) == LONGEST_LINE:
                raise InputError(f"{path}:{number}: has more than {LONGEST_LINE:,} bytes")
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield BrokenLine(f"{path}:{number}: not valid JSON: {_said(error)}")
            continue
        yield from _unpacked(f"{path}:{number}", row)


def _said(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)


def _document(path: Path, text: bytes) -> Rows:
    if len(text) > LONGEST_LINE:
        raise InputError(f"{path}: one JSON object of this size: write one call on each line")
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON: {_said(error)}") from error
    yield from _unpacked(str(path), row)


def _unpacked(place: str, row: object) -> Rows:
    """Yield a row, or the rows of a page of an API, {"data": [...]}."""
    if not isinstance(row, dict):
        yield BrokenLine(f"{place}: is not a JSON object")
        return
    page = row.get("data")
    if not isinstance(page, list) or "messages" in row or "choices" in row:
        yield place, row
        return
    for number, item in enumerate(page, 1):
        if isinstance(item, dict):
            yield f"{place}, item {number}", item
        else:
            yield BrokenLine(f"{place}, item {number}: is not a JSON object")


def _items(path: Path, file: BufferedIOBase) -> Rows:
    """Yield the items of a JSON list, which may be larger than the memory."""
    decoded = _Decoded(path, file)
    text, number = decoded.more(), 0
    at = text.index("[") + 1
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]  # matches nothing, too
        if at == len(text):
            text, at = decoded.more(), 0
            if text:
                continue
            raise InputError(f"{path}: the list has no end: the file is not complete")
        if text[at] == "]":
            return
        number += 1
        place = f"{path}, item {number}"
        while True:
            try:
                row, at = DECODER.raw_decode(text, at)
                break
            except (ValueError, RecursionError) as error:
                more = decoded.more() if len(text) - at < LONGEST_LINE else ""
                if not more:
                    raise InputError(f"{place}: not valid JSON: {_said(error)}") from error
                text, at = text[at:] + more, 0
        yield from _unpacked(place, row)


class _Decoded:
    """The characters of a file, in pieces."""

    def __init__(self, path: Path, file: BufferedIOBase) -> None:
        self._path, self._file = path, file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode

    def more(self) -> str:
        """Return the next characters; "" at the end. Raises InputError if it is not UTF-8."""
        while True:
            data = self._file.read(CHUNK)
            try:
                text = self._decode(data, final=not data)
            except UnicodeDecodeError as error:
                raise InputError(f"{self._path}: not UTF-8: save it as UTF-8") from error
            if text or not data:
                return text


def _table(path: Path, kind: str, encoding: str) -> Rows:
    for record in READERS[kind](path, encoding).read():
        yield f"{path.parent / record.place}", dict(record.values)
