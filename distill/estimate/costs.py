"""The payments that are left: steps, one for each purpose, and their sums.

In: counts and prices of a run's requests. Out: records, and their sums in words.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal

from distill.core.purpose import Purpose
from distill.estimate.training_time import TrainingTime
from distill.pricing.token_prices import TokenPrice


@dataclass(frozen=True, slots=True)
class CostLine:
    """The payment that is left for one purpose.

    `cached_tokens`: prompt tokens read from the provider's cache.
    `cache_written_tokens`: prompt tokens written to the provider's cache.
    `usd`: the cost online.
    `batch_usd`: the cost in batches; None if the purpose is always asked online.
    `certain_usd`, `certain_batch_usd`: the same without requests about new inputs, as none may
        come.
    `worst_usd`: the USD that the ledger would reserve for all requests.
    `seconds`: the duration of asking online.
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
        """Return the cost, with batches where they can be used."""
        return self.usd if self.batch_usd is None else self.batch_usd

    @property
    def certain_usd_in_batches(self) -> Decimal:
        """Return the certain cost, with batches where they can be used."""
        return self.certain_usd if self.certain_batch_usd is None else self.certain_batch_usd


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """The steps of a run that are billed.

    `price`: the teacher's price; None if the teacher sends no bill.
    `batches`: the provider takes batches.
    `steps`: empty if nothing is billed.
    `spent_usd`: USD that the run was billed already.
    `in_batches`: the run uses batches.
    `training`: the duration of the student's training; None if it is over or not known.
    `terms`: the terms of teacher, judge and base, in sentences.
    `possibly_paid_twice_usd`: max USD that the run may have been billed for lost answers.
    `new_inputs`: the number of inputs that are still to come.
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
        """Count the requests that are left to be paid."""
        return sum(step.requests for step in self.steps)

    @property
    def usd(self) -> Decimal:
        """Sum the expected USD if all requests are asked online."""
        return sum((step.usd for step in self.steps), Decimal(0))

    @property
    def batch_usd(self) -> Decimal:
        """Sum the expected USD, with batches wherever they can be used."""
        return sum((step.usd_in_batches for step in self.steps), Decimal(0))

    @property
    def expected_usd(self) -> Decimal:
        """Return the expected USD in the run's own mode, online or in batches."""
        return self.batch_usd if self.in_batches else self.usd

    @property
    def certain_usd(self) -> Decimal:
        """Return the expected USD in the run's own mode if no new input is unlike the others."""
        steps, zero = self.steps, Decimal(0)
        if self.in_batches:
            return sum((step.certain_usd_in_batches for step in steps), zero)
        return sum((step.certain_usd for step in steps), zero)

    @property
    def worst_usd(self) -> Decimal:
        """Sum the max USD of the bills."""
        return sum((step.worst_usd for step in self.steps), Decimal(0))

    @property
    def seconds(self) -> float:
        """Sum the seconds of asking online."""
        return sum(step.seconds for step in self.steps)

    @property
    def words(self) -> str:
        """Write the sum as a line."""
        models = " and ".join(dict.fromkeys(step.model for step in self.steps if step.requests))
        expected = f"{self.range}," if self.hangs else self.range
        return (
            f"about {expected} for {self.requests:,} requests to {models}"
            f"{' in batches' if self.in_batches else ''}, at most "
            f"{dollars(self.worst_usd)}; budget.usd is {dollars(self.budget_usd)}"
        )

    @property
    def hangs(self) -> bool:
        """True if the sum depends on inputs that are not made yet."""
        return self.certain_usd != self.expected_usd

    @property
    def range(self) -> str:
        """Write the expected sum, and the sum without inputs that are not made yet."""
        if not self.hangs:
            return dollars(self.expected_usd)
        return (
            f"{dollars(self.certain_usd)} for what is there, up to {dollars(self.expected_usd)} "
            f"if all {self.new_inputs:,} new inputs are new"
        )

    @property
    def committed_usd(self) -> Decimal:
        """Return the USD that the budget counts of the run so far."""
        return self.spent_usd + self.possibly_paid_twice_usd

    def up_to(self, stages: Collection[str]) -> "CostEstimate":
        """Return the plan of these stages alone."""
        steps = tuple(step for step in self.steps if step.purpose.stage in stages)
        return replace(self, steps=steps)

    def stops(self) -> tuple[CostLine, int] | None:
        """Return the step that reaches the budget, and how many of its requests the budget covers.

        None if the budget is enough. The ledger begins a request only if its worst case fits.
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


def dollars(usd: Decimal) -> str:
    """Format USD with cents, or with four places below one dollar."""
    return f"${usd:,.2f}" if usd >= 1 or not usd else f"${usd:.4f}"
