"""Rules on the limits of models: the student's context, providers' schemas, today's model."""

from collections.abc import Iterator, Sequence

from distill.core.dataset import LabelledExample
from distill.core.errors import Problem
from distill.core.students import ENCODER
from distill.lint.finding import INPUTS, of_input
from distill.llm.today import unused_today
from distill.serve.context_length import long_chats
from distill.task import Task
from distill.task.prompts import student_chat
from distill.train.schema_check import schema_problems
from distill.train.trainers import trainer_of

MOST_COUNTED = 2_000  # rows of a file: counting more takes seconds


def refused_schemas(task: Task) -> Iterator[Problem]:
    """Yield the parts of the schema that a provider of the task would refuse."""
    return schema_problems(task)


def unused_keys(task: Task) -> Iterator[Problem]:
    """Yield the keys of `[today]` that the report does not use."""
    if problem := unused_today(task):
        yield problem


def long_gold(task: Task) -> Iterator[Problem]:
    """Yield a problem if gold rows surely have more tokens than the student's context.

    Only counts of the base's own tokenizer are sure. A run counts with it after it has fetched the
    base, and refuses such rows, too.
    """
    places, surely = _long(task, task.gold)
    if places and surely:
        yield _of_row(task, task.gold, places, "has", "the test needs every gold row")


def long_rows(task: Task) -> Iterator[Problem]:
    """Yield a problem for each file with rows that are, or may be, longer than the context."""
    for rows in (task.gold, task.seeds, task.examples):
        places, surely = _long(task, rows)
        if places and not (surely and rows is task.gold):
            verb = "has" if surely else "may have"
            yield _of_row(task, rows, places, verb, "a run drops longer rows")
    inputs = [LabelledExample(text, "", INPUTS, 0) for text in task.inputs[:MOST_COUNTED]]
    places, surely = _long(task, inputs)
    if places:
        told = _told(task, places, len(inputs), "has" if surely else "may have")
        yield of_input(task, places[0], told, _fix("a run drops longer rows"))


def _long(task: Task, rows: Sequence[LabelledExample]) -> tuple[list[int], bool]:
    """Return (indices of rows with more tokens than the context, True if the count is exact).

    An encoder reads the beginning of a long text, so no row is too long for it."""
    spec = task.spec.student
    if trainer_of(spec.trainer).PROVIDER or spec.trainer == ENCODER:
        return [], False
    chats = [student_chat(task, row.input, row.answer) for row in rows[:MOST_COUNTED]]
    return long_chats(chats, spec.context_tokens, spec.base)


def _of_row(
    task: Task, rows: Sequence[LabelledExample], places: Sequence[int], verb: str, why: str
) -> Problem:
    row, counted = rows[places[0]], min(len(rows), MOST_COUNTED)
    told = _told(task, places, counted, verb)
    return Problem(told, str(task.folder / row.file), row.line, "input", _fix(why))


def _told(task: Task, places: Sequence[int], counted: int, verb: str) -> str:
    limit = task.spec.student.context_tokens
    verb = verb if len(places) == 1 or verb != "has" else "have"
    return (
        f"{len(places):,} of the first {counted:,} rows {verb} more than student.context_tokens = "
        f"{limit:,} tokens, first this one"
    )


def _fix(why: str) -> str:
    return f"raise it, or shorten the rows, since {why}"
