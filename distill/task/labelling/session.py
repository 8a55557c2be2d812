"""A session of labelling: the next text, and a person's answers, each written at once.

Some texts come a second time, so that the answers show how well people agree with themselves.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from distill.core.conversation import input_row
from distill.core.errors import InputError
from distill.core.text import fold, stable_hash
from distill.task.files import Place, any_input, ends_a_line
from distill.task.gold import agree
from distill.task.kinds import AnswerForm
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text
from distill.task.labelling.pool import DRAWN, GOLD, LOG, Pool

GAP = 10  # labelled rows between the two times that a text is shown
FIRST_REPEAT = 15  # labelled rows before the first text comes again
EVERY = 5  # labelled rows from one repeat to the next


@dataclass(frozen=True, slots=True)
class ShownText:
    """A text to label; `first` is the answer that it already has, None if it has none."""

    text: str
    first: str | None = None

    @property
    def folded(self) -> str:
        """The folded text, by which rows are found."""
        return fold(self.text)


class Session:
    """The state of a session of labelling.

    `repeats`: the number of texts that people label twice, over all sessions. Texts of a generate
    task have many right answers, so none comes again.
    """

    def __init__(self, pool: Pool, repeats: int) -> None:
        self.pool = pool
        self.labelled: dict[str, ShownText] = {}  # of this session and of earlier ones, in order
        self.repeats = 0 if isinstance(pool.form, Text) else repeats
        self.new = self.skipped = 0
        self._waiting = list(reversed(pool.waiting))
        self._repeated = {fold(str(row["input"])) for row in pool.log if "first" in row}
        self._undo: list[tuple[ShownText, Callable[[], None]]] = []
        for folded, row in pool.drawn.items():
            self.labelled[folded] = ShownText(row.input, row.answer)

    @property
    def steps(self) -> int:
        """The number of answers and skips in this session that are not taken back."""
        return len(self._undo)

    def next(self) -> ShownText | None:
        """Return the text to show; None if all are labelled."""
        if again := self._due_again():
            return again
        return ShownText(self._waiting[-1]) if self._waiting else None

    def _due_again(self) -> ShownText | None:
        count, done = len(self.labelled), len(self._repeated)
        is_due = count >= FIRST_REPEAT + EVERY * done or not self._waiting
        if done >= self.repeats or not is_due:
            return None
        old = list(self.labelled.values())[: max(0, count - GAP)]
        left = [row for row in old if row.folded not in self._repeated]
        return min(left, key=lambda row: stable_hash(["again", row.folded]), default=None)

    def save(self, shown: ShownText, answer: str) -> None:
        """Append a labelled text to gold."""
        take_back = self._append(GOLD, gold_row(shown.text, answer, self.pool.form))
        self.labelled[shown.folded] = ShownText(shown.text, answer)
        self._waiting.pop()
        self.new += 1

        def undo() -> None:
            take_back()
            del self.labelled[shown.folded]
            self._waiting.append(shown.text)
            self.new -= 1

        self._undo.append((shown, undo))

    def save_second(self, shown: ShownText, second: str | None, right: str | None = None) -> None:
        """Record the answer to a text that was shown again; None if it was skipped.

        `right`: the answer that the person chose of two different ones. Gold gets it.
        """
        first, form = shown.first or "", self.pool.form
        row: dict[str, Any] = {**input_row(shown.text), "first": in_file(first, form)}
        if second is not None:
            row |= {"second": in_file(second, form), "same": agree(first, second, form)}
        changed = right is not None and right != first
        if right is not None:
            row["right"] = in_file(right, form)
        if changed and right is not None:  # first, since gold counts
            self._replace(shown, right)
        take_back = self._append(LOG, row)
        self._repeated.add(shown.folded)

        def undo() -> None:
            if changed:
                self._replace(shown, first)
            take_back()
            self._repeated.remove(shown.folded)

        self._undo.append((shown, undo))

    def skip(self, shown: ShownText) -> None:
        """Record that a person could not label a text. It does not come again."""
        if shown.first is not None:
            self.save_second(shown, None)
            return
        take_back = self._append(LOG, {**input_row(shown.text), "skipped": _today()})
        self._waiting.pop()
        self.skipped += 1

        def undo() -> None:
            take_back()
            self._waiting.append(shown.text)
            self.skipped -= 1

        self._undo.append((shown, undo))

    def undo(self) -> ShownText | None:
        """Take back the last step of this session and return its text; None without a step."""
        if not self._undo:
            return None
        shown, undo = self._undo[-1]
        undo()
        self._undo.pop()
        return shown

    def _append(self, name: str, row: Mapping[str, Any]) -> Callable[[], None]:
        """Append a row to a file of the task; return the function that removes it again."""
        path = self.pool.folder / name
        before, after = append_rows(path, [row])

        def take_back() -> None:
            if path.stat().st_size != after:
                raise InputError(f"{path} was edited since: correct its last row by hand")
            with path.open("r+b") as file:
                file.truncate(before)

        return take_back

    def _replace(self, shown: ShownText, answer: str) -> None:
        """Give a row of gold another answer."""
        path, form = self.pool.folder / GOLD, self.pool.form
        lines = path.read_bytes().split(b"\n")  # other rows keep every byte
        for number, line in enumerate(lines):
            row = json.loads(line) if line.strip() else {}
            if DRAWN in row and fold(any_input(Place(path, number), row)) == shown.folded:
                new = row | {form.key: in_file(answer, form)}
                lines[number] = json.dumps(new, **_AS_TEXT).encode()
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(b"\n".join(lines))
        partial.replace(path)
        self.labelled[shown.folded] = ShownText(shown.text, answer)


_AS_TEXT: Mapping[str, Any] = {"ensure_ascii": False}


def gold_row(text: str, answer: str, form: AnswerForm) -> dict[str, Any]:
    """Return the row of gold for a drawn text and a person's answer."""
    return {**input_row(text), form.key: in_file(answer, form), DRAWN: _today()}


def in_file(answer: str, form: AnswerForm) -> Any:
    """Return an answer as a file has it: an object of an extract task, else a text."""
    return json.loads(answer) if isinstance(form, Fields) else answer


def append_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Append rows to a JSON-lines file in one write; return its size before and after, in bytes."""
    text = "".join(json.dumps(row, **_AS_TEXT) + "\n" for row in rows)
    before = path.stat().st_size if path.exists() else 0
    if not ends_a_line(path):
        text = "\n" + text
    with path.open("ab") as file:
        file.write(text.encode())
    return before, before + len(text.encode())


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
