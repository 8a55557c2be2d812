"""The figures that depend on the task's kind: labels, fields or texts."""

from collections.abc import Sequence
from typing import Any

from distill.core.evaluation import Prediction
from distill.report.labels import INVALID, UNUSED, by_field, by_label
from distill.report.loaded import LoadedResults
from distill.report.mistakes import mistakes
from distill.report.out_of_scope import out_of_scope_figures
from distill.task import Task
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text

RIGHT_OR_WRONG = ("student", "teacher")

Figures = dict[str, Any]


def answer_figures(task: Task, results: LoadedResults) -> Figures:
    """Return `labels` or `fields` with the figures of student and teacher; {} for texts.

    A task with the label `other` also has `out_of_scope`.
    """
    if isinstance(task.form, Fields):
        return {"fields": _field_figures(task, task.form, results)}
    if isinstance(task.form, Text):
        return {}
    return {"labels": _label_figures(task, results), **out_of_scope_figures(task, results)}


def _field_figures(task: Task, form: Fields, results: LoadedResults) -> list[Figures]:
    found = {
        name: by_field(form, expected_answers(task, rows), given_answers(rows))
        for name, rows in results.predictions.items()
        if name in RIGHT_OR_WRONG
    }
    return [
        {"field": field, **{name: fields.get(field, UNUSED) for name, fields in found.items()}}
        for field in dict.fromkeys((*found["student"], *found["teacher"]))
    ]


def _label_figures(task: Task, results: LoadedResults) -> list[Figures]:
    labels = task.form.choices
    found = {
        name: by_label(expected_answers(task, rows), given_answers(rows), labels)
        for name, rows in results.predictions.items()
        if name in RIGHT_OR_WRONG
    }
    return [
        {"label": label, **{name: known[label] for name, known in found.items()}}
        for label in labels
    ]


def expected_answers(task: Task, rows: Sequence[Prediction]) -> list[str]:
    answer_of = {row.id: row.answer for row in task.gold}
    return [answer_of[row.gold_id] for row in rows]


def given_answers(rows: Sequence[Prediction]) -> list[str]:
    return [row.answer if row.valid else INVALID for row in rows]


def mistake_figures(task: Task, results: LoadedResults) -> Figures:
    """Return the gold rows that student or teacher gets wrong."""
    student, teacher = (
        {row.gold_id: row for row in results.predictions[system]} for system in RIGHT_OR_WRONG
    )
    return mistakes(task.gold, student, teacher, results.scores, task.form)
