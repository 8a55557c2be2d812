"""Records of the remaining payments of a run, with a step for each purpose, and their sums."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal

from distill.core.numbers import exact_dollars
from distill.core.purpose import Purpose
from distill.estimate.training_time import TrainingTime
from distill.pricing.token_prices import TokenPrice


@dataclass(frozen=True, slots=True)
class CostLine:
    """The remaining payment for a purpose.

    `requests`, `answered`: the numbers of remaining and of answered requests.
    `cached_tokens`: the prompt tokens read from the provider's cache.
    `cache_written_tokens`: the prompt tokens written to the provider's cache.
    `usd`: the expected cost online.
    `batch_usd`: the expected cost in batches; None if the purpose is always online.
    `certain_usd`, `certain_batch_usd`: the same costs without requests on inputs that are not
        generated yet.
    `worst_usd`: the maximum cost, as the ledger would reserve it.
    `seconds`: the expected duration online.
    """

    purpose: Purpose
    model: str
    requests: int
    answered: int
    prompt_tokens: int
    cached_tokens: int
    cache_written_tokens: int
    completion_tokens: int
    usd: Decimal
    batch_usd: Decimal | None
    certain_usd: Decimal
    certain_batch_usd: Decimal | None
    worst_usd: Decimal
    seconds: float

    @property
    def usd_in_batches(self) -> Decimal:
        """The expected cost, in batches if the purpose can use them."""
        return self.usd if self.batch_usd is None else self.batch_usd

    @property
    def certain_usd_in_batches(self) -> Decimal:
        """The certain cost, in batches if the purpose can use them."""
        return self.certain_usd if self.certain_batch_usd is None else self.certain_batch_usd


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """The plan of a run: its billed steps.

    `price`: the teacher's price; None if the teacher is not billed.
    `batches`: True if the provider has a batch API.
    `steps`: the billed steps; empty if nothing is billed.
    `spent_usd`: the USD that the run has been billed so far.
    `in_batches`: True if the run uses batches.
    `training`: the duration of the student's training; None if it is finished or unknown.
    `terms`: the terms of teacher, judge and base, as sentences.
    `possibly_paid_twice_usd`: the maximum USD that the run may have been billed for lost answers.
    `new_inputs`: the number of inputs still to be generated.
    """

    task: str
    teacher: str
    price: TokenPrice | None
    batches: bool
    steps: tuple[CostLine, ...]
    budget_usd: Decimal
    spent_usd: Decimal
    assumptions: tuple[str, ...]
    in_batches: bool
    training: TrainingTime | None = None
    terms: tuple[str, ...] = ()
    possibly_paid_twice_usd: Decimal = Decimal(0)
    new_inputs: int = 0

    @property
    def requests(self) -> int:
        """The number of requests still to be paid for."""
        return sum(step.requests for step in self.steps)

    @property
    def usd(self) -> Decimal:
        """The expected USD if all requests are online."""
        return sum((step.usd for step in self.steps), Decimal(0))

    @property
    def batch_usd(self) -> Decimal:
        """The expected USD if batches are used for all purposes that can use them."""
        return sum((step.usd_in_batches for step in self.steps), Decimal(0))

    @property
    def expected_usd(self) -> Decimal:
        """The expected USD in the mode of the run, online or in batches."""
        return self.batch_usd if self.in_batches else self.usd

    @property
    def certain_usd(self) -> Decimal:
        """The expected USD in the mode of the run if no further input is generated."""
        steps, zero = self.steps, Decimal(0)
        if self.in_batches:
            return sum((step.certain_usd_in_batches for step in steps), zero)
        return sum((step.certain_usd for step in steps), zero)

    @property
    def worst_usd(self) -> Decimal:
        """The maximum USD of all bills."""
        return sum((step.worst_usd for step in self.steps), Decimal(0))

    @property
    def seconds(self) -> float:
        """The expected duration in seconds if all requests are online."""
        return sum(step.seconds for step in self.steps)

    @property
    def words(self) -> str:
        """The expected and the maximum cost in words."""
        models = " and ".join(dict.fromkeys(step.model for step in self.steps if step.requests))
        expected = f"{self.range}," if self.hangs else self.range
        return (
            f"about {expected} for {self.requests:,} requests to {models}"
            f"{' in batches' if self.in_batches else ''}, at most "
            f"{exact_dollars(self.worst_usd)}; budget.usd is {exact_dollars(self.budget_usd)}"
        )

    @property
    def hangs(self) -> bool:
        """True if the expected cost depends on inputs that are not generated yet."""
        return self.certain_usd != self.expected_usd

    @property
    def range(self) -> str:
        """The expected cost in words, with the certain cost if it is lower."""
        if not self.hangs:
            return exact_dollars(self.expected_usd)
        return (
            f"{exact_dollars(self.certain_usd)} for existing inputs, up to "
            f"{exact_dollars(self.expected_usd)} if all {self.new_inputs:,} generated inputs "
            "differ from them"
        )

    @property
    def committed_usd(self) -> Decimal:
        """The USD of the run so far that count against the budget."""
        return self.spent_usd + self.possibly_paid_twice_usd

    def up_to(self, stages: Collection[str]) -> "CostEstimate":
        """Return the part of the plan for the given stages."""
        steps = tuple(step for step in self.steps if step.purpose.stage in stages)
        return replace(self, steps=steps)

    def stops(self) -> tuple[CostLine, int] | None:
        """Return (step that exceeds the budget, number of its requests that the budget covers).

        Returns None if the budget is sufficient. The ledger sends a request only if the request's
        maximum cost is within the budget.
        """
        left = self.budget_usd - self.committed_usd
        for step in self.steps:
            if step.requests:
                usd = step.usd_in_batches if self.in_batches else step.usd
                each, worst = usd / step.requests, step.worst_usd / step.requests
                carried = int((left - worst) / each) + 1 if each else step.requests
                if left < worst or carried < step.requests:
                    return step, carried if left >= worst else 0
                left -= usd
        return None
