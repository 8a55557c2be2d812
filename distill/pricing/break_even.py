"""What a system costs at a task's traffic, and when a student has paid for itself.

Plain arithmetic on USD as Decimal. A provider is paid by the request. A machine of ours is paid by
the hour, whether anybody asks or not: as many of them as the traffic takes, spread evenly over the
day, when each is as busy as is wanted and no busier.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from math import ceil

SECONDS_PER_DAY = 86_400
HOURS_PER_DAY = 24
DAYS_PER_MONTH = Decimal(365) / 12
LATE_DAYS = 90  # a later pay-back is no reason to go
PLACES = Decimal("0.000000000001")  # of a dollar


@dataclass(frozen=True, slots=True)
class TrafficAssumptions:
    """The traffic; the share of the time that a machine is wanted to be busy; USD of its hour."""

    requests_per_day: int
    utilisation: float
    usd_per_hour: Decimal


@dataclass(frozen=True, slots=True)
class DailyCost:
    """A system at so many requests a day: USD a day, and machines (0: a provider's)."""

    requests_per_day: int
    usd_per_day: Decimal
    replicas: int = 0

    @property
    def usd_per_1k(self) -> Decimal:
        """USD of 1,000 requests."""
        return (1000 * self.usd_per_day / self.requests_per_day).quantize(PLACES)


@dataclass(frozen=True, slots=True)
class ServingOption:
    """A system as somebody pays for it: a provider that bills `usd_per_1k` requests or, where that
    is None, machines of ours, each of which takes `requests_per_s`."""

    requests_per_s: float
    usd_per_1k: Decimal | None = None

    def at(self, assumed: TrafficAssumptions) -> DailyCost:
        """What it costs then."""
        if self.usd_per_1k is not None:
            return at_provider(self.usd_per_1k, assumed.requests_per_day)
        return on_machines(
            assumed.usd_per_hour,
            self.requests_per_s,
            assumed.requests_per_day,
            assumed.utilisation,
        )

    def priced(self, factor: Decimal) -> "ServingOption | None":
        """The same at another price of its provider; None without one."""
        if self.usd_per_1k is None:
            return None
        return replace(self, usd_per_1k=(factor * self.usd_per_1k).quantize(PLACES))


@dataclass(frozen=True, slots=True)
class Mixture:
    """A student that is asked about every request, and a teacher that is asked about a share
    `handed_over` of them, too."""

    student: ServingOption
    teacher: ServingOption
    handed_over: Fraction

    def at(self, assumed: TrafficAssumptions) -> DailyCost:
        """The price of both, on machines of their own where we serve them."""
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
    """USD that are saved each day; the days and requests after which what was spent on the student
    is saved, None for never."""

    saved_per_day: Decimal
    days: Decimal | None
    requests: int | None

    @property
    def saved_per_month(self) -> Decimal:
        """Of 365 ÷ 12 days."""
        return self.saved_per_day * DAYS_PER_MONTH


@dataclass(frozen=True, slots=True)
class Tuned:
    """A student that a provider serves until it `ends`: USD that making it takes, and USD of a
    request to its teacher and to it."""

    spent: Decimal
    teacher: Decimal
    student: Decimal
    ends: date

    @property
    def needed(self) -> int | None:
        """Requests after which it has paid for itself; None for never."""
        saved = self.teacher - self.student
        return ceil(self.spent / saved) if saved > 0 else None

    def days_left(self, today: date) -> int:
        """Days until its provider ends it, at least one."""
        return max((self.ends - today).days, 1)

    def in_words(self, today: date) -> str:
        """When it has paid for itself."""
        if self.needed is None:
            return "the student costs no less than its teacher: it never pays for itself"
        a_day = ceil(self.needed / self.days_left(today))
        return (
            f"the run pays for itself after about {self.needed:,} requests, "
            f"${self.teacher - self.student:.8f} saved on each: {a_day:,} a day until its model "
            f"ends on {self.ends}"
        )


def at_provider(usd_per_1k: Decimal, requests_per_day: int) -> DailyCost:
    """Of a provider that bills each request."""
    return DailyCost(requests_per_day, usd_per_1k * requests_per_day / 1000)


def on_machines(
    usd_per_hour: Decimal, requests_per_s: float, requests_per_day: int, utilisation: float
) -> DailyCost:
    """On machines of ours, each of which takes `requests_per_s` and is wanted to be busy for a
    share `utilisation` of the time."""
    each = Decimal(str(requests_per_s)) * Decimal(str(utilisation)) * SECONDS_PER_DAY
    replicas = max(1, ceil(requests_per_day / each))
    return DailyCost(requests_per_day, replicas * HOURS_PER_DAY * usd_per_hour, replicas)


def pay_back(spent: Decimal, before: DailyCost, after: DailyCost) -> BreakEven:
    """When `spent` USD are saved by `after` in place of `before`, both at the same traffic."""
    saved = before.usd_per_day - after.usd_per_day
    if saved <= 0:
        return BreakEven(saved, None, None)
    days = spent / saved
    requests = (days * after.requests_per_day).to_integral_value(ROUND_CEILING)
    return BreakEven(saved, days, int(requests))
