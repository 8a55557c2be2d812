"""What is left to be paid: steps, one for each purpose, and their sums.

In: counts and prices of what a run will ask. Out: records, and their sums in words.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal

from distill.estimate.training_time import TrainingTime
from distill.pricing.token_prices import TokenPrice


@dataclass(frozen=True, slots=True)
class CostLine:
    """What is left to be paid for one purpose. Of the prompts' tokens `cached_tokens` are read from
    the provider's cache and `cache_written_tokens` written to it. `batch_usd` is None for what is
    always asked online; `certain` are the same costs without the requests about new inputs, of
    which none may come; `worst_usd` is what the ledger would reserve for all of it; `seconds` are
    those of asking online."""

    purpose: str
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
        """The cost with batches where they can be used."""
        return self.usd if self.batch_usd is None else self.batch_usd

    @property
    def certain_usd_in_batches(self) -> Decimal:
        """The certain cost with batches where they can be used."""
        return self.certain_usd if self.certain_batch_usd is None else self.certain_batch_usd


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """A run's steps that are billed, none for a teacher that sends no bill (`price` is None);
    `spent_usd` is what the run was billed already, `possibly_paid_twice_usd` the most that it may
    have been billed for lost answers; `batches`: the provider takes batches, and `in_batches`: the
    run goes through them; `training`: how long the student's will take, where that is known and is
    not over; `terms`: those of the models that the student learns from, in sentences; `new_inputs`:
    how many are still to come."""

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
        """How many are left to be paid."""
        return sum(step.requests for step in self.steps)

    @property
    def usd(self) -> Decimal:
        """What they will be billed when all are asked online."""
        return sum((step.usd for step in self.steps), Decimal(0))

    @property
    def batch_usd(self) -> Decimal:
        """The same with batches wherever they can be used."""
        return sum((step.usd_in_batches for step in self.steps), Decimal(0))

    @property
    def expected_usd(self) -> Decimal:
        """What they will be billed the way that the run goes."""
        return self.batch_usd if self.in_batches else self.usd

    @property
    def certain_usd(self) -> Decimal:
        """What they will be billed that way if no new input comes that is unlike the others."""
        steps, zero = self.steps, Decimal(0)
        if self.in_batches:
            return sum((step.certain_usd_in_batches for step in steps), zero)
        return sum((step.certain_usd for step in steps), zero)

    @property
    def worst_usd(self) -> Decimal:
        """The most that they can be billed."""
        return sum((step.worst_usd for step in self.steps), Decimal(0))

    @property
    def seconds(self) -> float:
        """How long asking them online takes."""
        return sum(step.seconds for step in self.steps)

    @property
    def words(self) -> str:
        """The sum, in a line."""
        models = " and ".join(dict.fromkeys(step.model for step in self.steps if step.requests))
        expected = f"{self.range}," if self.hangs else self.range
        return (
            f"about {expected} for {self.requests:,} requests to {models}"
            f"{' in batches' if self.in_batches else ''}, at most "
            f"{dollars(self.worst_usd)}; budget.usd is {dollars(self.budget_usd)}"
        )

    @property
    def hangs(self) -> bool:
        """Does the sum hang on inputs that are not made yet?"""
        return self.certain_usd != self.expected_usd

    @property
    def range(self) -> str:
        """The expected sum, and how much of it hangs on inputs that are not made yet."""
        if not self.hangs:
            return dollars(self.expected_usd)
        return (
            f"{dollars(self.certain_usd)} for what is there, up to {dollars(self.expected_usd)} "
            f"if all {self.new_inputs:,} new inputs are new"
        )

    @property
    def committed_usd(self) -> Decimal:
        """What the budget counts of the run so far."""
        return self.spent_usd + self.possibly_paid_twice_usd

    def up_to(self, stages: Collection[str]) -> "CostEstimate":
        """The plan of these stages alone."""
        steps = tuple(step for step in self.steps if step.purpose.partition(":")[0] in stages)
        return replace(self, steps=steps)

    def stops(self) -> tuple[CostLine, int] | None:
        """The step in which the budget is reached, and how many of its requests it still carries;
        None when it is enough. The ledger begins a request only when its worst case fits."""
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
    """USD with cents, and with four places below one dollar."""
    return f"${usd:,.2f}" if usd >= 1 or not usd else f"${usd:.4f}"
