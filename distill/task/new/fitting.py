"""Answers of new rows in the form of a task that exists."""

import json
from collections import Counter
from dataclasses import replace

from distill.core.dataset import LabelledExample
from distill.core.errors import InvalidInput, Problem
from distill.core.text import fold
from distill.task import Task
from distill.task.kinds.extract import Fields
from distill.task.new import NewTaskOptions, Reading
from distill.task.new.labels import FEWEST_ROWS, merge_rare
from distill.task.new.schema import with_lists, without_nulls
from distill.task.new.splitting import Row
from distill.task.new.tables import text_of
from distill.task.spec import label_problem

SHOWN = 5


def as_answers(
    task: Task, found: Reading, options: NewTaskOptions, *, new_labels: bool
) -> list[Row]:
    """Return the answered rows, with answers in the task's form and their groups."""
    if options.kind and options.kind != task.spec.kind:
        said = f"--kind {options.kind}: the task {task.name} is of the kind {task.spec.kind}"
        raise InvalidInput(Problem(said, fix="leave --kind out"))
    if task.spec.kind == "classify":
        return _labels(task, found, options, new_labels=new_labels)
    if isinstance(task.form, Fields):
        return _objects(task, task.form, found)
    return [replace(row, answer=text_of(row.answer)) for row in found.rows]


def _labels(task: Task, found: Reading, options: NewTaskOptions, *, new_labels: bool) -> list[Row]:
    """Return the rows with labels in the task's spelling; new labels have at least FEWEST_ROWS."""
    spelt = {fold(label): label for label in task.form.choices}
    labels = [" ".join(text_of(row.answer).split()) for row in found.rows]
    for label in labels:
        spelt.setdefault(fold(label), label)
    labels = [spelt[fold(label)] for label in labels]
    known = set(task.form.choices)
    new = Counter(label for label in labels if label not in known)
    if new and not new_labels:
        raise InvalidInput(
            Problem(
                f"labels that {task.folder / 'task.toml'} does not name: {_counted(new)}",
                found.rows[next(n for n, label in enumerate(labels) if label in new)].place,
                fix="add them with --new-labels, or correct the rows",
            )
        )
    for row, label in zip(found.rows, labels, strict=True):
        if label in new and (problem := label_problem(label)):
            raise InvalidInput(Problem(problem, row.place))
    merged = merge_rare(new, options.merge_rare) if options.merge_rare else {}
    labels = [merged.get(label, label) for label in labels]
    new = Counter(label for label in labels if label not in known)
    rare = Counter({label: count for label, count in new.items() if count < FEWEST_ROWS})
    if rare and not options.drop_rare:
        raise InvalidInput(
            Problem(
                f"new labels with fewer than {FEWEST_ROWS} rows: {_counted(rare)}",
                found.rows[next(n for n, label in enumerate(labels) if label in rare)].place,
                fix="add rows, put them together with --merge-rare other, or leave them out with "
                "--drop-rare",
            )
        )
    if rare:
        found.notes.append(f"left out the labels {', '.join(sorted(rare))}: too few rows")
    return [
        replace(row, answer=label, label=label)
        for row, label in zip(found.rows, labels, strict=True)
        if label not in rare
    ]


def _counted(counts: Counter[str]) -> str:
    shown = ", ".join(f"{label} ({count} rows)" for label, count in counts.most_common(SHOWN))
    more = len(counts) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _objects(task: Task, form: Fields, found: Reading) -> list[Row]:
    """Return the rows with objects that fit the task's schema."""
    before = [json.loads(answer) for answer in answers_by_text(task).values()]
    plain = [without_nulls(row.answer) for row in found.rows]
    for row, value in zip(found.rows, plain, strict=True):
        if not isinstance(value, dict):
            raise _unfit(row, f"the answer {text_of(value)!r} is not an object")
    objects, changed = with_lists([*before, *plain])
    if changed:
        found.notes.append(
            f"made lists of single values, since other rows have lists: {', '.join(changed)}"
        )
    rows = []
    for row, value in zip(found.rows, objects[len(before) :], strict=True):
        try:
            answer = form.of_row(value)
        except ValueError as error:
            raise _unfit(row, str(error)) from error
        if part := form.not_verbatim(row.input, answer):
            raise _unfit(row, f"answer: {part}: is not in the input word for word")
        rows.append(replace(row, answer=value, label=form.group(answer)))
    return rows


def _unfit(row: Row, said: str) -> InvalidInput:
    return InvalidInput(Problem(said, row.place, fix="correct the row or schema.json"))


def labelled(task: Task) -> list[tuple[LabelledExample, bool]]:
    """Return the task's labelled rows, each with True if it is a test row."""
    tested = [(row, True) for row in (*task.gold, *task.copies)]
    return [*tested, *((row, False) for row in (*task.seeds, *task.examples))]


def answers_by_text(task: Task) -> dict[str, str]:
    """Return folded text → answer of the task's labelled rows."""
    return {fold(row.input): row.answer for row, _ in labelled(task)}
