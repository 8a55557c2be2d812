"""Candidates → examples: each check is one module with one function, candidates in, drops out.

Checks run from cheap to dear; what one drops the next does not see. A drop keeps its reason and
what it matched. Kept + dropped = completed, always.
"""

from collections.abc import Callable, Sequence

from distill.curate import agreement, duplicates, form, second_opinion
from distill.records import Candidate, Drop, Example
from distill.store import Store
from distill.task import Task
from distill.workspace import Context

Check = Callable[[Sequence[Candidate], Task], list[Drop]]

CHECKS: dict[str, Check] = {
    "form": form.check,
    "duplicates": duplicates.check,
    "agreement": agreement.check,
    "second_opinion": second_opinion.check,
}


def curate(context: Context) -> Callable[[Store], None]:
    """Run the checks over the run's candidates; what is to be written are examples and drops."""
    with context.store() as store:
        candidates = store.candidates(context.run_id)
    with context.progress.step("curate", "check", len(candidates)) as advance:
        kept, drops = run_checks(candidates, context.task)
        advance(len(candidates))
    examples = [Example(row.id, row.input, row.answer, row.source) for row in kept]

    def write(store: Store) -> None:
        store.add_drops(context.run_id, drops)
        store.add_examples(context.run_id, examples)

    return write


def run_checks(candidates: Sequence[Candidate], task: Task) -> tuple[list[Candidate], list[Drop]]:
    """(kept, dropped), in the order of the candidates and of the checks."""
    kept, drops = list(candidates), []
    for check in CHECKS.values():
        found = check(kept, task)
        dropped = {drop.candidate_id for drop in found}
        kept = [row for row in kept if row.id not in dropped]
        drops += found
    return kept, drops
