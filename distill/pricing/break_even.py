"""The cost of a system at a task's traffic, and the break-even of a student.

All amounts are in USD, as Decimal. A provider bills each request. A machine of ours is paid by the
hour, even when idle. The number of machines depends on the traffic, which is assumed to be even,
and on the utilisation.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from math import ceil

SECONDS_PER_DAY = 86_400
HOURS_PER_DAY = 24
DAYS_PER_MONTH = Decimal(365) / 12
LATE_DAYS = 90  # a later break-even counts as too late
PLACES = Decimal("0.000000000001")  # precision of amounts in USD


@dataclass(frozen=True, slots=True)
class TrafficAssumptions:
    """The assumptions about the traffic and our machines.

    `utilisation`: the share of the time during which a machine is busy.
    `usd_per_hour`: the price of a machine in USD per hour.
    """

    requests_per_day: int
    utilisation: float
    usd_per_hour: Decimal


@dataclass(frozen=True, slots=True)
class DailyCost:
    """The cost of a system per day at a given traffic.

    `replicas`: the number of our machines; 0 at a provider.
    """

    requests_per_day: int
    usd_per_day: Decimal
    replicas: int = 0

    @property
    def usd_per_1k(self) -> Decimal:
        """The cost of 1,000 requests in USD."""
        return (1000 * self.usd_per_day / self.requests_per_day).quantize(PLACES)


@dataclass(frozen=True, slots=True)
class ServingOption:
    """A way to serve a system: a provider, or machines of ours.

    `requests_per_s`: the requests per second that a machine of ours can serve.
    `usd_per_1k`: the provider's price of 1,000 requests; None for machines of ours.
    """

    requests_per_s: float
    usd_per_1k: Decimal | None = None

    def at(self, assumed: TrafficAssumptions) -> DailyCost:
        """Return the daily cost at the assumed traffic."""
        if self.usd_per_1k is not None:
            return at_provider(self.usd_per_1k, assumed.requests_per_day)
        return on_machines(
            assumed.usd_per_hour,
            self.requests_per_s,
            assumed.requests_per_day,
            assumed.utilisation,
        )

    def priced(self, factor: Decimal) -> "ServingOption | None":
        """Return the option at `factor` times the provider's price; None for machines of ours."""
        if self.usd_per_1k is None:
            return None
        return replace(self, usd_per_1k=(factor * self.usd_per_1k).quantize(PLACES))


@dataclass(frozen=True, slots=True)
class Mixture:
    """A student that answers all requests, with a teacher that answers a share of them again.

    `handed_over`: the share of the requests that the teacher answers, too.
    """

    student: ServingOption
    teacher: ServingOption
    handed_over: Fraction

    def at(self, assumed: TrafficAssumptions) -> DailyCost:
        """Return the daily cost of both systems; each needs its own machines if we serve it."""
        student = self.student.at(assumed)
        asked = ceil(self.handed_over * assumed.requests_per_day)
        if not asked:
            return student
        teacher = self.teacher.at(replace(assumed, requests_per_day=asked))
        return DailyCost(
            assumed.requests_per_day,
            student.usd_per_day + teacher.usd_per_day,
            student.replicas + teacher.replicas,
        )


@dataclass(frozen=True, slots=True)
class BreakEven:
    """The break-even of a student.

    `saved_per_day`: the USD saved per day.
    `days`: the days until the savings equal the investment; None if they never do.
    `requests`: the requests until the savings equal the investment; None if they never do.
    """

    saved_per_day: Decimal
    days: Decimal | None
    requests: int | None

    @property
    def saved_per_month(self) -> Decimal:
        """The USD saved per month of 365 ÷ 12 days."""
        return self.saved_per_day * DAYS_PER_MONTH


@dataclass(frozen=True, slots=True)
class Tuned:
    """A student that a provider trained and serves.

    `spent`: the USD spent on making the student.
    `teacher`, `student`: the USD of a request to each.
    `ends`: the day on which the provider shuts the student down.
    """

    spent: Decimal
    teacher: Decimal
    student: Decimal
    ends: date

    @property
    def needed(self) -> int | None:
        """The requests until the student has paid for itself; None if it never does."""
        saved = self.teacher - self.student
        return ceil(self.spent / saved) if saved > 0 else None

    def days_left(self, today: date) -> int:
        """Return the days until the provider shuts the student down, at least 1."""
        return max((self.ends - today).days, 1)

    def in_words(self, today: date) -> str:
        """Describe the break-even in a sentence."""
        if self.needed is None:
            return "the student costs as much as its teacher or more: it never pays for itself"
        a_day = ceil(self.needed / self.days_left(today))
        return (
            f"the run pays for itself after about {self.needed:,} requests, each of which saves "
            f"${self.teacher - self.student:.8f}: this takes {a_day:,} a day until its model "
            f"ends on {self.ends}"
        )


def at_provider(usd_per_1k: Decimal, requests_per_day: int) -> DailyCost:
    """Return the daily cost at a provider that bills each request."""
    return DailyCost(requests_per_day, usd_per_1k * requests_per_day / 1000)


def on_machines(
    usd_per_hour: Decimal, requests_per_s: float, requests_per_day: int, utilisation: float
) -> DailyCost:
    """Return the daily cost of the machines that the traffic needs, at least one.

    Each machine can serve `requests_per_s`, and is busy for the share `utilisation` of the time.
    """
    each = Decimal(str(requests_per_s)) * Decimal(str(utilisation)) * SECONDS_PER_DAY
    replicas = max(1, ceil(requests_per_day / each))
    return DailyCost(requests_per_day, replicas * HOURS_PER_DAY * usd_per_hour, replicas)


def pay_back(spent: Decimal, before: DailyCost, after: DailyCost) -> BreakEven:
    """Return the break-even of `spent` USD if `after` replaces `before` at the same traffic."""
    saved = before.usd_per_day - after.usd_per_day
    if saved <= 0:
        return BreakEven(saved, None, None)
    days = spent / saved
    requests = (days * after.requests_per_day).to_integral_value(ROUND_CEILING)
    return BreakEven(saved, days, int(requests))
