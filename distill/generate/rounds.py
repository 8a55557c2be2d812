"""Generation goes round until enough is kept: how many more requests the next round takes, and why
there is none.

A round asks for what is missing, group by group, by the yield that the group had so far. It ends
when `generate.examples` are kept, `generate.requests` inputs were asked for, or a round keeps less
than `generate.least_yield` of what it asked for.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from distill.core.dataset import Candidate
from distill.core.requests import Model
from distill.generate.synthesis import Counts, counts_for, inputs_per_request
from distill.task import Task
from distill.task.groups import group_shares

# Before anything is measured: of two new inputs one is kept.
ASSUMED_YIELD = 0.5
LEAST_GROUP_YIELD = 0.05  # a group of which nothing was kept must not take the whole next round


@dataclass(frozen=True, slots=True)
class GenerationRound:
    """What a round brought: the new inputs asked for so far, and by it alone; what is kept of all,
    and by it more than before."""

    number: int
    asked: int
    asked_now: int
    kept: int
    kept_now: int

    @property
    def yield_(self) -> float:
        """Share kept of what the round asked for; 1 for one that asked for nothing."""
        return self.kept_now / self.asked_now if self.asked_now else 1.0

    @property
    def words(self) -> str:
        """In a line."""
        return (
            f"round {self.number}: {self.kept_now} kept of {self.asked_now} asked for "
            f"({self.yield_:.0%}); {self.kept} in all"
        )


def first_counts(task: Task, model: Model) -> Counts:
    """Group → requests of the first round."""
    spec = task.spec.generate
    return counts_for(task, model, min(spec.requests, spec.examples or spec.requests))


def planned_counts(task: Task, model: Model) -> Counts:
    """Group → requests of all rounds, as far as that can be told before the first."""
    spec = task.spec.generate
    expected = ceil(spec.examples / ASSUMED_YIELD) if spec.examples else spec.requests
    return counts_for(task, model, min(spec.requests, expected))


def stop_reason(task: Task, last: GenerationRound) -> str:
    """Why no other round follows; empty when one does."""
    spec = task.spec.generate
    if not spec.examples or "synthesis" not in spec.sources:
        return "all were asked for"
    if last.kept >= spec.examples:
        return f"{spec.examples} were wanted"
    if last.asked >= spec.requests:
        return f"generate.requests allows {spec.requests}"
    if last.yield_ < spec.least_yield:
        return f"under generate.least_yield, {spec.least_yield:.0%}"
    return ""


def next_counts(task: Task, model: Model, asked: Counts, kept: Sequence[Candidate]) -> Counts:
    """Group → requests with the next round's, which asks for what is missing of each group; at
    least one more in all."""
    spec, each = task.spec.generate, inputs_per_request(task, model)
    have = Counter(task.form.group(row.answer) for row in kept if row.source != "seeds")
    shares = group_shares(kept, task)
    room = max((spec.requests - each * sum(asked.values())) // each, 1)
    more: dict[str, int] = {}
    for group in task.groups:
        missing = max(ceil(spec.examples * shares[group]) - have[group], 0)
        found = have[group] / (each * asked[group]) if asked[group] else ASSUMED_YIELD
        more[group] = ceil(missing / max(found, LEAST_GROUP_YIELD) / each)
    total = sum(more.values())
    if not total:  # each group has its part, and yet they are too few: one more of each
        more = dict.fromkeys(task.groups, 1)
        total = len(more)
    given = more if total <= room else _shared_out(room, more)
    return {group: asked[group] + given[group] for group in task.groups}


def _shared_out(room: int, wanted: Counts) -> dict[str, int]:
    """`room` requests, fewer than are wanted, as the groups want them (largest remainders)."""
    total = sum(wanted.values())
    given = {group: room * count // total for group, count in wanted.items()}
    by_remainder = sorted(wanted, key=lambda group: -(room * wanted[group] % total))
    for group in by_remainder[: room - sum(given.values())]:
        given[group] += 1
    return given
