"""Curation: from candidates to examples, through checks.

Each check is a module with one function: candidates in, drops out. Cheap checks run before
expensive ones, and a dropped row reaches no later check. A drop has a reason, and a match if there
is one. Kept + dropped = completed, always. A human review overrides every check.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from distill.core.dataset import LABELLED, Candidate, CheckNote, Drop, Example
from distill.core.text import fold, majority_vote
from distill.curate import (
    agreement,
    answer_format,
    balance,
    boilerplate,
    classifier_check,
    duplicates,
    human_review,
    judge,
    label_errors,
    language,
    pii,
)
from distill.curate.context import CheckContext, search_once
from distill.curate.judge import ask_judge
from distill.curate.masking import masked
from distill.curate.on_seeds import ask_about_seeds
from distill.llm.complete import LazyEndpoint
from distill.store import Store
from distill.task.run_context import Context

Check = Callable[[Sequence[Candidate], CheckContext], list[Drop]]

CHECKS: tuple[Check, ...] = (
    human_review.check,
    answer_format.check,
    boilerplate.check,
    language.check,
    pii.check,
    agreement.check,
    duplicates.check,
    label_errors.check,
    classifier_check.check,
    judge.check,
    balance.check,
)
MOST_LOST = 0.5  # share of the given inputs that one check may drop without a warning
MIN_GIVEN = 5  # minimum number of given inputs for a warning
# The checks that also drop reviewed rows, such as a second copy of a row.
OVERRIDES_REVIEW = ("review", "exact_duplicates")
# Nobody looked at each labelled example for these faults.
OVERRIDES_EXAMPLES = (*OVERRIDES_REVIEW, "form", "privacy")


def curate(context: Context) -> Callable[[Store], None]:
    """Run the checks on the run's candidates and return the function that writes the results."""
    notes: list[CheckNote] = []
    with context.store() as store:
        candidates = store.candidates(context.run_id)
        means = replace(means_of(context, store), tell=notes.append)
        with context.progress.step("curate", "check", len(candidates)) as advance:
            kept, drops = run_checks(candidates, means)
            duplicates.tell_unread(kept, means)
            advance(len(candidates))
    for line in (
        *(f"{note.check}: {note.words}" for note in notes),
        *lost_inputs(candidates, drops),
    ):
        context.progress.note("curate", line)
    examples = [Example(row.id, *masked(row, context.task), row.source) for row in kept]

    def write(store: Store) -> None:
        store.add_drops(context.run_id, drops)
        store.add_check_notes(context.run_id, notes)
        store.add_examples(context.run_id, examples)
        store.add_label_origins(context.run_id, {row.id: _origin(row, means) for row in kept})

    return write


def lost_inputs(candidates: Sequence[Candidate], drops: Sequence[Drop]) -> list[str]:
    """Return a warning for each check that dropped most of its given inputs.

    A check that suits synthesised texts may not suit a task's real inputs.
    """
    given = {row.id for row in candidates if row.source == "inputs"}
    lost: dict[str, list[str]] = {}
    for drop in drops:
        if drop.candidate_id in given and drop.check != "review":
            lost.setdefault(drop.check, []).append(drop.reason)
    left, lines = len(given), []
    for check, reasons in lost.items():
        if len(reasons) > left * MOST_LOST and left >= MIN_GIVEN:
            reason = majority_vote(reasons)
            lines.append(
                f"{check} dropped {len(reasons)} of {left} given inputs, most as {reason!r}: "
                "review them with `distill drops`, or turn the check off under [curate]"
            )
        left -= len(reasons)
    return lines


def _origin(row: Candidate, means: CheckContext) -> str:
    """Return the origin of a row's answer: "seed", "example", "review", "teacher" or a log's."""
    review = means.reviews.get(fold(row.input))
    if row.source in LABELLED and (review is None or row.source == "seeds"):
        return row.source.removesuffix("s")
    return "review" if human_review.accepted(row, means) else row.answer_origin or "teacher"


def preview(
    context: Context,
    store: Store,
    candidates: Sequence[Candidate],
    teacher: LazyEndpoint | None = None,
) -> list[Candidate]:
    """Return the candidates that curation would keep.

    Generation stops when the preview keeps enough rows. `teacher`: an endpoint that is already
    open, or None.
    """
    return run_checks(candidates, means_of(context, store, teacher))[0]


def means_of(context: Context, store: Store, teacher: LazyEndpoint | None = None) -> CheckContext:
    """Return the context of the checks.

    Each search for similar pairs runs once, and its result is stored. Requests to judge and teacher
    go through the ledger.
    """
    return CheckContext(
        context.task,
        search=partial(search_once, store, embedding_model=context.task.spec.embedding_model),
        judge=partial(ask_judge, context, store),
        seed_answers=partial(ask_about_seeds, context, store, teacher),
    )


def run_checks(
    candidates: Sequence[Candidate], means: CheckContext
) -> tuple[list[Candidate], list[Drop]]:
    """Return the kept candidates, in their order, and the drops, in the order of the checks."""
    kept, drops = human_review.corrected(candidates, means), list[Drop]()
    stronger = {row.id: _stronger(row, means) for row in kept}
    for check in CHECKS:
        found = [
            drop
            for drop in check(kept, means)
            if (over := stronger[drop.candidate_id]) is None or drop.check in over
        ]
        dropped = {drop.candidate_id for drop in found}
        kept = [row for row in kept if row.id not in dropped]
        drops += found
    return kept, drops


def _stronger(row: Candidate, means: CheckContext) -> Sequence[str] | None:
    """Return the checks that count more than a person's answer; None if a teacher answered."""
    if not human_review.decided(row, means):
        return None
    return OVERRIDES_EXAMPLES if row.source == "examples" else OVERRIDES_REVIEW
