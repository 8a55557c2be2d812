"""Readers of people's data: files of rows, folders of texts, queries and data sets.

Every reader yields the rows one by one, so that a large file is never in memory as a whole.
"""

import codecs
import csv
import json
import sqlite3
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from distill.core.errors import DistillError, InputError, InvalidInput, Problem
from distill.core.text import replace_lone_surrogates
from distill.task.input_rows import conversation
from distill.task.logs import NO_ANSWER
from distill.task.logs.chat import SYSTEM, Unusable, answered

SAMPLE = 65_536  # characters by which a delimiter is chosen
LONGEST_CELL = 1_000_000  # characters; a longer cell is most likely a quote that never closes
DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
TEXTS = (".txt", ".md", ".eml")
DATABASES = (".duckdb", ".db", ".sqlite", ".sqlite3")
SQLITE = b"SQLite"
DUCKDB, DUCKDB_AT = b"DUCK", 8
NEWLINE_SAYS = "save it again as CSV, with quotes around texts that contain line ends"

# What readers of packed files and of XML raise for a damaged one.
DAMAGED = (
    *(BadZipFile, zlib.error, struct.error, OSError, EOFError, SyntaxError, RuntimeError),
    *(ArithmeticError, LookupError, ValueError, TypeError, AttributeError),
)

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """A row of people's data.

    `place`: the file and line, or another place to look it up. `is_input`: True if the column
    "input" has the input of a chat. `tool`: the tool that the answer calls; "" for none.
    """

    values: Values
    place: str
    is_input: bool = False
    tool: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """People's data as rows of named columns.

    `read`: yields the rows from the first one; raises InputError, with file and line, for a row
    that cannot be read.
    `notes`: facts on the reading that a person should know.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[], Iterator[Record]]
    notes: tuple[str, ...] = ()


def open_table(source: str, *, query: str = "", encoding: str = "") -> Table:
    """Open a file, a folder of texts, or a data set of the Hugging Face hub.

    `query`: the SELECT for a database. `encoding`: the encoding of a text file, if it is not UTF-8.
    Raises InputError, with the cure, for a source that cannot be read.
    """
    path = Path(source)
    if not path.exists():
        if source.startswith("hf:") or _is_dataset_id(source):
            return _dataset(source.removeprefix("hf:"))
        fix = "give the path of a file or of a folder"
        raise InvalidInput(Problem("does not exist", source, fix=fix))
    if path.is_dir():
        return _texts(path)
    if not path.is_file():
        raise InvalidInput(Problem("is not a regular file", source))
    if not path.stat().st_size:
        raise InvalidInput(Problem("is empty", source))
    suffix = path.suffix.lower()
    if suffix in DATABASES:
        return _database(path, query)
    if query:
        said = f"--query is for databases ({', '.join(DATABASES)}), not for {path.name}"
        raise InvalidInput(Problem(said, key="--query"))
    if suffix in READERS:
        return READERS[suffix](path, encoding)
    known = ", ".join([*READERS, *DATABASES])
    fix = f"give one of {known}, or a folder of texts"
    raise InvalidInput(Problem("unknown kind of file", source, fix=fix))


def _is_dataset_id(source: str) -> bool:
    """True for the form owner/name without a suffix of a file."""
    parts = source.split("/")
    return len(parts) == len(("owner", "name")) and all(parts) and not Path(source).suffix


def _encoding(path: Path, asked: str) -> str:
    """Return the encoding of a text file: the one asked for, that of its mark, or UTF-8."""
    with path.open("rb") as file:
        start = file.read(4)
    for mark, name in MARKS.items():
        if start.startswith(mark):
            return name
    if not asked and b"\0" in start:
        fix = "add --encoding utf-16-le, or save it as UTF-8"
        raise InvalidInput(Problem("looks like UTF-16 without a mark", str(path), fix=fix))
    try:
        "".encode(asked or "utf-8")
    except LookupError as error:
        problem = Problem(
            f"--encoding {asked}: unknown", key="--encoding", fix="take utf-8 or cp1252"
        )
        raise InvalidInput(problem) from error
    return asked or "utf-8"


def _not_decoded(path: Path, encoding: str, error: UnicodeDecodeError) -> InputError:
    fix = "save the file as UTF-8, or add --encoding cp1252 if it comes from Excel on Windows"
    line = _line_not_decoded(path, encoding)
    return InvalidInput(Problem(f"not {error.encoding.upper()}", str(path), line, fix=fix))


def _line_not_decoded(path: Path, encoding: str) -> int:
    """Return the line with the first bytes of a file that cannot be decoded."""
    decode, line = codecs.getincrementaldecoder(encoding)().decode, 1
    with path.open("rb") as file:
        for data in iter(partial(file.read, SAMPLE), b""):
            try:
                line += decode(data).count("\n")
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(error.encoding, "ignore")
                return line + before.count("\n")
    return line  # the last character is cut off


def _csv(path: Path, encoding: str) -> Table:
    encoding = _encoding(path, encoding)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(path, encoding)
    csv.field_size_limit(LONGEST_CELL)
    _, first = next(_cells(path, encoding, delimiter), (1, []))
    columns = _header(path, first)

    def read() -> Iterator[Record]:
        rows = _cells(path, encoding, delimiter)
        next(rows)
        for line, cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
                said = f"{len(cells)} cells, but the first line names {len(columns)} columns"
                fix = f"put quotes around texts that contain {DELIMITERS[delimiter]}"
                raise InvalidInput(Problem(said, str(path), line, fix=fix))
            padded = [*cells, *[""] * (len(columns) - len(cells))]
            values = {name: cell for name, cell in zip(columns, padded, strict=False) if name}
            if "\0" in "".join(values.values()):
                fix = "remove it, or export anew"
                raise InvalidInput(Problem("contains a NUL byte", str(path), line, fix=fix))
            yield Record(values, f"{path.name}:{line}")

    return Table(path.name, tuple(name for name in columns if name), read)


def _cells(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line where a row begins, its cells)."""
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        begins = 1
        try:
            for cells in reader:
                yield begins, cells
                begins = reader.line_num + 1
        except UnicodeDecodeError as error:
            raise _not_decoded(path, encoding, error) from error
        except csv.Error as error:
            raise InvalidInput(_csv_problem(path, begins, error)) from error


