"""Terms of a run's student, and the origin of its labels."""

from dataclasses import asdict
from typing import Any

from distill.store import Store
from distill.task import Task
from distill.train.permission import figures


def terms_figures(task: Task, store: Store, run_id: str) -> dict[str, Any]:
    """Return the terms of the models learned from and of the base. The user's reason and the rows
    by origin of their labels are included."""
    labels = [asdict(row) for row in store.count_labels(run_id)]
    return figures(task, store.student(run_id)) | ({"labels": labels} if labels else {})
