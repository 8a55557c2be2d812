"""Systems with their prices and speeds → what each costs at the task's traffic, and when the
student has paid for itself: against its teacher, against the cheapest rival that is as good, at
more traffic, and under other assumptions."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

from distill.backends.teachers import choose
from distill.backends.tuning_prices import TUNABLE
from distill.break_even import Assumed, Offer, PayBack, pay_back
from distill.price_table import lifetime_of
from distill.report.spend import shown_usd
from distill.stats import Verdict
from distill.systems import OF_ITS_ROWS
from distill.task import Task

CENTS = Decimal("0.01")
MOST_DAYS = 36_500  # a hundred years: longer than anybody waits, and no date holds much more
MORE_TRAFFIC = (1, 10, 100)
HALF, TWICE = Decimal("0.5"), Decimal(2)

Figures = dict[str, Any]
System = Mapping[str, Any]


def assumed_of(task: Task) -> Assumed:
    """What the task says about its traffic and its machine."""
    spec = task.spec
    return Assumed(
        spec.traffic.requests_per_day, spec.traffic.utilisation, spec.machine.usd_per_hour
    )


def assumptions(task: Task) -> Figures:
    """What the report assumes because the task says so; another page is due when it changes."""
    assumed, people = assumed_of(task), task.spec.people
    told: Figures = {
        "requests_per_day": assumed.requests_per_day,
        "utilisation": assumed.utilisation,
        "usd_per_hour": shown_usd(assumed.usd_per_hour),
    }
    if people.usd:
        told |= {"people_hours": float(people.hours)}
        told |= {"people_usd_per_hour": shown_usd(people.usd_per_hour)}
    return told


def offer(system: System, *, billed: bool) -> Offer:
    """A system's row of the report, as somebody pays for it."""
    usd = Decimal(system["usd_per_1k_requests"]) if billed else None
    return Offer(float(system["requests_per_s"]), usd)


def traffic_figures(task: Task, system: System, *, billed: bool) -> Figures:
    """`at_traffic` of a system."""
    found = offer(system, billed=billed).at(assumed_of(task))
    return {
        "at_traffic": {
            "usd_per_1k_requests": shown_usd(found.usd_per_1k),
            "usd_per_day": shown_usd(found.usd_per_day),
            "replicas": found.replicas,
        }
    }


@dataclass(frozen=True, slots=True)
class Made:
    """What it took to make the student of `base`: USD in all, and of them those of its rows."""

    usd: Decimal
    base: str
    rows_usd: Decimal = Decimal(0)

    def ends(self, billed: Collection[str]) -> date | None:
        """The day on which a provider switches it off, as far as that is known."""
        if "student" in billed and self.base in TUNABLE:
            return TUNABLE[self.base].shutdown
        return None


@dataclass(frozen=True, slots=True)
class Purchase:
    """A student that took `spent` USD to make, in place of another system; `ends` and `before_ends`
    are the days on which providers switch these off."""

    spent: Decimal
    before: Offer
    student: Offer
    ends: date | None = None
    before_ends: date | None = None

    def found(self, assumed: Assumed) -> PayBack:
        """When it has paid for itself."""
        return pay_back(self.spent, self.before.at(assumed), self.student.at(assumed))

    def figures(self, assumed: Assumed) -> Figures:
        """The same; `requests` and `days` are absent where it never does."""
        found = self.found(assumed)
        told: Figures = {"never": not self.in_time(found)}
        if self.in_time(found) and found.days is not None:
            told |= {"requests": found.requests, "days": round(float(found.days), 2)}
        return told | {"monthly_saving_usd": shown_usd(found.saved_per_month.quantize(CENTS))}

    def in_time(self, found: PayBack) -> bool:
        """Whether it pays back while anybody waits and its model still runs."""
        if found.days is None or found.days > MOST_DAYS:
            return False
        return self.ends is None or _today() + timedelta(days=ceil(found.days)) <= self.ends

    def sentence(self, assumed: Assumed, against: str) -> str:
        """The same in words; `against` is what it costs no less than where it never pays."""
        found, asked = self.found(assumed), f"at {assumed.requests_per_day:,} requests a day"
        if found.days is None:
            return f"It never pays for itself {asked}: it costs no less than {against} there."
        if not self.in_time(found) and self.ends is not None:
            return f"It does not pay for itself {asked} before its model ends on {self.ends}."
        if not self.in_time(found):
            return f"It does not pay for itself {asked} within a hundred years."
        days = ceil(found.days)
        told = f"It has paid for itself after {days:,} {'day' if days == 1 else 'days'} {asked}."
        if self.before_ends and _today() + timedelta(days=days) > self.before_ends:
            told += f" But {against} ends on {self.before_ends}: compare what takes its place."
        return told