def _csv_problem(path: Path, line: int, error: csv.Error) -> Problem:
    said, fix = f"not valid CSV ({error})", NEWLINE_SAYS
    if "unexpected end of data" in said or "field limit" in said:
        said = "a quote that opens here never closes"
    elif "expected after" in said:
        said, fix = "a quote inside a text must be doubled", 'write "" for it'
    return Problem(said, str(path), line, fix=fix)


def _delimiter(path: Path, encoding: str) -> str:
    """Return the delimiter that splits the first lines into the most columns, alike in each."""
    with path.open(encoding=encoding, newline="") as file:
        try:
            sample = file.read(SAMPLE)
        except UnicodeDecodeError as error:
            raise _not_decoded(path, encoding, error) from error
    lines = sample.splitlines(keepends=True)
    whole = lines[:-1] if len(sample) == SAMPLE and len(lines) > 1 else lines
    best, most = ",", 1
    for delimiter in DELIMITERS:
        try:
            counts = [len(row) for row in csv.reader(whole, delimiter=delimiter) if row]
        except csv.Error:
            continue
        if counts and counts[0] > most and counts.count(counts[0]) >= len(counts) / 2:
            best, most = delimiter, counts[0]
    return best


def _header(path: Path, cells: list[str]) -> list[str]:
    """Return the names of the columns; "" for a column without a name."""
    names = [cell.strip() for cell in cells]
    given = [name for name in names if name]
    if not given:
        raise InvalidInput(Problem("must name the columns, for instance text,label", str(path), 1))
    if twice := [name for name in given if given.count(name) > 1]:
        said = f"two columns are named {twice[0]!r}"
        raise InvalidInput(Problem(said, str(path), 1, fix="rename one"))
    return names


def _json_lines(path: Path, encoding: str) -> Table:
    encoding = _encoding(path, encoding)

    def read() -> Iterator[Record]:
        number = 0
        with path.open(encoding=encoding, newline="\n") as file:
            try:
                for number, line in enumerate(file, 1):
                    if not line.strip():
                        continue
                    row = _object(f"{path}:{number}", line)
                    if not (number == 1 and set(row) == {"about"}):
                        yield _record(row, f"{path}:{number}", f"{path.name}:{number}")
            except UnicodeDecodeError as error:
                raise _not_decoded(path, encoding, error) from error

    return _with_columns(Table(path.name, (), read))


