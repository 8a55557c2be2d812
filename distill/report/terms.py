"""The terms of a run's student, and the origin of its labels."""

from dataclasses import asdict
from typing import Any

from distill.store import Store
from distill.task import Task
from distill.train.permission import figures


def terms_figures(task: Task, store: Store, run_id: str) -> dict[str, Any]:
    """Return the terms of the base, and of the models whose outputs trained the student.

    Also returns the user's confirmed permission, and the number of rows by origin of their
    labels."""
    labels = [asdict(row) for row in store.count_labels(run_id)]
    return figures(task, store.student(run_id)) | ({"labels": labels} if labels else {})
