"""A run → the terms that its student came under, and whose labels it learned."""

from dataclasses import asdict
from typing import Any

from distill.store import Store
from distill.task import Task
from distill.train.permission import figures


def terms_figures(task: Task, store: Store, run_id: str) -> dict[str, Any]:
    """The terms of the models learned from and of the base, the user's reason, and the rows by the
    origin of their labels."""
    labels = [asdict(row) for row in store.count_labels(run_id)]
    return figures(task, store.student(run_id)) | ({"labels": labels} if labels else {})
