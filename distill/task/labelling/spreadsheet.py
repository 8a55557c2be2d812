"""Rows to label in a spreadsheet: out as CSV, and back in.

A classify task has the column `label` and a generate task `answer`. An extract task has a column
for each field, and `done` for a text that has none of them.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distill.core.conversation import as_text
from distill.core.errors import Gathered, Problem
from distill.core.text import fold
from distill.task.gold import agree
from distill.task.kinds import AnswerForm
from distill.task.kinds.classify import Labels
from distill.task.kinds.extract import Fields
from distill.task.labelling.answers import check_verbatim, known_label, value_of
from distill.task.labelling.pool import GOLD, Pool, row_id
from distill.task.labelling.session import append_rows, gold_row
from distill.task.spreadsheet import ENCODING, FORMULA, SheetRow, cell, read_sheet

MOST_CHARS = 32_000  # of a cell; spreadsheets cut longer texts
FIELD = "answer."  # before a field's name in the header
DONE = "done"


def columns_of(form: AnswerForm) -> list[str]:
    """Return the columns that a person fills in."""
    if isinstance(form, Fields):
        return [*(f"{FIELD}{name}" for name in form.names), DONE]
    return [form.key]


def export_texts(pool: Pool, path: Path, count: int) -> int:
    """Write the next `count` texts to label, and return their number."""
    texts = pool.waiting[:count]
    columns = columns_of(pool.form)
    with path.open("w", encoding=ENCODING, errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *columns, "input"])
        for text in texts:
            shown = cell(as_text(text), MOST_CHARS)
            writer.writerow([row_id(fold(text)), *("" for _ in columns), shown])
    return len(texts)


def import_answers(pool: Pool, path: Path) -> int:
    """Append the labelled rows of a spreadsheet to gold, and return their number.

    Rows without an answer are left for later. Raises InvalidInput with the problems of all rows,
    before anything is written.
    """
    known = {row_id(fold(text)): text for text in (*pool.waiting, *pool.skipped)}
    done = {row_id(folded): row for folded, row in pool.drawn.items()}
    found: dict[str, str] = {}
    gathered = Gathered()
    for line, row in read_sheet(path, ["id", *columns_of(pool.form)]):
        try:
            answer = _answer(row, pool.form)
            if answer is None:
                continue
            id_ = (row["id"] or "").strip()
            if id_ in done:
                _check_same(answer, done[id_].answer, pool.form)
            elif id_ not in known:
                raise ValueError(
                    f"{id_!r} is not the id of a text that waits for a label; restore the id of "
                    "the export"
                )
            elif id_ in found:
                _check_same(answer, found[id_], pool.form)
            else:
                check_verbatim(known[id_], answer, pool.form)
                found[id_] = answer
        except ValueError as error:
            said, _, fix = str(error).partition("; ")
            gathered.add(Problem(said, str(path), line, fix=fix))
    gathered.check()
    rows = [gold_row(known[id_], answer, pool.form) for id_, answer in found.items()]
    if rows:
        append_rows(pool.folder / GOLD, rows)
    return len(found)


def _answer(row: SheetRow, form: AnswerForm) -> str | None:
    """Return the answer of a row; None if nobody filled it in."""
    cells = {name: (row[name] or "").strip() for name in columns_of(form)}
    if not any(cells.values()):
        return None
    if isinstance(form, Labels):
        return known_label(cells[form.key], form)
    if isinstance(form, Fields):
        return form.of_row(dict(_values(cells, form)))
    return form.of_row(_unquoted(cells[form.key]))


def _values(cells: Mapping[str, str], form: Fields) -> Iterator[tuple[str, Any]]:
    for name, part in form.schema["properties"].items():
        if text := _unquoted(cells[f"{FIELD}{name}"]):
            try:
                yield name, value_of(part, text)
            except ValueError as error:
                raise ValueError(f"{FIELD}{name}: {error}") from error


def _unquoted(text: str) -> str:
    """Remove the apostrophe that keeps a spreadsheet from reading a formula."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text


def _check_same(answer: str, other: str, form: AnswerForm) -> None:
    if not agree(answer, other, form):
        raise ValueError(
            f"{_shown(answer)}, but this text is already labelled {_shown(other)}; correct one"
        )


def _shown(answer: str) -> str:
    return repr(answer if len(answer) <= 80 else answer[:79] + "…")
