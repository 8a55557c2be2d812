"""Rules on the rows of several files: contradictions and copies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from distill.core.errors import Problem
from distill.core.text import fold
from distill.lint.finding import GOLD, INPUTS, SEEDS, of_input
from distill.task import EXAMPLES, Task
from distill.task.gold import contradiction, contradictions

MOST_COMPARED = 100_000  # rows compared for near copies, which takes under two seconds
FILES = (GOLD, SEEDS, EXAMPLES, INPUTS)


def seeds_contradict(task: Task) -> Iterator[Problem]:
    """Yield the seeds that give another answer to the input of an earlier seed."""
    for pair in contradictions(task.seeds, task.form):
        yield contradiction(task.folder, *pair)


def examples_contradict(task: Task) -> Iterator[Problem]:
    """Yield the examples that give another answer to the input of a seed or an earlier example."""
    for first, second in contradictions((*task.seeds, *task.examples), task.form):
        if second.file == EXAMPLES:
            yield contradiction(task.folder, first, second)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a task's file: its index in the file's rows, and its answer, None for an input."""

    file: str
    place: int
    text: str
    answer: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class _Copies:
    """The rows of a file that equal or nearly equal a row of a file: how many, and the first."""

    count: int
    first: _Row
    twin: _Row


def copies(task: Task) -> Iterator[Problem]:
    """Yield a problem for each two files with equal or nearly equal rows.

    Near copies are searched among the first MOST_COMPARED rows with MinHash, whose time grows with
    the number of rows. Copies within gold, and seeds too close to gold, have checks of their own.
    An input that equals a gold row is no fault, since people label rows of inputs.jsonl as gold.
    """
    rows = list(_rows(task))
    found: dict[tuple[str, str], _Copies] = {}
    for row, twin in _twins(rows, task):
        if _is_fault(row, twin, task):
            pair = (row.file, twin.file)
            before = found.get(pair, _Copies(0, row, twin))
            found[pair] = _Copies(before.count + 1, before.first, before.twin)
    for one in found.values():
        yield _problem(task, rows, one)


def _rows(task: Task) -> Iterator[_Row]:
    for file, labelled in ((GOLD, task.gold), (SEEDS, task.seeds), (EXAMPLES, task.examples)):
        for place, row in enumerate(labelled):
            yield _Row(file, place, row.input, row.answer, row.line)
    for place, text in enumerate(task.inputs):
        yield _Row(INPUTS, place, text, None, None)


def _twins(rows: Sequence[_Row], task: Task) -> Iterator[tuple[_Row, _Row]]:
    """Yield each row that equals or nearly equals an earlier row, with the first such row."""
    from distill.text.near_duplicates import near_pairs

    first: dict[str, int] = {}
    twins: dict[int, int] = {}
    for place, row in enumerate(rows):
        if (other := first.setdefault(fold(row.text), place)) != place:
            twins[place] = other
    if near := task.spec.curate.near_duplicates:
        for pair in near_pairs([row.text for row in rows[:MOST_COMPARED]], near):
            twins.setdefault(pair.second, pair.first)
    for place in sorted(twins):
        yield rows[place], rows[twins[place]]


def _is_fault(row: _Row, twin: _Row, task: Task) -> bool:
    if twin.file == GOLD and row.file in (GOLD, SEEDS):
        return False  # the rules on gold and the leak gate tell these
    is_equal = fold(row.text) == fold(twin.text)
    if row.file == INPUTS:
        return twin.file != GOLD or not is_equal
    if row.file == SEEDS and not is_equal:
        return False  # all seeds are wanted
    return not task.form.contradict(row.answer or "", twin.answer or "")


def _problem(task: Task, rows: Sequence[_Row], found: _Copies) -> Problem:
    row, twin = found.first, found.twin
    total = sum(one.file == row.file for one in rows)
    message = (
        f"{found.count:,} of {total:,} rows equal or nearly equal {_of(row, twin)}, first this one"
    )
    fix = "remove them: curation drops copies"
    if twin.file == GOLD:
        fix = "remove them: the leak gate drops rows that are too close to gold"
    if row.file == INPUTS:
        fix += ", even if their answers were paid for"
        other = of_input(task, twin.place, "", "").line if twin.line is None else twin.line
        return of_input(task, row.place, f"{message} and {twin.file}:{other}", fix)
    told = f"{message} and {twin.file}:{twin.line}"
    return Problem(told, str(task.folder / row.file), row.line, "input", fix)


def _of(row: _Row, twin: _Row) -> str:
    return "an earlier row" if row.file == twin.file else f"a row of {twin.file}"
