"""Files with rows of people's data, broken in a way that a seed decides.

A file of a kind that `distill new` or `distill import` reads is written from sound rows, of which
some are changed first (`change_rows`). Then the bytes of the file may be changed (`change_bytes`).
"""

import csv
import gzip
import json
import math
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from tests.task.logs.samples import FORMS
from tests.task.new.test_new import labelled, objects

Row = dict[str, Any]
QUERY = "SELECT * FROM rows"
ROWS = 100
LOGGED = 12


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file or folder to read, the SELECT for it, and what was changed."""

    path: Path
    query: str
    changes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path.name}: {'; '.join(self.changes)}"


def broken_table(seed: int, folder: Path) -> BrokenFile:
    """Write a broken table for `distill new`."""
    draw = random.Random(seed)
    name = draw.choice(list(WRITERS))
    rows = draw.choice(SOUND)()
    changes = []
    for _ in range(draw.choice((0, 1, 1, 2))):
        changes.append(change_rows(draw, rows))
    path = folder / name
    WRITERS[name](path, rows)
    if not changes or draw.random() < 0.5:
        inside = sorted(file for file in path.rglob("*") if file.is_file()) or [path]
        if not path.is_dir() or inside != [path]:
            changes.append(change_bytes(draw, draw.choice(inside)))
    if draw.random() < 0.05 and path.is_file():
        path = path.rename(folder / draw.choice(list(WRITERS)))
        changes.append("another ending")
    is_database = path.suffix in (".duckdb", ".sqlite")
    return BrokenFile(path, QUERY if is_database else "", tuple(changes))


def broken_log(seed: int, folder: Path) -> BrokenFile:
    """Write a broken log for `distill import`."""
    draw = random.Random(seed)
    form = FORMS[draw.choice(list(FORMS))]
    rows = [form(f"My kitten number {n} is on street {n * n}", "cats") for n in range(LOGGED)]
    changes = []
    for _ in range(draw.choice((0, 1, 2, 3))):
        changes.append(change_part(draw, rows))
    path = folder / draw.choice(LOGS)
    if path.suffix == ".json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif path.suffix == ".csv":
        _write_csv(path, rows)
    else:
        _write_json_lines(path, rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    if not changes or draw.random() < 0.5:
        changes.append(change_bytes(draw, path))
    return BrokenFile(path, "", tuple(changes))


# Rows.


def _chats() -> list[Row]:
    return [
        {
            "messages": [
                {"role": "system", "content": "Sort a message."},
                {"role": "user", "content": text},
                {"role": "assistant", "content": label},
            ]
        }
        for text, label in labelled(ROWS)
    ]


SOUND: Sequence[Callable[[], list[Row]]] = (
    lambda: [{"text": text, "label": label} for text, label in labelled(ROWS)],
    lambda: [
        {"id": n, "message": text, "team": label, "when": f"2026-11-{1 + n % 28:02}"}
        for n, (text, label) in enumerate(labelled(ROWS))
    ],
    lambda: objects()[:ROWS],
    lambda: [{"input": text, "output": f"We know of {text}."} for text, _ in labelled(ROWS)],
    _chats,
)
VALUES: Sequence[Any] = (
    *("", " ", "\t\n", "nan", "NULL", None, math.nan, math.inf, 7, -0.0, 1.5, 10**30, True),
    *([], {}, ["a", "b"], {"a": {"b": [1, None]}}, [[[]]], [None], "a\0b", "\x1b[31mred", "\u202e"),
    *("\r", "a\r\nb", '"', "=1+1", "\u2028", "\ud800", "\ufffe", "{", "{}", '{"a": ', "[1]"),
    *("2026-13-45", "İstanbul", "e\u0301", "word " * 9_000, "{{ 7 * 7 }}", "{% endraw %}"),
)


def change_rows(draw: random.Random, rows: list[Row]) -> str:
    """Change rows, and say how."""
    how = draw.choice(ROW_CHANGES)
    how(draw, rows)
    return how.__name__.strip("_").replace("_", " ")


def _names(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row)) or ["x"]


def _odd_cell(draw: random.Random, rows: list[Row]) -> None:
    if rows:
        draw.choice(rows)[draw.choice(_names(rows))] = draw.choice(VALUES)


def _odd_column(draw: random.Random, rows: list[Row]) -> None:
    name, value = draw.choice(_names(rows)), draw.choice(VALUES)
    for row in rows:
        if draw.random() < 0.9:
            row[name] = value


def _many_odd_values(draw: random.Random, rows: list[Row]) -> None:
    name = draw.choice(_names(rows))
    for row in rows:
        row[name] = draw.choice(VALUES)


def _no_such_column(draw: random.Random, rows: list[Row]) -> None:
    name = draw.choice(_names(rows))
    for row in rows:
        row.pop(name, None)


def _missing_keys(draw: random.Random, rows: list[Row]) -> None:
    for row in rows:
        if row and draw.random() < 0.3:
            del row[draw.choice(list(row))]


def _odd_name(draw: random.Random, rows: list[Row]) -> None:
    old = draw.choice(_names(rows))
    new = draw.choice(("", " ", "TEXT", "label ", "a,b", 'a"b', "x" * 300, "folder", "é", "a\nb"))
    for row in rows:
        if old in row:
            row[new] = row.pop(old)


def _many_columns(draw: random.Random, rows: list[Row]) -> None:
    for row in rows:
        row |= {f"column{n}": draw.choice(("yes", "no")) for n in range(50)}


def _a_column_twice(draw: random.Random, rows: list[Row]) -> None:
    name = draw.choice(_names(rows))
    for row in rows:
        row[f"{name}2"] = row.get(name)


def _column_of_ids(draw: random.Random, rows: list[Row]) -> None:
    name = draw.choice(_names(rows))
    for number, row in enumerate(rows):
        row[name] = draw.choice((number, f"id{number}"))


def _few_rows(draw: random.Random, rows: list[Row]) -> None:
    del rows[draw.choice((0, 1, 2, 20)) :]


def _copies(draw: random.Random, rows: list[Row]) -> None:
    rows += [dict(draw.choice(rows)) for _ in range(30)] if rows else []


def _one_text(draw: random.Random, rows: list[Row]) -> None:
    name = draw.choice(_names(rows))
    for row in rows:
        row[name] = f"one and the same text{draw.choice(('', '!', ' '))}"


def _cases(draw: random.Random, rows: list[Row]) -> None:
    name = draw.choice(_names(rows))
    for row in rows:
        row[name] = draw.choice((str.upper, str.title, str.lower))(str(row.get(name)))


def _rare_answers(draw: random.Random, rows: list[Row]) -> None:
    name = draw.choice(_names(rows))
    for row in rows[:3]:
        row[name] = draw.choice(("rare", "rarer"))


ROW_CHANGES: Sequence[Callable[[random.Random, list[Row]], None]] = (
    *(_odd_cell, _odd_cell, _odd_column, _many_odd_values, _no_such_column, _missing_keys),
    *(_odd_name, _many_columns, _a_column_twice, _column_of_ids, _few_rows, _copies, _one_text),
    *(_cases, _rare_answers),
)


def change_part(draw: random.Random, rows: list[Any]) -> str:
    """Change a part of a row at any depth, and say how."""
    parent: Any = draw.choice(rows)
    while True:
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        if not keys:
            return "nothing"
        key = draw.choice(keys)
        if isinstance(parent[key], dict | list) and parent[key] and draw.random() < 0.8:
            parent = parent[key]
            continue
        if draw.random() < 0.3:
            del parent[key]
            return f"without {key}"
        parent[key] = draw.choice(VALUES)
        return f"odd {key}"


# Files.


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value)
    return "" if value is None else str(value)


def _write_csv(path: Path, rows: list[Row]) -> None:
    out, names = StringIO(), _names(rows)
    writer = csv.writer(out, delimiter="\t" if path.suffix == ".tsv" else ",")
    writer.writerow(names)
    writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
    path.write_bytes(out.getvalue().encode("utf-8", "surrogatepass"))


def _write_json_lines(path: Path, rows: list[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _write_json(path: Path, rows: list[Row]) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


def _plain(value: Any) -> str:
    """A value as a text that every file can hold."""
    return _cell(value).encode("utf-8", "replace").decode()


def _write_parquet(path: Path, rows: list[Row]) -> None:
    import pyarrow
    from pyarrow.parquet import write_table

    names = _names(rows)
    try:
        columns = {name: pyarrow.array([row.get(name) for row in rows]) for name in names}
    except (pyarrow.ArrowException, OverflowError, UnicodeError):  # values of several types
        columns = {name: pyarrow.array([_plain(row.get(name)) for row in rows]) for name in names}
    try:
        write_table(pyarrow.table(columns), path)
    except pyarrow.ArrowException:  # empty objects
        columns = {name: pyarrow.array([_plain(row.get(name)) for row in rows]) for name in names}
        write_table(pyarrow.table(columns), path)


def _write_excel(path: Path, rows: list[Row]) -> None:
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook()
    sheet, names = book.active, _names(rows)
    for row in [{name: name for name in names}, *rows]:
        values = [row.get(name) for name in names]
        sheet.append(
            [
                value
                if isinstance(value, bool | int) and abs(value) < 10**15
                else ILLEGAL_CHARACTERS_RE.sub("", _plain(value)).replace("\ufffe", "")[:30_000]
                for value in values
            ]
        )
    book.save(path)


def _write_texts(path: Path, rows: list[Row]) -> None:
    path.mkdir()
    for number, row in enumerate(rows):
        text, label = ([_plain(value) for value in row.values()] + ["", ""])[:2]
        inside = path / ("".join(filter(str.isalnum, label))[:20] or "none")
        inside.mkdir(exist_ok=True)
        body = f"Subject: a message\n\n{text}" if number % 2 else text
        (inside / f"{number}{('.txt', '.eml')[number % 2]}").write_text(body, encoding="utf-8")


def _write_database(path: Path, rows: list[Row]) -> None:
    import duckdb

    names = _names(rows)
    connect: Any = duckdb.connect if path.suffix == ".duckdb" else sqlite3.connect
    quoted = ", ".join(f'"column {n}" VARCHAR' for n, _ in enumerate(names))
    database = connect(str(path))
    database.execute(f"CREATE TABLE rows ({quoted})")
    values = [[_plain(row.get(name)) for name in names] for row in rows]
    marks = ", ".join("?" * len(names))
    if values:
        database.executemany(f"INSERT INTO rows VALUES ({marks})", values)
    database.commit()
    database.close()


WRITERS: dict[str, Callable[[Path, list[Row]], None]] = {
    "rows.csv": _write_csv,
    "rows.tsv": _write_csv,
    "rows.jsonl": _write_json_lines,
    "rows.json": _write_json,
    "rows.parquet": _write_parquet,
    "rows.xlsx": _write_excel,
    "rows.duckdb": _write_database,
    "rows.sqlite": _write_database,
    "texts": _write_texts,
}
LOGS = ("calls.jsonl", "calls.json", "calls.csv", "calls.jsonl.gz", "calls")


# Bytes.

PIECES = (
    *(b'"', b"'", b"\0", b"\xff", b"\xe9", b"\r", b"\n", b"\r\n", b",", b";", b"\t", b"|", b"\\"),
    *(b"{", b"}", b"[", b"]", b":", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\x1a"),
    *(b"NaN", b"-Infinity", b"1e999", b"[" * 3000, b"9" * 5000, b"\n\n\n", b"null", b"PK\x03\x04"),
)


def change_bytes(draw: random.Random, path: Path) -> str:
    """Change the bytes of a file, and say how."""
    data = path.read_bytes()
    how = draw.choice(BYTE_CHANGES)
    path.write_bytes(how(draw, data))
    return how.__name__.strip("_").replace("_", " ")


def _cut_off(draw: random.Random, data: bytes) -> bytes:
    return data[: draw.randint(0, len(data))]


def _without_a_piece(draw: random.Random, data: bytes) -> bytes:
    at = draw.randint(0, len(data))
    return data[:at] + data[at + draw.choice((1, 10, 1000)) :]


def _a_piece_more(draw: random.Random, data: bytes) -> bytes:
    for _ in range(draw.choice((1, 1, 5))):
        at = draw.choice((0, len(data), draw.randint(0, len(data))))
        data = data[:at] + draw.choice(PIECES) + data[at:]
    return data


def _a_piece_twice(draw: random.Random, data: bytes) -> bytes:
    at = draw.randint(0, len(data))
    end = at + draw.choice((1, 10, 1000))
    return data[:end] + data[at:end] + data[end:]


def _other_bytes(draw: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 3, 30)) if data else 0):
        changed[draw.randrange(len(data))] = draw.randrange(256)
    return bytes(changed)


def _zeros(draw: random.Random, data: bytes) -> bytes:
    at = draw.randint(0, len(data))
    piece = data[at : at + draw.choice((1, 100, 4096))]
    return data[:at] + bytes(len(piece)) + data[at + len(piece) :]


def _noise(draw: random.Random, data: bytes) -> bytes:
    return draw.randbytes(draw.choice((1, 100, 5000)))


def _packed(draw: random.Random, data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _another_encoding(draw: random.Random, data: bytes) -> bytes:
    encoding = draw.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "utf-8-sig"))
    text = data.decode("utf-8", "replace").replace("a", draw.choice(("a", "é")))
    return text.encode(encoding, "replace")


def _other_line_ends(draw: random.Random, data: bytes) -> bytes:
    ends = (b"\r", b"\r\n", b"\n\r", b"\n\n", b"", b"\x0b")
    return data.replace(b"\n", draw.choice(ends))


def _other_signs(draw: random.Random, data: bytes) -> bytes:
    old, new = draw.sample((b",", b";", b"\t", b'"', b"'", b":", b"{", b"}", b" ", b"\n"), 2)
    return data.replace(old, new)


BYTE_CHANGES: Sequence[Callable[[random.Random, bytes], bytes]] = (
    *(_cut_off, _without_a_piece, _a_piece_more, _a_piece_more, _a_piece_twice, _other_bytes),
    *(_zeros, _noise, _packed, _another_encoding, _other_line_ends, _other_signs),
)
