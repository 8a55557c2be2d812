"""The headline of the report, for the payer of the bill: an unbeaten rival, verdict and money.

Every price is USD per 1,000 requests at the task's traffic.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from distill.evaluate.statistics import Interval, Verdict
from distill.evaluate.systems import rival_in_words
from distill.report.figures import is_disturbed, timing_command
from distill.report.payback import (
    dearer_than_today,
    displaces_student,
    surely_pays_soon,
    usd_at_traffic,
)
from distill.report.spend import short_usd
from distill.task import Task

# Metric → words before the value of the first system, and of a second one.
IN_WORDS = {
    "accuracy": ("is right on", "on "),
    "field_f1": ("has a field F1 of", "one of "),
    "win_rate": ("has a win rate against the teacher of", "one of "),
}

System = Mapping[str, Any]
Leads = Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class MeasuredSystem:
    """The facts that the sentences of the headline share.

    - `gold`: the gold in words
    - `task`: the task's name
    - `money`: report.json's `break_even`
    - `judge`: a sentence on the judge's reliability; "" without a judge
    - `useless`: True if the judge is too unreliable for any other sentence
    - `looks`: a sentence on earlier verdicts on this gold; "" for none
    - `beaten`: the return value of `beaten_rivals`
    """

    gold: str
    task: str
    money: Mapping[str, Any]
    judge: str = ""
    useless: bool = False
    looks: str = ""
    beaten: Sequence[str] = ()

    @property
    def traffic(self) -> str:
        """The traffic of all prices, as a phrase."""
        return f"at {self.money['assumptions']['requests_per_day']:,} a day"


def measured(task: Task, judge: Mapping[str, Any], money: Mapping[str, Any]) -> MeasuredSystem:
    """Return the facts on gold and judge.

    `judge`: the judge's figures. `money`: the break-even's figures."""
    if not judge:
        return MeasuredSystem(f"{len(task.gold)} human-labelled messages", task.name, money)
    name = "the teacher itself" if judge["is_teacher"] else judge["model"]
    gold = f"{len(task.gold)} messages, judged by {name}"
    if judge["usable"]:
        return MeasuredSystem(gold, task.name, money, _worth(judge))
    return MeasuredSystem(gold, task.name, money, _useless(judge), useless=True)


def _worth(judge: Mapping[str, Any]) -> str:
    if "people" not in judge:
        return "Nothing shows whether the judge agrees with people: the task has no preferences."
    people = judge["people"]
    return (
        f"The judge agrees with people on {people['value']:.1%} of {people['n']} comparisons "
        f"({people['ci_low']:.1%}…{people['ci_high']:.1%})."
    )


def _useless(judge: Mapping[str, Any]) -> str:
    found = "it was never shown an answer that is plainly wrong, since all are the same"
    if "control" in judge:
        control = judge["control"]
        found = (
            f"against answers to other messages the right ones have a win rate of "
            f"{control['value']:.1%} ({control['ci_low']:.1%}…{control['ci_high']:.1%}) in "
            f"{control['n']} comparisons"
        )
    return (
        f"Nothing follows from the win rates: the judge, {judge['model']}, does not tell answers "
        f"apart ({found}). Name a stronger one in evaluate.judge_model."
    )


def headline(systems: Sequence[System], verdict: Verdict, leads: Leads, on: MeasuredSystem) -> str:
    """Return the headline, a few sentences in plain words.

    `leads`: the student's differences from its rivals, paired by gold row."""
    by_name = {system["name"]: system for system in systems}
    if on.useless:
        return on.judge + _references(by_name)
    return " ".join(_sentences(systems, verdict, leads, on))


def _sentences(
    systems: Sequence[System], verdict: Verdict, leads: Leads, on: MeasuredSystem
) -> Iterator[str]:
    by_name = {system["name"]: system for system in systems}
    student, priced = by_name["student"], [by_name["student"], by_name["teacher"]]
    rival = unbeaten_rival(systems, leads, on.money)
    if rival is not None:
        yield _rival_sentence(rival, student, leads[rival["name"]], on)
        priced.append(rival)
    yield _verdict_sentence(by_name, verdict, on)
    if on.looks:
        yield on.looks
    if disturbed := [row["name"] for row in priced if is_disturbed(row)]:
        yield _unmeasured(disturbed, on.task)
    yield on.money["sentence"]
    if reasons := by_name["teacher"].get("without_reasons"):
        yield (
            "The price of the teacher has reasons in it that production need not ask for "
            f"(teacher.rationale): without them it is about ${short_usd(reasons)}."
        )
    dear = _dearer_rival(systems, leads, on.money)
    if dear is not None:
        yield _dearer_sentence(dear, student, leads[dear["name"]], on)
    if on.beaten:
        best = max((by_name[name] for name in on.beaten), key=_value)
        yield _beaten_sentence(best, student, leads[best["name"]], on)
    if on.judge:
        yield on.judge


def _unmeasured(disturbed: Sequence[str], task: str) -> str:
    prices = "price" if len(disturbed) == 1 else "prices"
    return (
        f"The {prices} of {' and '.join(disturbed)} could not be measured, because other programs "
        f"used the processors: run `{timing_command(task)}`."
    )


def _references(by_name: Mapping[str, System]) -> str:
    """Return a sentence on chrF of student and teacher against references; "" without them."""
    student, teacher = (by_name[name].get("chrf") for name in ("student", "teacher"))
    if not student or not teacher:
        return ""
    return (
        f" Against {student['n']} references that people wrote chrF is {student['value']:.1%} for "
        f"the student and {teacher['value']:.1%} for the teacher."
    )


