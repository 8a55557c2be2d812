"""Readers of a task's files, with errors that name the file and the line."""

import json
import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from distill.core.conversation import encode_text
from distill.core.dataset import LabelledExample, ReviewDecision
from distill.core.errors import Gathered, InvalidInput, Problem
from distill.core.evaluation import Preference
from distill.core.text import fold, replace_lone_surrogates
from distill.task.input_rows import INPUT, MESSAGES, conversation, is_text, text_input
from distill.task.kinds import AnswerForm

Row = dict[str, Any]
Found = TypeVar("Found")
ONE_A_LINE = 'write one JSON object on each line, like {"input": "…"}'
CSV = "looks like CSV"
FROM_CSV = "`distill new NAME --from FILE` makes a task from CSV"
OTHER_ENDS = (".csv", ".tsv", ".json", ".ndjson", ".txt", ".jsonlines")
# Other names of the keys "input", and "label" or "answer", in lower case.
INPUT_NAMES = ("text", "message", "question", "prompt", "content", "query", "sentence", "document")
ANSWER_NAMES = (
    *("label", "answer", "output", "category", "class", "target", "completion", "response"),
    *("expected", "intent", "tag"),
)
# What json says of a line → the remedy.
JSON_FIXES = {
    "Extra data": "one object on each line, with nothing after it",
    "Expecting property name": 'write each key in double quotes, and no comma before "}"',
    "Illegal trailing comma": 'remove the comma before "}"',
    "Invalid control character": "write a line break within a text as \\n",
    "Unterminated string": "write a line break within a text as \\n",
    "Expecting ',' delimiter": 'write a quote within a text as \\"',
    "Invalid \\escape": "write a backslash as \\\\",
    "Expecting value": "write each text in double quotes",
}
MISSING = {
    "gold.jsonl": "write rows into it that people labelled, one JSON object on each line",
    "seeds.jsonl": "write a few labelled rows into it for the teacher, none of them from gold",
    "schema.json": "write the JSON Schema of the answers into it",
}
COPY = "copy it from a bundled task (`distill new NAME --like classify`), and adapt it"
MAX_BYTES = 1_000_000_000  # max size of a task's file, which is read into memory


@dataclass(frozen=True, slots=True)
class Place:
    """The file and the line of a row."""

    path: Path
    line: int

    def problem(self, key: str, message: str, fix: str = "") -> InvalidInput:
        """Return the error of a key of the row."""
        return InvalidInput(Problem(message, str(self.path), self.line, key, fix))


def read_labelled(
    path: Path, form: AnswerForm, *, optional: bool = False
) -> tuple[LabelledExample, ...]:
    """Read the rows {"input", "label"} or {"input", "answer"} of a JSON-lines file.

    A row may have "messages", a conversation, in place of "input". With `optional`, a row without
    an answer gets the answer "". Raises InvalidInput with the problems of all rows.
    """

    def read(place: Place, row: Row) -> LabelledExample:
        gathered = Gathered()
        text = gathered.of(lambda: _text(place, row), "")
        without = optional and form.key not in row
        answer = "" if without else gathered.of(lambda: _labelled(place, form, row), "")
        gathered.check()
        return LabelledExample(text, answer, path.name, place.line)

    return tuple(_each_row(path, read))


def read_examples(path: Path, form: AnswerForm) -> tuple[LabelledExample, ...]:
    """Read the training rows that people labelled.

    Returns () if there is no file. Raises InvalidInput with the problems of all rows.
    """
    return read_labelled(path, form) if path.exists() else ()


def _text(place: Place, row: Row) -> str:
    """Return the input of a row: a text without space at its ends, or a conversation."""
    if MESSAGES in row:
        return conversation(row, place.problem)
    if INPUT not in row:
        fix = _rename(row, INPUT, INPUT_NAMES) or 'add it, like {"input": "…"}'
        raise place.problem(INPUT, '"input" is missing', fix)
    text = row[INPUT]
    if not is_text(text):
        raise place.problem(INPUT, '"input" must be a string that is not empty')
    return text_input(text)


