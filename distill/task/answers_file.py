"""The file of answers from production logs, `answers.jsonl`.

A row is {"input", "answer", "model"}, with the input as in `inputs.jsonl`; a conversation is under
"messages". A row with "hint": true is kept for people, and is no label.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from distill.core.conversation import input_row
from distill.core.dataset import LoggedAnswer
from distill.core.errors import InputError
from distill.task.files import Place, any_input, json_lines
from distill.task.kinds import AnswerForm
from distill.task.kinds.extract import Fields

ABOUT = "Answers of production logs, by `distill import`. Not labelled by people."


def read_answers(path: Path, form: AnswerForm) -> tuple[LoggedAnswer, ...]:
    """Read the answers that count as labels, the last one to each input.

    Hints and answers that are invalid in the task's form are left out, so that the teacher is
    asked. Returns () if there is no file. Raises InputError, with file and line, for a row of
    another form.
    """
    found: dict[str, LoggedAnswer] = {}
    for text, row in read_rows(path).items():
        answer = form.of_text(text_of(row["answer"]))
        if not row.get("hint") and form.is_valid(answer):
            found[text] = LoggedAnswer(text, answer, str(row["model"]))
    return tuple(found.values())


def read_rows(path: Path) -> dict[str, dict[str, Any]]:
    """Return the rows by input, hints included; {} if there is no file."""
    found = {}
    for line, row in json_lines(path) if path.exists() else ():
        text = any_input(Place(path, line), row)
        if not isinstance(row.get("model"), str):
            raise InputError(f'{path}:{line}: "model" must be a string')
        if not isinstance(row.get("answer"), str | dict):
            raise InputError(f'{path}:{line}: "answer" must be a string or an object')
        found[text] = row
    return found


def text_of(answer: object) -> str:
    """Return an answer in a row as the text of a model."""
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def row_of(answer: LoggedAnswer, form: AnswerForm, *, is_hint: bool) -> dict[str, Any]:
    """Return the row of an answer; a valid object is written as an object."""
    value: object = answer.answer
    if isinstance(form, Fields) and form.is_valid(answer.answer):
        value = json.loads(answer.answer)
    row = {**input_row(answer.input), "answer": value, "model": answer.model}
    return row | {"hint": True} if is_hint else row


def lines_of(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Return the lines of the file."""
    return [json.dumps(row, ensure_ascii=False) + "\n" for row in ({"about": ABOUT}, *rows)]
