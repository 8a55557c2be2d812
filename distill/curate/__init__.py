"""Candidates → examples: each check is one module with one function, candidates in, drops out.

Checks run from cheap to dear; what one drops the next does not see. A drop keeps its reason and
what it matched. Kept + dropped = completed, always. A person's word stands above every check.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from distill.core.dataset import Candidate, CheckNote, Drop, Example
from distill.core.text import majority_vote
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
MOST_LOST = 0.5  # of the given inputs, by one check: more is said
MIN_GIVEN = 5  # given inputs: of fewer no share is said
# A person's word keeps a row from being dropped, but not a second copy of it.
OVERRIDES_REVIEW = ("review", "exact_duplicates")


def curate(context: Context) -> Callable[[Store], None]:
    """Run the checks over the run's candidates; what is to be written are examples and drops."""
    notes: list[CheckNote] = []
    with context.store() as store:
        candidates = store.candidates(context.run_id)
        means = replace(means_of(context, store), tell=notes.append)
        with context.progress.step("curate", "check", len(candidates)) as advance:
            kept, drops = run_checks(candidates, means)
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
    """Name each check that left out most of the given inputs that came to it, in a line each.

    A check that is right about synthesised texts may be wrong about a task's real ones.
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
                f"{check} left out {len(reasons)} of {left} given inputs, most as {reason!r}: "
                "look at them with `distill drops`, or switch the check off under [curate]"
            )
        left -= len(reasons)
    return lines


def _origin(row: Candidate, means: CheckContext) -> str:
    """Whose answer a row has: a seed's and a review's are a person's."""
    if row.source == "seeds":
        return "seed"
    return "review" if human_review.accepted(row, means) else "teacher"


def preview(
    context: Context,
    store: Store,
    candidates: Sequence[Candidate],
    teacher: LazyEndpoint | None = None,
) -> list[Candidate]:
    """What curation would keep of candidates: how generation, whose teacher is there, knows when it
    has enough."""
    return run_checks(candidates, means_of(context, store, teacher))[0]


def means_of(context: Context, store: Store, teacher: LazyEndpoint | None = None) -> CheckContext:
    """Pairs that are alike are searched for once; judge and teacher are asked through the
    ledger."""
    return CheckContext(
        context.task,
        search=partial(search_once, store),
        judge=partial(ask_judge, context, store),
        seed_answers=partial(ask_about_seeds, context, store, teacher),
    )


def run_checks(
    candidates: Sequence[Candidate], means: CheckContext
) -> tuple[list[Candidate], list[Drop]]:
    """(kept, dropped), in the order of the candidates and of the checks."""
    kept, drops = human_review.corrected(candidates, means), list[Drop]()
    protected = {row.id for row in kept if human_review.decided(row, means)}
    for check in CHECKS:
        found = [
            drop
            for drop in check(kept, means)
            if drop.candidate_id not in protected or drop.check in OVERRIDES_REVIEW
        ]
        dropped = {drop.candidate_id for drop in found}
        kept = [row for row in kept if row.id not in dropped]
        drops += found
    return kept, drops
