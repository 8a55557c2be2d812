"""Errors at the border of the labels, in a task with the label `other`.

- False accept: a gold row of `other` gets another label, so that it is forced into a label.
- False reject: a gold row of another label gets `other`.

An invalid answer is neither. Each rate is about its own rows of gold. The share of `other` in gold
therefore does not matter.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from distill.core.evaluation import Prediction
from distill.evaluate.statistics import mean_interval, paired_difference
from distill.evaluate.systems import shown_order
from distill.report.loaded import LoadedResults
from distill.task import Task

Figures = dict[str, Any]
Errors = Mapping[str, float]  # gold id → 1.0 for an error, else 0.0


def out_of_scope_figures(task: Task, results: LoadedResults) -> Figures:
    """Return `out_of_scope`; {} for a task without the label `other`.

    - `label`: the label `other`
    - `systems`: the rates of each system, in the order of the page; a rate without rows is absent
    - `student_forces`: the student's false accepts minus those of today's model, paired by row

    The teacher takes the place of a model under `[today]` that is not compared.
    """
    if not task.spec.other_label:
        return {}
    accepts, rejects = {}, {}
    for name in shown_order(task.spec.evaluate.baselines):
        if name in results.predictions:
            rows = results.predictions[name]
            accepts[name], rejects[name] = false_accepts(task, rows), false_rejects(task, rows)
    level = task.spec.evaluate.confidence
    systems = [
        {
            "name": name,
            **_rate("false_accepts", accepts[name], level),
            **_rate("false_rejects", rejects[name], level),
        }
        for name in accepts
    ]
    today = task.spec.today.model
    reference = today if today in accepts else "teacher"
    return {
        "out_of_scope": {
            "label": task.spec.other_label,
            "systems": systems,
            **_compared(accepts["student"], accepts[reference], reference, level),
        }
    }


def false_accepts(task: Task, rows: Sequence[Prediction]) -> Errors:
    """Return the errors on the gold rows of `other`: valid answers of another label."""
    other = task.spec.other_label
    outside = {row.id for row in task.gold if row.answer == other}
    return {
        row.gold_id: float(row.valid and row.answer != other)
        for row in rows
        if row.gold_id in outside
    }


def false_rejects(task: Task, rows: Sequence[Prediction]) -> Errors:
    """Return the errors on the gold rows of all other labels: the answer `other`."""
    other = task.spec.other_label
    inside = {row.id for row in task.gold if row.answer != other}
    return {
        row.gold_id: float(row.valid and row.answer == other)
        for row in rows
        if row.gold_id in inside
    }


def _rate(key: str, errors: Errors, level: float) -> Figures:
    if not errors:
        return {}
    return {key: {"n": len(errors)} | mean_interval([*errors.values()], level).figures}


def _compared(student: Errors, other: Errors, reference: str, level: float) -> Figures:
    """Return `student_forces`; {} without gold rows of `other`."""
    if not student:
        return {}
    theirs = [other[id_] for id_ in student]
    found = paired_difference([*student.values()], theirs, level)
    return {
        "student_forces": {
            "than": reference,
            "difference": found.value,
            "ci_low": found.low,
            "ci_high": found.high,
            "more": found.low > 0,
        }
    }
