"""Diversity of the examples of each group, and their coverage of real texts."""

from collections.abc import Sequence
from dataclasses import asdict

from distill.core.dataset import Example, GroupDiversity
from distill.task import Task
from distill.text.diversity import coverage, diversity


def spreads(task: Task, examples: Sequence[Example]) -> list[GroupDiversity]:
    """Return the diversity of each group, the task's groups first.

    People wrote the seeds, so seeds count for coverage only.
    """
    by_group: dict[str, list[Example]] = {group: [] for group in task.groups}
    for row in examples:
        by_group.setdefault(task.form.group(row.answer), []).append(row)
    return [_spread(group, rows, task.spec.embedding_model) for group, rows in by_group.items()]


def _spread(group: str, rows: Sequence[Example], embedding_model: str) -> GroupDiversity:
    texts = [row.input for row in rows if row.source != "seeds"]
    made = [row.input for row in rows if row.source == "synthesis"]
    real = [row.input for row in rows if row.source != "synthesis"]
    figures = asdict(diversity(texts, embedding_model))
    # The last digits depend on the texts that were embedded in the same batch.
    figures["mean_nearest_distance"] = round(figures["mean_nearest_distance"], 2)
    covered = coverage(made, real, embedding_model)
    return GroupDiversity(group, len(texts), **figures, covered=covered)
