"""The cost of each system at the task's traffic, and the break-even of the student.

The student is compared with its teacher and each rival; student and teacher together are compared
with the teacher alone. Traffic and other assumptions are varied.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from distill.evaluate.statistics import Verdict
from distill.evaluate.systems import LOCAL_SYSTEMS
from distill.llm.models import choose
from distill.pricing.break_even import (
    LATE_DAYS,
    DailyCost,
    Mixture,
    ServingOption,
    TrafficAssumptions,
    pay_back,
)
from distill.pricing.table import lifetime_of
from distill.report.figures import is_disturbed
from distill.report.replacement import Replacement, StudentCost, pay_back_figures
from distill.report.spend import shown_usd
from distill.report.today import today_figures, today_offer
from distill.task import Task

MORE_TRAFFIC = (1, 10, 100)
HALF, TWICE = Decimal("0.5"), Decimal(2)
# The reasons in `break_even.open_because` why it is unknown whether the student pays for itself.
VERDICT, TIMING = "verdict", "timing"
NOT_SHOWN = (
    "Whether it pays for itself is no question until it is shown to answer as well as its teacher."
)

Figures = dict[str, Any]
System = Mapping[str, Any]


def assumed_of(task: Task) -> TrafficAssumptions:
    """Return the task's assumptions about its traffic and its machine."""
    spec = task.spec
    return TrafficAssumptions(
        spec.traffic.requests_per_day, spec.traffic.utilisation, spec.machine.usd_per_hour
    )


def assumptions(task: Task) -> Figures:
    """Return the assumptions in the task's spec. A change makes the report outdated."""
    assumed, people = assumed_of(task), task.spec.people
    told: Figures = {
        "requests_per_day": assumed.requests_per_day,
        "utilisation": assumed.utilisation,
        "usd_per_hour": shown_usd(assumed.usd_per_hour),
    }
    if people.usd:
        told |= {"people_hours": float(people.hours)}
        told |= {"people_usd_per_hour": shown_usd(people.usd_per_hour)}
    told |= {f"today_{key}": value for key, value in task.spec.today.given.items()}
    if task.spec.teacher.rationale:
        told |= {"teacher_rationale": True}
    return told


def offer(system: System, *, billed: bool) -> ServingOption:
    """Return a system's serving option: its provider's price if `billed`, else machine time.

    A local system runs inside the caller's service, which costs nothing extra.
    """
    usd = Decimal(system["usd_per_1k_requests"]) if billed else None
    if system["name"] in LOCAL_SYSTEMS and not billed:
        usd = Decimal(0)
    return ServingOption(float(system["requests_per_s"]), usd)


def traffic_figures(task: Task, system: System, *, billed: bool) -> Figures:
    """Return the cost of a system at the task's traffic, its `at_traffic`."""
    return {"at_traffic": _at_traffic(offer(system, billed=billed).at(assumed_of(task)))}


def _at_traffic(found: DailyCost) -> Figures:
    return {
        "usd_per_1k_requests": shown_usd(found.usd_per_1k),
        "usd_per_day": shown_usd(found.usd_per_day),
        "replicas": found.replicas,
    }