def _labelled(place: Place, form: AnswerForm, row: Row) -> str:
    if form.key not in row:
        fix = _rename(row, form.key, ANSWER_NAMES) or f'add it, like "{form.key}": …'
        raise place.problem(form.key, f'"{form.key}" is missing', fix)
    return _answer(place, form, row[form.key])


def _rename(row: Row, wanted: str, others: Sequence[str]) -> str:
    """Return the remedy for a row whose key has another name; "" if no key looks like it."""
    found = next((key for key in row if key.strip().casefold() in (wanted, *others)), "")
    return f'rename "{found}" to "{wanted}"' if found else ""


def _answer(place: Place, form: AnswerForm, value: object, key: str = "") -> str:
    try:
        return form.of_row(value)
    except ValueError as error:
        message, _, fix = str(error).partition("; ")
        raise place.problem(key or form.key, message, fix) from error


def read_reviews(path: Path, form: AnswerForm) -> tuple[ReviewDecision, ...]:
    """Read a reviewer's decisions, the rows {"input", "answer"} of a JSON-lines file.

    The last decision on an input counts. The answer null rejects the input. Returns () if there is
    no file. Raises InvalidInput with the problems of all rows.
    """

    def read(place: Place, row: Row) -> ReviewDecision:
        answer = row.get("answer")
        text = conversation(row, place.problem) if MESSAGES in row else row.get(INPUT)
        if not isinstance(text, str):
            raise place.problem(INPUT, '"input" must be a string')
        if "answer" not in row:
            raise place.problem("answer", '"answer" is missing', "add it, or null to reject")
        right = None if answer is None else _answer(place, form, answer, "answer")
        found = text if MESSAGES in row else encode_text(replace_lone_surrogates(text))
        return ReviewDecision(found, right, path.name, place.line)

    rows = _each_row(path, read) if path.exists() else []
    return tuple({fold(row.input): row for row in rows}.values())


def read_preferences(path: Path, form: AnswerForm) -> tuple[Preference, ...]:
    """Read people's comparisons of two answers, the rows {"input", "first", "second", "better"}.

    Returns () if there is no file. Raises InvalidInput with the problems of all rows.
    """

    def read(place: Place, row: Row) -> Preference:
        text, better = _text(place, row), row.get("better")
        if better not in ("first", "second", "same"):
            raise place.problem("better", f'"better" is {better!r}', "known: first, second, same")
        first, second = (_answer(place, form, row.get(key), key=key) for key in ("first", "second"))
        if first == second:
            raise place.problem("second", "both answers are the same", "remove the row")
        return Preference(text, first, second, better, path.name, place.line)

    return tuple(_each_row(path, read)) if path.exists() else ()


def read_inputs(path: Path) -> tuple[str, ...]:
    """Read the inputs of a JSON-lines file with rows {"input"} or {"messages"}.

    Returns () if there is no file. Raises InvalidInput with the problems of all rows.
    """
    return tuple(_each_row(path, any_input)) if path.exists() else ()


def any_input(place: Place, row: Row) -> str:
    """Return the input of a row, which may be an empty text. Raises InvalidInput for others."""
    if MESSAGES in row or INPUT not in row:
        return _text(place, row)
    if not isinstance(row[INPUT], str):
        raise place.problem(INPUT, '"input" must be a string')
    return text_input(row[INPUT])


def read_messages(path: Path) -> str:
    """Read a conversation from a JSON file: its turns, or an object with them under "messages".

    Raises InvalidInput for another content.
    """
    try:
        found = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(Problem(f"not valid JSON: {error}", str(path))) from error
    row = found if isinstance(found, dict) else {MESSAGES: found}
    return conversation({MESSAGES: row.get(MESSAGES)}, partial(_problem_of_file, path))


def _problem_of_file(path: Path, key: str, message: str, fix: str) -> InvalidInput:
    return InvalidInput(Problem(message, str(path), key=key, fix=fix))


def _each_row(path: Path, read: Callable[[Place, Row], Found]) -> list[Found]:
    """Read every row of a JSON-lines file. Raises InvalidInput with the problems of all rows."""
    rows, problems = _parsed(path)
    found = []
    for line, row in rows:
        try:
            found.append(read(Place(path, line), row))
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(*sorted(problems, key=lambda problem: problem.line or 0))
    return found


