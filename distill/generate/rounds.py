"""Rounds of generation: the number of requests of the next round, and the reason to stop.

A round requests enough inputs for the missing examples of each group, given the group's yield so
far. Generation stops when `generate.examples` are kept, or `generate.requests` inputs requested. It
also stops when a round's yield is below `generate.least_yield`.
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

# The first round has no measured yield.
ASSUMED_YIELD = 0.5
LEAST_GROUP_YIELD = 0.05  # a group with no kept rows must not take the whole next round


@dataclass(frozen=True, slots=True)
class GenerationRound:
    """The result of a round.

    `asked`: the number of new inputs requested so far.
    `asked_now`: the number of new inputs requested in this round.
    `kept`: the number of kept inputs of all rounds.
    `kept_now`: the increase of `kept` in this round.
    """

    number: int
    asked: int
    asked_now: int
    kept: int
    kept_now: int

    @property
    def yield_(self) -> float:
        """Return the kept share of the round's requested inputs; 1 if none were requested."""
        return self.kept_now / self.asked_now if self.asked_now else 1.0

    @property
    def words(self) -> str:
        """Return a line on the round's requested and kept inputs."""
        return (
            f"round {self.number}: {self.kept_now} kept of {self.asked_now} requested "
            f"({self.yield_:.0%}); {self.kept} in all"
        )


def first_counts(task: Task, model: Model) -> Counts:
    """Return group → number of requests in the first round."""
    spec = task.spec.generate
    return counts_for(task, model, min(spec.requests, spec.examples or spec.requests))


def planned_counts(task: Task, model: Model) -> Counts:
    """Estimate group → number of requests in all rounds, before the first round."""
    spec = task.spec.generate
    expected = ceil(spec.examples / ASSUMED_YIELD) if spec.examples else spec.requests
    return counts_for(task, model, min(spec.requests, expected))


def stop_reason(task: Task, last: GenerationRound) -> str:
    """Return the reason why generation stops after a round; "" if another round follows."""
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
    """Return group → number of requests in all rounds up to the next one.

    The next round requests the missing examples of each group. It has at least one request.
    """
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
    if not total:  # every group has its share but the total is too small
        more = dict.fromkeys(task.groups, 1)
        total = len(more)
    given = more if total <= room else _shared_out(room, more)
    return {group: asked[group] + given[group] for group in task.groups}


def _shared_out(room: int, wanted: Counts) -> dict[str, int]:
    """Share out `room` requests, fewer than wanted, by the largest remainder method.

    Returns group → number of requests.
    """
    total = sum(wanted.values())
    given = {group: room * count // total for group, count in wanted.items()}
    by_remainder = sorted(wanted, key=lambda group: -(room * wanted[group] % total))
    for group in by_remainder[: room - sum(given.values())]:
        given[group] += 1
    return given
