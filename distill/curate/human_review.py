"""Human reviews, which override the checks."""

from collections.abc import Sequence
from dataclasses import replace

from distill.core.dataset import LABELLED, Candidate, Drop
from distill.core.text import fold
from distill.curate.context import CheckContext

REASON = "rejected by a person"


def corrected(rows: Sequence[Candidate], means: CheckContext) -> list[Candidate]:
    """Return the rows, with the teacher's answer replaced if a review has another one."""
    return [_corrected(row, means) for row in rows]


def _corrected(row: Candidate, means: CheckContext) -> Candidate:
    review = means.reviews.get(fold(row.input))
    if review is None or review.answer is None or row.source == "seeds":
        return row
    return replace(row, answers=(review.answer,), problem="")


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop the rows that a person rejected."""
    found = []
    for row in rows:
        review = means.reviews.get(fold(row.input))
        if review is not None and review.answer is None:
            found.append(Drop(row.id, "review", REASON, f"{review.file}:{review.line}"))
    return found


def decided(row: Candidate, means: CheckContext) -> bool:
    """True if a person reviewed the row, or labelled it as an example."""
    return row.source == "examples" or fold(row.input) in means.reviews


def accepted(row: Candidate, means: CheckContext) -> bool:
    """True if a person gave the row's answer: in a review, as a seed or as an example."""
    review = means.reviews.get(fold(row.input))
    return row.source in LABELLED or (review is not None and review.answer is not None)