def json_lines(path: Path) -> list[tuple[int, Row]]:
    """Read the rows of a JSON-lines file as (line number, object).

    A first line {"about": …} is skipped as a header. Only a newline ends a row, and not a separator
    such as U+2028. Raises InvalidInput, with file and line of each row that is no JSON object.
    """
    rows, problems = _parsed(path)
    if problems:
        raise InvalidInput(*problems)
    return rows


def _parsed(path: Path) -> tuple[list[tuple[int, Row]], list[Problem]]:
    """Return the rows of a JSON-lines file, and the problems of the lines that are no rows."""
    text = read_text(path)
    if problem := other_form(text):
        fix = f"{ONE_A_LINE}; {FROM_CSV}" if problem == CSV else ONE_A_LINE
        raise InvalidInput(Problem(problem, str(path), 1, fix=fix))
    rows: list[tuple[int, Row]] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:  # e.g. a number of 5,000 digits, or "[[[[…"
            said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            fix = next((fix for start, fix in JSON_FIXES.items() if said.startswith(start)), "")
            problems.append(Problem(f"not valid JSON: {said}", str(path), number, fix=fix))
            continue
        if not isinstance(row, dict):
            said = 'a row must be a JSON object, like {"input": …}'
            problems.append(Problem(said, str(path), number))
        elif not (number == 1 and set(row) == {"about"}):
            rows.append((number, row))
    return rows, problems


def about_of(path: Path) -> str:
    """Return the text of a JSON-lines file's first line {"about": …}; "" without such a line."""
    with path.open(encoding="utf-8-sig") as file:
        line = file.readline()
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    found = row["about"] if isinstance(row, dict) and set(row) == {"about"} else ""
    return replace_lone_surrogates(found) if isinstance(found, str) else ""


def ends_a_line(path: Path) -> bool:
    """True if a file is missing or empty, or if its last line has an end."""
    if not path.exists() or not path.stat().st_size:
        return True
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def other_form(text: str) -> str:
    """Return the form of a text that is no JSON lines but looks like it was meant; "" for none."""
    text = text.lstrip()
    first = text[: text.find("\n") % (len(text) + 1)].strip()  # without a copy of the rest
    if text.startswith("["):
        several = first == "[" or first.startswith("[{")
        return "looks like a JSON array" if several and _is_json(text) else ""
    if first == "{" or (text.startswith("{") and not _is_json(first) and _is_json(text)):
        return "looks like JSON with a row over several lines"
    if first[:1] not in ("{", "[") and re.search(r'[\w"][,;\t][\w"]', first):
        return CSV
    return "looks like plain text" if first[:1].isalpha() else ""


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def read_text(path: Path) -> str:
    """Read a text file without its byte order mark.

    Raises InvalidInput if the file is missing, not a regular file, larger than MAX_BYTES,
    unreadable or not UTF-8.
    """
    file = str(path)
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise InvalidInput(Problem("is not a regular file", file))
        if about.st_size > MAX_BYTES:
            said = f"has {about.st_size:,} bytes; the maximum is {MAX_BYTES:,}"
            raise InvalidInput(Problem(said, file))
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InvalidInput(Problem("is missing", file, fix=_instead(path))) from error
    except OSError as error:
        raise InvalidInput(Problem(f"cannot be read: {error.strerror}", file)) from error
    except UnicodeDecodeError as error:
        said, line = f"not UTF-8 at byte {error.start}", error.object.count(b"\n", 0, error.start)
        raise InvalidInput(Problem(said, file, line + 1, fix="save it as UTF-8")) from error


def _instead(path: Path) -> str:
    """Return the remedy for a missing file of a task; "" for another file."""
    others = [path.with_suffix(end) for end in OTHER_ENDS if path.suffix == ".jsonl"]
    found = next((other.name for other in others if other.is_file()), "")
    if found:
        more = f"; {FROM_CSV}" if found.endswith((".csv", ".tsv")) else ""
        return f"there is {found}; {ONE_A_LINE}{more}"
    return COPY if path.suffix == ".md" else MISSING.get(path.name, "")
