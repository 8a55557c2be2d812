"""The cost of a student, and its break-even in place of another system."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

from distill.evaluate.systems import TRAINED_ON_STUDENT_ROWS
from distill.pricing.break_even import BreakEven, ServingOption, TrafficAssumptions, pay_back
from distill.pricing.finetuning import TUNABLE
from distill.pricing.table import today
from distill.report.spend import shown_usd

CENTS = Decimal("0.01")
MOST_DAYS = 36_500  # a hundred years: nobody waits longer, and a later date would overflow

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StudentCost:
    """The cost of making the student.

    - `usd`: the total in USD
    - `base`: the student's base
    - `rows_usd`: the part of `usd` for the student's rows, including people's work
    - `people_usd`: the part of `usd` for people's work
    - `may_replace`: True if the student may replace its teacher
    """

    usd: Decimal
    base: str
    rows_usd: Decimal = Decimal(0)
    people_usd: Decimal = Decimal(0)
    may_replace: bool = True

    def ends(self, billed: Collection[str]) -> date | None:
        """Return the day on which a provider ends the student; None if unknown."""
        if "student" in billed and self.base in TUNABLE:
            return TUNABLE[self.base].shutdown
        return None

    def taken(self, rival: str) -> Decimal:
        """Return the part of the student's cost, in USD, that a rival also needs.

        A rival that is trained on the student's rows needs `rows_usd`, any other `people_usd`:
        people label the gold that measures a rival, and its seeds."""
        return self.rows_usd if rival in TRAINED_ON_STUDENT_ROWS else self.people_usd


@dataclass(frozen=True, slots=True)
class Replacement:
    """A student in place of another system.

    - `spent`: the student's cost in USD, minus the part that the replaced system also needs
    - `before`: the replaced system
    - `ends`: day on which a provider ends the student
    - `before_ends`: day on which a provider ends the replaced system
    """

    spent: Decimal
    before: ServingOption
    student: ServingOption
    ends: date | None = None
    before_ends: date | None = None

    def found(self, assumed: TrafficAssumptions) -> BreakEven:
        """Return the break-even of the student."""
        return pay_back(self.spent, self.before.at(assumed), self.student.at(assumed))

    def figures(self, assumed: TrafficAssumptions) -> Figures:
        """Return the break-even's figures.

        `requests` and `days` are absent if the student never pays for itself."""
        return pay_back_figures(self.found(assumed), self.ends)

    def sentence(self, assumed: TrafficAssumptions, against: str) -> str:
        """Return a sentence on the break-even; `against`: the replaced system in words."""
        found, asked = self.found(assumed), f"at {assumed.requests_per_day:,} requests a day"
        if found.days is None:
            return f"It never pays for itself {asked}: it costs no less than {against} there."
        if not _in_time(found, self.ends) and self.ends is not None:
            return f"It does not pay for itself {asked} before its model ends on {self.ends}."
        if not _in_time(found, self.ends):
            return f"It does not pay for itself {asked} within a hundred years."
        days = ceil(found.days)
        told = f"It has paid for itself after {days:,} {'day' if days == 1 else 'days'} {asked}."
        if self.before_ends and today() + timedelta(days=days) > self.before_ends:
            told += f" But {against} ends on {self.before_ends}: compare what takes its place."
        return told


def pay_back_figures(found: BreakEven, ends: date | None) -> Figures:
    """Return a break-even's figures; `ends`: the day on which a provider ends the student."""
    in_time = _in_time(found, ends)
    told: Figures = {"never": not in_time}
    if in_time and found.days is not None:
        told |= {"requests": found.requests, "days": round(float(found.days), 2)}
    return told | {"monthly_saving_usd": shown_usd(found.saved_per_month.quantize(CENTS))}


def _in_time(found: BreakEven, ends: date | None) -> bool:
    """True if the student pays for itself within MOST_DAYS, and before its model ends."""
    if found.days is None or found.days > MOST_DAYS:
        return False
    return ends is None or today() + timedelta(days=ceil(found.days)) <= ends