def break_even_figures(
    task: Task, systems: Sequence[System], billed: Collection[str], made: StudentCost
) -> Figures:
    """Return `break_even` of the student against today's model, which is the teacher by default.

    - `today`: cost of today's model; absent if the teacher does the job today
    - `ends`: day on which the provider ends the student
    - `open_because`: reasons why no sentence may say that the student pays, `verdict` or `timing`
    - `traffic`: the break-even at the task's traffic and its multiples
    - `sensitivity`: the break-even with an assumption halved or doubled

    If the timing was disturbed, every figure that depends on a price is absent.
    """
    purchase = _purchase(task, systems, billed, made, "teacher")
    today = today_offer(task, systems, billed)
    if today is not None:
        purchase = replace(purchase, before=today, before_ends=_ends(task.spec.today.model))
    compared = ("teacher", "student") if today is None else ("student",)
    assumed, disturbed = assumed_of(task), disturbed_of(systems, compared)
    reasons = [VERDICT] if not made.may_replace else []
    reasons += [TIMING] if disturbed else []
    before = "its teacher" if today is None else "today's model"
    sentence = purchase.sentence(assumed, before) if not disturbed else _unmeasured(disturbed)
    return {
        "break_even": {
            **(purchase.figures(assumed) if not disturbed else {}),
            **({"open_because": reasons} if reasons else {}),
            **({"replicas": purchase.student.at(assumed).replicas} if not disturbed else {}),
            "spent_usd": shown_usd(made.usd),
            **today_figures(task, systems, today),
            **({"ends": purchase.ends.isoformat()} if purchase.ends else {}),
            **({"teacher_ends": purchase.before_ends.isoformat()} if purchase.before_ends else {}),
            "assumptions": assumptions(task),
            "sentence": sentence if made.may_replace else NOT_SHOWN,
            **(_variations(purchase, assumed) if not disturbed else {}),
        }
    }


def _variations(purchase: Replacement, assumed: TrafficAssumptions) -> Figures:
    return {
        "traffic": [_at(purchase, assumed, times) for times in MORE_TRAFFIC],
        "sensitivity": list(_sensitivity(purchase, assumed)),
    }


def disturbed_of(systems: Sequence[System], names: Collection[str]) -> list[str]:
    """Return those of the named systems whose price no sentence may use."""
    return [row["name"] for row in systems if row["name"] in names and is_disturbed(row)]


def _unmeasured(disturbed: Sequence[str]) -> str:
    names = " and ".join(f"the {name}" for name in disturbed)
    prices = "price" if len(disturbed) == 1 else "prices"
    are = "is" if len(disturbed) == 1 else "are"
    return f"Whether it pays for itself is open until the {prices} of {names} {are} measured anew."


def mixture_figures(
    task: Task,
    systems: Sequence[System],
    billed: Collection[str],
    made: StudentCost,
    handed_over: Fraction,
) -> Figures:
    """Return the cost of the student together with its teacher, which gets a share of the requests.

    The figures are USD at the task's traffic, and the break-even against the teacher alone. {} if a
    price is disturbed.
    """
    if disturbed_of(systems, ("teacher", "student")):
        return {}
    teacher, student = _offers("teacher", systems, billed)
    assumed = assumed_of(task)
    both = Mixture(student, teacher, handed_over).at(assumed)
    found = pay_back(made.usd, teacher.at(assumed), both)
    money = _at_traffic(both)
    return {
        "usd_per_1k_requests": money["usd_per_1k_requests"],
        "at_traffic": money,
        **pay_back_figures(found, made.ends(billed)),
    }


def rival_figures(
    task: Task,
    systems: Sequence[System],
    billed: Collection[str],
    made: StudentCost,
    verdicts: Mapping[str, Verdict],
) -> Figures:
    """Return the break-even of the student in place of its rivals.

    - `rivals`: rival → break-even; rivals with a disturbed price are left out
    - `cheapest_rival`: the cheapest rival that is non-inferior to the teacher, with a sentence

    `cheapest_rival` is absent if no rival is non-inferior, or if a needed price is disturbed.
    """
    if disturbed_of(systems, ("student",)):
        return {"rivals": {}}
    assumed = assumed_of(task)
    usable = [row for row in systems if row["name"] in verdicts and not is_disturbed(row)]
    purchases = {row["name"]: _purchase(task, systems, billed, made, row["name"]) for row in usable}
    told = {
        name: {"spent_usd": shown_usd(made.taken(name)), **purchase.figures(assumed)}
        for name, purchase in purchases.items()
    }
    as_good = [name for name, found in verdicts.items() if found.result == "non_inferior"]
    if not as_good or disturbed_of(systems, as_good):
        return {"rivals": told}
    name = min((row for row in usable if row["name"] in as_good), key=_usd)["name"]
    sentence = purchases[name].sentence(assumed, name) if made.may_replace else NOT_SHOWN
    return {
        "rivals": told,
        "cheapest_rival": {"system": name, **told[name], "sentence": sentence},
    }


