"""A person's word on an input: it stands above every check."""

from collections.abc import Sequence
from dataclasses import replace

from distill.core.dataset import Candidate, Drop
from distill.core.text import fold
from distill.curate.context import CheckContext

REASON = "rejected by a person"


def corrected(rows: Sequence[Candidate], means: CheckContext) -> list[Candidate]:
    """The rows, with a person's answer in place of the teacher's where there is one."""
    return [_corrected(row, means) for row in rows]


def _corrected(row: Candidate, means: CheckContext) -> Candidate:
    review = means.reviews.get(fold(row.input))
    if review is None or review.answer is None or row.source == "seeds":
        return row
    return replace(row, answers=(review.answer,), problem="")


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop what a person rejected."""
    found = []
    for row in rows:
        review = means.reviews.get(fold(row.input))
        if review is not None and review.answer is None:
            found.append(Drop(row.id, "review", REASON, f"{review.file}:{review.line}"))
    return found


def decided(row: Candidate, means: CheckContext) -> bool:
    """Did a person review it?"""
    return fold(row.input) in means.reviews


def accepted(row: Candidate, means: CheckContext) -> bool:
    """Did a person give its answer, in a review or as a seed?"""
    review = means.reviews.get(fold(row.input))
    return row.source == "seeds" or (review is not None and review.answer is not None)