def break_even_figures(
    task: Task, systems: Sequence[System], billed: Collection[str], made: Made
) -> Figures:
    """When the student has paid for itself against its teacher, at the task's traffic, at more, and
    where an assumption is off by a factor of two. `ends` is the day on which a provider switches
    the student off."""
    offers = _offers("teacher", systems, billed)
    purchase = Purchase(made.usd, *offers, made.ends(billed), _ends(task, "teacher"))
    assumed = assumed_of(task)
    found = purchase.figures(assumed)
    return {
        "break_even": {
            **found,
            "replicas": purchase.student.at(assumed).replicas,
            "spent_usd": shown_usd(made.usd),
            **({"ends": purchase.ends.isoformat()} if purchase.ends else {}),
            **({"teacher_ends": purchase.before_ends.isoformat()} if purchase.before_ends else {}),
            "assumptions": assumptions(task),
            "sentence": purchase.sentence(assumed, "its teacher"),
            "traffic": [_at(purchase, assumed, times) for times in MORE_TRAFFIC],
            "sensitivity": list(_sensitivity(purchase, assumed)),
        }
    }


def rival_figures(
    task: Task,
    systems: Sequence[System],
    billed: Collection[str],
    made: Made,
    verdicts: Mapping[str, Verdict],
) -> Figures:
    """`cheapest_rival`: the same against the cheapest system beside student and teacher that is
    non-inferior to the teacher; empty where none is. One that is made of the student's rows has
    cost what these had, too."""
    as_good = [
        row
        for row in systems
        if row["name"] in verdicts and verdicts[row["name"]].result == "non_inferior"
    ]
    if not as_good:
        return {}
    rival = min(as_good, key=_usd)
    taken = made.rows_usd if rival["name"] in OF_ITS_ROWS else Decimal(0)
    offers, ends = _offers(rival["name"], systems, billed), made.ends(billed)
    purchase = Purchase(made.usd - taken, *offers, ends, _ends(task, rival["name"]))
    assumed = assumed_of(task)
    told = {"system": rival["name"], "spent_usd": shown_usd(taken), **purchase.figures(assumed)}
    return {"cheapest_rival": told | {"sentence": purchase.sentence(assumed, rival["name"])}}


def _usd(system: System) -> tuple[Decimal, Decimal]:
    """USD a day at the traffic; two that a machine serves cost the same there."""
    return Decimal(system["at_traffic"]["usd_per_day"]), Decimal(system["usd_per_1k_requests"])


def _ends(task: Task, name: str) -> date | None:
    """When the provider of a system that no task trains switches it off, as far as that is
    known."""
    named = task.named_models.get(name)
    if not named:
        return None
    model = choose(named).model
    found = lifetime_of(model.api, model.name)
    return found.shutdown if found else None


def _today() -> date:
    return datetime.now(UTC).date()


def _offers(before: str, systems: Sequence[System], billed: Collection[str]) -> tuple[Offer, Offer]:
    by_name = {system["name"]: system for system in systems}
    first, student = (offer(by_name[name], billed=name in billed) for name in (before, "student"))
    return first, student


def _at(purchase: Purchase, assumed: Assumed, times: int) -> Figures:
    more = replace(assumed, requests_per_day=times * assumed.requests_per_day)
    before, student = purchase.before.at(more), purchase.student.at(more)
    return {
        "times": times,
        "requests_per_day": more.requests_per_day,
        "teacher_usd_per_day": shown_usd(before.usd_per_day),
        "student_usd_per_day": shown_usd(student.usd_per_day),
        "replicas": student.replicas,
        **purchase.figures(more),
    }


def _sensitivity(purchase: Purchase, assumed: Assumed) -> Iterator[Figures]:
    """Each assumption halved and doubled, the others as they are; only those that it hangs on."""
    before, student = purchase.before, purchase.student
    for factor in (HALF, TWICE):
        if dear := before.priced(factor):
            told = replace(purchase, before=dear).figures(assumed)
            yield {"assumption": "teacher's price", "value": _per_1k(dear), **told}
    for factor in (HALF, TWICE):
        if dear := student.priced(factor):
            told = replace(purchase, student=dear).figures(assumed)
            yield {"assumption": "student's price", "value": _per_1k(dear), **told}
    for factor in (HALF, TWICE):
        asked = max(1, int(factor * assumed.requests_per_day))
        changed = replace(assumed, requests_per_day=asked)
        yield {"assumption": "requests a day", "value": f"{asked:,}", **purchase.figures(changed)}
    if before.usd_per_1k is not None and student.usd_per_1k is not None:
        return  # no machine of ours
    for factor in (HALF, TWICE):
        hour = factor * assumed.usd_per_hour
        changed = replace(assumed, usd_per_hour=hour)
        value = f"${shown_usd(hour)} an hour"
        yield {"assumption": "price of the machine", "value": value, **purchase.figures(changed)}
    for factor in (HALF, TWICE):
        busy = min(1.0, float(factor) * assumed.utilisation)
        changed = replace(assumed, utilisation=busy)
        value = f"{busy:.0%} busy"
        yield {"assumption": "utilisation", "value": value, **purchase.figures(changed)}


def _per_1k(paid: Offer) -> str:
    return f"${shown_usd(paid.usd_per_1k or Decimal(0))} per 1,000"


def prompt_tokens_saved(systems: Sequence[System]) -> Figures:
    """How many tokens of a prompt the training saves: the base needs its instructions and some
    seeds where the student knows the job. Both count with one tokenizer."""
    means = {row["name"]: row.get("prompt_tokens_mean") for row in systems}
    shown, student = means.get("base_few_shot"), means.get("student")
    if not shown or not student:
        return {}
    share = (shown - student) / shown
    return {"prompt_tokens_saved": {"base_few_shot": shown, "student": student, "share": share}}