def displaces_student(systems: Sequence[System], money: Mapping[str, Any], name: str) -> bool:
    """True if the student has no advantage over a rival that is as good as the teacher.

    Such a rival costs no more than today's model at the task's traffic, and the student does not
    pay for itself in its place. A disturbed price does not rule this out. `money`: the report's
    `break_even`.
    """
    if name not in money["rivals"]:
        return True
    row = next(row for row in systems if row["name"] == name)
    never = bool(money["rivals"][name]["never"])
    return never and not dearer_than_today(systems, money, row)


def dearer_than_today(systems: Sequence[System], money: Mapping[str, Any], row: System) -> bool:
    """True if a system costs more than today's model at the task's traffic.

    False if either price is disturbed.
    """
    teacher = next(row for row in systems if row["name"] == "teacher")
    if is_disturbed(row) or ("today" not in money and is_disturbed(teacher)):
        return False
    if "today" in money:
        return usd_at_traffic(row) > Decimal(money["today"]["usd_per_1k_requests"])
    return usd_at_traffic(row) > usd_at_traffic(teacher)


def pays_soon(money: Mapping[str, Any]) -> bool:
    """True if a cost is paid back within LATE_DAYS; False if a price is disturbed."""
    return not money.get("never", True) and money["days"] <= LATE_DAYS


def surely_pays_soon(money: Mapping[str, Any]) -> bool:
    """True if a student that is shown to be as good is paid back soon, at measured prices.

    `money`: the report's `break_even`.
    """
    return "open_because" not in money and pays_soon(money)


def usd_at_traffic(system: System) -> Decimal:
    """Return USD per 1,000 requests to a system at the task's traffic."""
    return Decimal(system["at_traffic"]["usd_per_1k_requests"])


def _usd(system: System) -> tuple[Decimal, Decimal]:
    """Return USD per day at the traffic, and as a tie-break USD per 1,000 requests.

    Two systems that each need one machine cost the same per day."""
    return Decimal(system["at_traffic"]["usd_per_day"]), Decimal(system["usd_per_1k_requests"])


def _ends(named: str | None) -> date | None:
    """Return the day on which the provider ends a model; None if unknown."""
    if not named:
        return None
    model = choose(named).model
    found = lifetime_of(model.api, model.name)
    return found.shutdown if found else None


def _purchase(
    task: Task, systems: Sequence[System], billed: Collection[str], made: StudentCost, before: str
) -> Replacement:
    """Return the replacement of the teacher, or of a rival, by the student."""
    spent = made.usd - (Decimal(0) if before == "teacher" else made.taken(before))
    offers = _offers(before, systems, billed)
    return Replacement(spent, *offers, made.ends(billed), _ends(task.named_models.get(before)))


def _offers(
    before: str, systems: Sequence[System], billed: Collection[str]
) -> tuple[ServingOption, ServingOption]:
    by_name = {system["name"]: system for system in systems}
    first, student = (offer(by_name[name], billed=name in billed) for name in (before, "student"))
    return first, student


def _at(purchase: Replacement, assumed: TrafficAssumptions, times: int) -> Figures:
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


def _sensitivity(purchase: Replacement, assumed: TrafficAssumptions) -> Iterator[Figures]:
    """Yield the break-even with each assumption halved and doubled, the others unchanged.

    Assumptions without an effect are left out."""
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
        return  # the price of a machine has no effect
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


def _per_1k(paid: ServingOption) -> str:
    return f"${shown_usd(paid.usd_per_1k or Decimal(0))} per 1,000"


def prompt_tokens_saved(systems: Sequence[System]) -> Figures:
    """Return the prompt tokens that the training saves; {} if a count is missing.

    The base needs instructions and some seeds in its prompt, which the student has learnt. Both
    counts come from the same tokenizer."""
    means = {row["name"]: row.get("prompt_tokens_mean") for row in systems}
    shown, student = means.get("base_few_shot"), means.get("student")
    if not shown or not student:
        return {}
    share = (shown - student) / shown
    return {"prompt_tokens_saved": {"base_few_shot": shown, "student": student, "share": share}}