def _object(where: str, text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise InvalidInput(
            Problem.at(where, f"not valid JSON: {said}", "write one JSON object on it")
        ) from error
    if not isinstance(row, dict):
        raise InvalidInput(Problem.at(where, 'a row must be a JSON object, like {"input": …}'))
    return row


def _json(path: Path, encoding: str) -> Table:
    encoding = _encoding(path, encoding)
    try:
        found = json.loads(path.read_text(encoding=encoding))
    except UnicodeDecodeError as error:
        raise _not_decoded(path, encoding, error) from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
            return _json_lines(path, encoding)
        said, line = str(error), None
        if isinstance(error, json.JSONDecodeError):
            said, line = error.msg, error.lineno
        raise InvalidInput(Problem(f"not valid JSON: {said}", str(path), line)) from error
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 else found
    if not isinstance(found, list):
        raise InvalidInput(Problem("must be a list of objects, like [{…}, {…}]", str(path)))

    def read() -> Iterator[Record]:
        for number, row in enumerate(found, 1):
            where = f"{path.name}, object {number}"
            if not isinstance(row, dict):
                raise InvalidInput(Problem("is not a JSON object", where))
            yield _record(row, where, where)

    return _with_columns(Table(path.name, (), read))


def _record(row: dict[str, Any], where: str, place: str) -> Record:
    """Return a row; that of a chat file becomes {"input", "answer", "system"}.

    The answer is the last message, if that is the assistant's, and else another column.
    """
    messages = row.get("messages")
    if not isinstance(messages, list):
        return Record(row, place)

    def fail(key: str, said: str, fix: str) -> InputError:
        return InvalidInput(Problem.at(where, said, fix))

    turns: list[Any] = []
    system: list[str] = []
    for message in messages:
        told = isinstance(message, dict) and message.get("role") in SYSTEM
        (system if told else turns).append(message.get("content") if told else message)
    values, tool = {key: value for key, value in row.items() if key != "messages"}, ""
    if turns and isinstance(turns[-1], dict) and turns[-1].get("role") == "assistant":
        try:
            answer, tool = answered(turns.pop())
        except Unusable as error:
            if str(error) != NO_ANSWER:
                raise fail("", f"the answer cannot be used: {error}", "remove it") from error
            answer = ""
        values = {"answer": json.loads(answer) if tool else answer}
    text = conversation({"messages": turns}, fail)
    values = {"input": text, **values, "system": "\n".join(map(str, system))}
    return Record(values, place, is_input=True, tool=tool)


def _parquet(path: Path, encoding: str) -> Table:
    from pyarrow.parquet import ParquetFile

    with _readable_parquet(path):
        columns = tuple(ParquetFile(path).schema_arrow.names)

    def read() -> Iterator[Record]:
        number = 0
        with _readable_parquet(path):
            for batch in ParquetFile(path).iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield Record(row, f"{path.name}, row {number}")

    return Table(path.name, columns, read)


@contextmanager
def _readable_parquet(path: Path) -> Iterator[None]:
    """Turn an error of the reader, or a value that Python cannot hold, into InputError."""
    from pyarrow import ArrowException

    try:
        yield
    except InputError:
        raise
    except (ArrowException, OSError, ValueError, OverflowError) as error:
        said = f"not a Parquet file that can be read: {' '.join(str(error).split())}"
        raise InvalidInput(Problem(said, str(path))) from error


def _excel(path: Path, encoding: str) -> Table:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    def rows() -> Iterator[tuple[Any, ...]]:
        try:
            with warnings.catch_warnings():  # of what a table does not need, such as styles
                warnings.simplefilter("ignore")
                with closing(load_workbook(path, read_only=True, data_only=True)) as book:
                    yield from book.worksheets[0].iter_rows(values_only=True)
        except InputError:
            raise
        except (InvalidFileException, *DAMAGED) as error:
            said = f"not a readable .xlsx file ({' '.join(str(error).split())})"
            fix = "save it again, or as CSV"
            raise InvalidInput(Problem(said, str(path), fix=fix)) from error

    first = next(rows(), ())
    columns = _header(path, [str(cell or "") for cell in first])

    def read() -> Iterator[Record]:
        for line, cells in enumerate(rows(), 1):
            if line > 1 and any(cell is not None for cell in cells):
                values = zip(columns, cells, strict=False)
                yield Record({name: cell for name, cell in values if name}, f"{path.name}:{line}")

    return Table(path.name, tuple(name for name in columns if name), read)


def _texts(folder: Path) -> Table:
    """Open a folder of texts: a text for each file, labelled by the folder that it is in."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in TEXTS)
    if not files:
        fix = "give a file, or such a folder"
        raise InvalidInput(Problem(f"contains no {', '.join(TEXTS)}", str(folder), fix=fix))

    def read() -> Iterator[Record]:
        for path in files:
            inside = path.relative_to(folder)
            values = {"text": _text(path)}
            if len(inside.parts) > 1:
                values["folder"] = inside.parts[0]
            yield Record(values, str(inside))

    return _with_columns(Table(folder.name, (), read))


def _text(path: Path) -> str:
    """Return the text of a file; of an e-mail the subject and the body."""
    if path.suffix.lower() != ".eml":
        try:
            return path.read_text(encoding=_encoding(path, ""))
        except UnicodeDecodeError as error:
            said = f"not UTF-8 at byte {error.start}"
            raise InvalidInput(Problem(said, str(path), fix="save it as UTF-8")) from error
    mail: Any = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = mail.get_body(preferencelist=("plain", "html"))
    content = body.get_content() if body is not None else ""
    return f"{mail['subject'] or ''}\n\n{content}".strip()


def _database(path: Path, query: str) -> Table:
    if not query:
        fix = 'add --query "SELECT text, label FROM …"'
        raise InvalidInput(Problem("is a database", str(path), key="--query", fix=fix))
    with path.open("rb") as file:
        start = file.read(DUCKDB_AT + len(DUCKDB))
    if start.startswith(SQLITE):
        return _sqlite(path, query)
    if start[DUCKDB_AT:] != DUCKDB:
        said = "neither a DuckDB nor a SQLite database"
        raise InvalidInput(Problem(said, str(path), fix="export it as CSV"))
    from distill.store.readonly import query as read_only

    try:
        columns, rows = read_only(path, query)
    except DistillError as error:
        said = " ".join(str(error).split())
        raise InputError(said if str(path) in said else f"{path}: {said}") from error

    def read() -> Iterator[Record]:
        for number, row in enumerate(rows, 1):
            yield Record(dict(zip(columns, row, strict=True)), f"{path.name}, row {number}")

    return Table(path.name, tuple(columns), read)


def _sqlite(path: Path, query: str) -> Table:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            cursor = database.execute(query)
            columns = tuple(column[0] for column in cursor.description or ())
            rows = cursor.fetchall()
    except sqlite3.Error as error:
        problem = Problem(f"--query failed: {error}", str(path), key="--query")
        raise InvalidInput(problem) from error

    def read() -> Iterator[Record]:
        for number, row in enumerate(rows, 1):
            yield Record(dict(zip(columns, row, strict=True)), f"{path.name}, row {number}")

    return Table(path.name, columns, read)


def _dataset(name: str) -> Table:
    """Open the training split of a data set of the Hugging Face hub."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    try:
        rows: Any = load_dataset(name, split="train", streaming=True)
        columns = tuple(rows.column_names or ())
    except (DatasetNotFoundError, OSError, ValueError) as error:
        said = f"the data set {name} of the Hugging Face hub cannot be read: {error}"
        raise InvalidInput(Problem(said, fix="if it is a file, give its path")) from error

    def read() -> Iterator[Record]:
        for number, row in enumerate(rows, 1):
            yield Record(row, f"{name}, row {number}")

    return Table(name, columns, read)


def _with_columns(table: Table, rows: int = 1000) -> Table:
    """Return a table with the columns of its first rows."""
    columns: dict[str, None] = {}
    for number, record in enumerate(table.read()):
        columns |= dict.fromkeys(record.values)
        if number == rows:
            break
    return replace(table, columns=tuple(columns))


def text_of(value: Any) -> str:
    """Return a cell as text; "" for an empty one. Lone surrogates are replaced."""
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return replace_lone_surrogates(str(value)).strip()


READERS: Mapping[str, Callable[[Path, str], Table]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".parquet": _parquet,
    ".xlsx": _excel,
}
