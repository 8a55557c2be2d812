"""Does a linear model on sentence embeddings, fitted to the seeds, give the same answer?

A small teacher is wrong often; two that err differently and agree are wrong seldom. Only labels
have one.
"""

from collections.abc import Sequence

from distill.core.dataset import Candidate, Drop
from distill.curate.context import CheckContext
from distill.task import Task
from distill.text.classifiers import fit_embeddings

REASON = "another answer"


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop a row whose answer the second opinion does not share. Seeds are its own teachers."""
    rows = [row for row in rows if row.source != "seeds"]
    if not means.task.spec.curate.second_opinion or not means.task.form.choices or not rows:
        return []
    return [
        Drop(row.id, "second_opinion", REASON, f"answered {row.answer}, second opinion {other}")
        for row, other in zip(rows, opinions([row.input for row in rows], means.task), strict=True)
        if row.answer != other
    ]


def opinions(texts: Sequence[str], task: Task) -> list[str]:
    """A label for each text."""
    model = fit_embeddings([seed.input for seed in task.seeds], [s.answer for s in task.seeds])
    return [str(label) for label in model.predict(list(texts))]
