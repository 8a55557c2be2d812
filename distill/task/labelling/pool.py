"""The texts of a task that people can label, and the rows that they have labelled.

The order of the texts comes from a hash of each. So it is random, and the next call continues it.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from distill.core.dataset import LabelledExample
from distill.core.errors import InputError, InvalidInput, Problem
from distill.core.sample_size import sample_size_for_margin
from distill.core.text import fold, stable_hash
from distill.task import EXAMPLES
from distill.task.files import (
    Place,
    Row,
    any_input,
    json_lines,
    read_examples,
    read_inputs,
    read_labelled,
)
from distill.task.gold import count_once
from distill.task.input_rows import INPUT, MESSAGES
from distill.task.kinds import AnswerForm
from distill.task.kinds.generate import Text
from distill.task.loading import read_form
from distill.task.spec import TaskSpec

GOLD, INPUTS = "gold.jsonl", "inputs.jsonl"
LOG = "labelling.jsonl"  # skipped texts and second answers; not a part of the task's hash
DRAWN = "drawn"  # key of a gold row that was drawn from production, with the day


@dataclass(frozen=True)
class Pool:
    """The texts and the labelled rows of a task.

    `drawn`: folded text → the gold row that a person labelled after a random draw.
    `waiting`: the texts that nobody labelled or skipped, in the random order.
    `log`: the rows of labelling.jsonl.
    `gold`: all rows of gold that count.
    """

    spec: TaskSpec
    form: AnswerForm
    folder: Path
    gold: tuple[LabelledExample, ...]
    drawn: Mapping[str, LabelledExample]
    waiting: tuple[str, ...]
    log: tuple[Mapping[str, Any], ...]

    @cached_property
    def skipped(self) -> tuple[str, ...]:
        """The texts that a person skipped, and that nobody has labelled since."""
        texts = dict.fromkeys(str(row.get("input")) for row in self.log if "skipped" in row)
        return tuple(text for text in texts if fold(text) not in self.drawn)

    @property
    def gold_needed(self) -> int:
        """The number of test rows that the task's margin needs."""
        return sample_size_for_margin(self.spec.evaluate.margin)

    @property
    def proof(self) -> str:
        """The sentence on the number of test rows, and on how many more the margin needs."""
        tested, needed = len(self.gold), self.gold_needed
        margin = f"the margin of {100 * self.spec.evaluate.margin:g} points"
        if tested >= needed:
            return f"{tested:,} test rows, enough for {margin}."
        return (
            f"{tested:,} test rows; {margin} needs about {needed:,}, so {needed - tested:,} more."
        )


def read_pool(prompts: Path, name: str) -> Pool:
    """Read the texts and the labelled rows of a task, which need not have gold or seeds yet.

    Raises InvalidInput with the problems of a file, and for a task without texts.
    """
    spec, form = read_form(prompts, name)
    folder = prompts / name
    inputs = read_inputs(folder / INPUTS)
    if not any(inputs):
        fix = 'write texts from production into it, one a line, like {"input": "Where is it?"}'
        raise InvalidInput(Problem("has no texts to label", str(folder / INPUTS), fix=fix))
    rows = _gold(folder / GOLD, form)
    marked = {line for line, row in _lines(folder / GOLD) if DRAWN in row}
    drawn: dict[str, LabelledExample] = {}
    for row in rows:
        if row.line in marked:
            drawn.setdefault(fold(row.input), row)
    log = tuple(_log_row(Place(folder / LOG, line), row) for line, row in _lines(folder / LOG))
    taken = {fold(row.input) for row in (*rows, *_taught(folder, form))}
    taken |= {fold(str(row.get("input"))) for row in log if "skipped" in row}
    return Pool(
        *(spec, form, folder, count_once(rows, form)[0], drawn),
        waiting=random_order(inputs, taken),
        log=log,
    )


def _gold(path: Path, form: AnswerForm) -> tuple[LabelledExample, ...]:
    return read_labelled(path, form, optional=isinstance(form, Text)) if path.exists() else ()


def _taught(folder: Path, form: AnswerForm) -> Iterator[LabelledExample]:
    """Yield the labelled rows that are not tested on."""
    for name in ("seeds.jsonl", EXAMPLES):
        yield from read_examples(folder / name, form)


def _log_row(place: Place, row: Row) -> Row:
    """Return a row of the log with a conversation as an input."""
    return row | {INPUT: any_input(place, row)} if MESSAGES in row or INPUT in row else row


def _lines(path: Path) -> list[tuple[int, dict[str, Any]]]:
    return json_lines(path) if path.exists() else []


def random_order(inputs: tuple[str, ...], taken: set[str]) -> tuple[str, ...]:
    """Return each different text once, without those `taken`, by a hash of its folded form."""
    first: dict[str, str] = {}
    for text in inputs:
        if text:
            first.setdefault(fold(text), text)
    order = sorted(first.keys() - taken, key=row_id)
    return tuple(first[folded] for folded in order)


def row_id(folded: str) -> str:
    """Return the id of a folded text, by which texts are ordered and found in a spreadsheet."""
    return stable_hash(["label", folded])


@contextmanager
def labelling_alone(folder: Path) -> Iterator[None]:
    """Keep other labelling processes out of a task's folder during the block.

    Raises InputError if another process is labelling.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{folder}: another `distill label` is at work on this task: wait for it or end it"
            ) from error
        yield
    finally:
        os.close(handle)