def unbeaten_rival(
    systems: Sequence[System], leads: Leads, money: Mapping[str, Any]
) -> System | None:
    """Return the best rival that makes the student unnecessary; None without such a rival.

    Gold does not show this rival to be worse than the student. Nor is the student shown to pay for
    itself in the rival's place, at the task's traffic."""
    found = [
        row
        for row in _level_rivals(systems, leads)
        if displaces_student(systems, money, row["name"])
    ]
    return max(found, key=_value, default=None)


def beaten_rivals(
    leads: Leads, verdicts: Mapping[str, Verdict], money: Mapping[str, Any], margin: float
) -> list[str]:
    """Return the rivals that are as good as the teacher, and that the student clearly beats.

    To take such a rival is shown to lose more than the margin against a student that pays for
    itself. `verdicts`: rival → verdict against the teacher. `money`: report.json's `break_even`.
    """
    if not surely_pays_soon(money):
        return []
    return [
        name
        for name, lead in leads.items()
        if verdicts[name].result == "non_inferior" and lead.low > margin
    ]


def _dearer_rival(
    systems: Sequence[System], leads: Leads, money: Mapping[str, Any]
) -> System | None:
    """Return the best rival in whose place the student pays for itself; None without one.

    Gold does not show this rival to be worse, and it costs no more than the teacher."""
    found = [
        row
        for row in _level_rivals(systems, leads)
        if not dearer_than_today(systems, money, row)
        and not money["rivals"].get(row["name"], {"never": True})["never"]
    ]
    return max(found, key=_value, default=None)


def _level_rivals(systems: Sequence[System], leads: Leads) -> list[System]:
    return [row for row in systems if row["name"] in leads and leads[row["name"]].low <= 0]


def _value(system: System) -> float:
    return float(system["value"])


def _short(system: System) -> str:
    return short_usd(system["at_traffic"]["usd_per_1k_requests"])


def _rival_sentence(rival: System, student: System, lead: Interval, on: MeasuredSystem) -> str:
    price = f"${_short(rival)} per 1,000 requests {on.traffic}"
    if is_disturbed(rival):
        price = "a price that could not be measured"
    has, points = IN_WORDS[student["metric"]]
    shares = f"{has} {rival['value']:.1%}, the student {points}{student['value']:.1%}"
    told = f"{rival_in_words(rival['name'])}, at {price}, {shares}"
    interval = f"{100 * lead.value:+.1f} points, {100 * lead.low:+.1f}…{100 * lead.high:+.1f}"
    if lead.value <= 0:
        return f"You do not need the student: {told} ({interval})."
    return (
        f"You may not need the student: {told}, which {on.gold.partition(',')[0]} do not "
        f"tell apart ({interval})."
    )


def _dearer_sentence(rival: System, student: System, lead: Interval, on: MeasuredSystem) -> str:
    level = "As good as the student"
    if lead.value > 0:
        level = f"Not told apart from the student by {on.gold.partition(',')[0]}"
    return (
        f"{level}, and dearer, is {rival_in_words(rival['name'])}: ${_short(rival)} per 1,000 "
        f"requests {on.traffic} against ${_short(student)}."
    )


def _beaten_sentence(rival: System, student: System, lead: Interval, on: MeasuredSystem) -> str:
    has, _ = IN_WORDS[student["metric"]]
    price = "" if is_disturbed(rival) else f", at ${_short(rival)} per 1,000 requests {on.traffic},"
    return (
        f"As good as the teacher is {rival_in_words(rival['name'])}, too{price} but the student "
        f"beats it by more than the margin ({100 * lead.value:+.1f} points, "
        f"{100 * lead.low:+.1f}…{100 * lead.high:+.1f}): it {has} {rival['value']:.1%}."
    )


def _verdict_sentence(by_name: Mapping[str, System], verdict: Verdict, on: MeasuredSystem) -> str:
    found = verdict.difference
    ends = {
        "non_inferior": f", no worse than {100 * verdict.at_least:+.1f}",
        "inferior": f", no better than {100 * verdict.at_most:+.1f}",
        "inconclusive": "",
    }
    figures = (
        f"({100 * found.value:+.1f} points, {verdict.confidence:.0%} interval "
        f"{100 * found.low:+.1f}…{100 * found.high:+.1f}{ends[verdict.result]}, "
        f"margin {100 * verdict.margin:.1f}, on {on.gold})"
    )
    words = {
        "non_inferior": "The student answers as well as the teacher",
        "inferior": "The student answers worse than the teacher",
        "inconclusive": "Whether the student answers as well as the teacher is open",
    }
    sentence = f"{words[verdict.result]} {figures}{_price(by_name, on)}."
    if verdict.gold_needed:
        sentence += f" About {verdict.gold_needed:,} gold messages would settle it."
    return sentence


def _price(by_name: Mapping[str, System], on: MeasuredSystem) -> str:
    """Return a phrase on the student's price and its teacher's.

    A disturbed price of the teacher is left out; "" if the student's price is disturbed."""
    student, teacher = by_name["student"], by_name["teacher"]
    if is_disturbed(student):
        return ""
    told = f" and costs ${_short(student)} per 1,000 requests {on.traffic}"
    if is_disturbed(teacher):
        return told
    if Decimal(_short(student)) != Decimal(_short(teacher)):
        return f"{told} instead of ${_short(teacher)}"
    about = "" if usd_at_traffic(student) == usd_at_traffic(teacher) else "about "
    return f"{told}, {about}as much as its teacher"
