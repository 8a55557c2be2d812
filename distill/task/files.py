"""Readers of a task's files, with errors that name the file and the line."""

import json
import stat
from pathlib import Path
from typing import Any

from distill.core.dataset import LabelledExample, ReviewDecision
from distill.core.errors import InputError
from distill.core.evaluation import Preference
from distill.core.text import fold, replace_lone_surrogates
from distill.task.answer_json import is_shallow
from distill.task.kinds import AnswerForm
from distill.task.kinds.extract import Fields
from distill.task.kinds.json_schema import inline, schema_problem

MAX_BYTES = 1_000_000_000  # max size of a task's file, which is read into memory


def read_labelled(
    path: Path, form: AnswerForm, *, optional: bool = False
) -> tuple[LabelledExample, ...]:
    """Read the rows {"input", "label"} or {"input", "answer"} of a JSON-lines file.

    With `optional`, a row without an answer gets the answer "". Raises InputError, with file and
    line, if a row is invalid.
    """
    rows = []
    for line, row in json_lines(path):
        where, text = f"{path}:{line}", row.get("input")
        if not isinstance(text, str) or not text.strip():
            raise InputError(f'{where}: "input" must be a string that is not empty')
        without = optional and form.key not in row
        answer = "" if without else _answer(where, form, row.get(form.key))
        rows.append(LabelledExample(replace_lone_surrogates(text).strip(), answer, path.name, line))
    return tuple(rows)


def read_examples(path: Path, form: AnswerForm) -> tuple[LabelledExample, ...]:
    """Read the training rows that people labelled.

    Returns () if there is no file. Raises InputError, with file and line, if a row is invalid.
    """
    return read_labelled(path, form) if path.exists() else ()


def _answer(where: str, form: AnswerForm, value: object) -> str:
    try:
        return form.of_row(value)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def read_reviews(path: Path, form: AnswerForm) -> tuple[ReviewDecision, ...]:
    """Read a reviewer's decisions, the rows {"input", "answer"} of a JSON-lines file.

    The last decision on an input counts. The answer null rejects the input. Returns () if there is
    no file. Raises InputError, with file and line, if a row is invalid.
    """
    rows: dict[str, ReviewDecision] = {}
    for line, row in json_lines(path) if path.exists() else ():
        text, answer = row.get("input"), row.get("answer")
        if not isinstance(text, str):
            raise InputError(f'{path}:{line}: "input" must be a string')
        if "answer" not in row:
            raise InputError(f'{path}:{line}: "answer" is missing: add it, or null to reject')
        right = None if answer is None else _answer(f"{path}:{line}", form, answer)
        text = replace_lone_surrogates(text)
        rows[fold(text)] = ReviewDecision(text, right, path.name, line)
    return tuple(rows.values())


def read_preferences(path: Path, form: AnswerForm) -> tuple[Preference, ...]:
    """Read people's comparisons of two answers, the rows {"input", "first", "second", "better"}.

    Returns () if there is no file. Raises InputError, with file and line, if a row is invalid.
    """
    rows = []
    for line, row in json_lines(path) if path.exists() else ():
        where, text, better = f"{path}:{line}", row.get("input"), row.get("better")
        if not isinstance(text, str) or not text.strip():
            raise InputError(f'{where}: "input" must be a string that is not empty')
        if better not in ("first", "second", "same"):
            raise InputError(f'{where}: "better" is {better!r}; known: first, second, same')
        first, second = (_answer(where, form, row.get(key)) for key in ("first", "second"))
        if first == second:
            raise InputError(f"{where}: both answers are the same: remove the row")
        rows.append(
            Preference(
                replace_lone_surrogates(text).strip(), first, second, better, path.name, line
            )
        )
    return tuple(rows)


def read_schema(path: Path) -> Fields:
    """Read the schema of an extract task's answers.

    Raises InputError, with the problem, if the schema is invalid or unsupported.
    """
    try:
        schema = json.loads(read_text(path), object_hook=_readable_texts)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # e.g. a number of 5,000 digits, or "[[[[…"
        raise InputError(f"{path}: not valid JSON: {error}") from error
    if is_shallow(schema):
        schema = inline(schema)
    if problem := schema_problem(schema):
        raise InputError(f"{path}: {problem}")
    return Fields(schema)


def _readable_texts(part: dict[str, Any]) -> dict[str, Any]:
    """Replace the lone surrogates in a JSON object, since a request cannot contain them."""
    return {
        replace_lone_surrogates(key): replace_lone_surrogates(value)
        if isinstance(value, str)
        else value
        for key, value in part.items()
    }


def read_inputs(path: Path) -> tuple[str, ...]:
    """Read the inputs of a JSON-lines file with rows {"input"}.

    Returns () if there is no file. Raises InputError, with file and line, if a row is invalid.
    """
    if not path.exists():
        return ()
    rows = [(line, row.get("input")) for line, row in json_lines(path)]
    for line, text in rows:
        if not isinstance(text, str):
            raise InputError(f'{path}:{line}: "input" must be a string')
    return tuple(replace_lone_surrogates(str(text)).strip() for _, text in rows)


def json_lines(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Read the rows of a JSON-lines file as (line number, object).

    A first line {"about": …} is skipped as a header. Only a newline ends a row, and not a separator
    such as U+2028. Raises InputError, with file and line, if a row is not a JSON object.
    """
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:  # e.g. a number of 5,000 digits, or "[[[[…"
            said = error.msg if isinstance(error, json.JSONDecodeError) else error
            raise InputError(f"{path}:{number}: not valid JSON: {said}") from error
        if not isinstance(row, dict):
            raise InputError(f'{path}:{number}: a row must be a JSON object, like {{"input": …}}')
        if not (number == 1 and set(row) == {"about"}):
            rows.append((number, row))
    return rows


def read_text(path: Path) -> str:
    """Read a text file without its byte order mark.

    Raises InputError if the file is missing, not a regular file, larger than MAX_BYTES, unreadable
    or not UTF-8.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise InputError(f"{path} is not a regular file")
        if about.st_size > MAX_BYTES:
            raise InputError(f"{path} has {about.st_size:,} bytes; the maximum is {MAX_BYTES:,}")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}: save it as UTF-8") from error
