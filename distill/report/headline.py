"""The first sentence: what whoever pays the bill has to know. A rival that wins is named first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from distill.report.spend import short_usd
from distill.stats import Interval, Verdict
from distill.systems import rival_in_words
from distill.task import Task

# What a system does whose value that is, and the same of another one after it.
IN_WORDS = {
    "accuracy": ("is right on", "on "),
    "field_f1": ("has a field F1 of", "one of "),
    "win_rate": ("has a win rate against the teacher of", "one of "),
}

System = Mapping[str, Any]
Leads = Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class Measured:
    """On what it was measured, in words; when the student has paid for itself, and what the judge
    is worth, in sentences, the latter empty without one; whether that is too little for any other
    sentence; and which verdicts on this gold went before, empty for none."""

    gold: str
    break_even: str = ""
    judge: str = ""
    useless: bool = False
    looks: str = ""


def measured(task: Task, judge: Mapping[str, Any], break_even: str) -> Measured:
    """On how many gold rows, and who judged the answers. `judge` has its figures."""
    if not judge:
        return Measured(f"{len(task.gold)} human-labelled messages", break_even)
    name = "the teacher itself" if judge["is_teacher"] else judge["model"]
    gold = f"{len(task.gold)} messages, judged by {name}"
    if judge["usable"]:
        return Measured(gold, break_even, _worth(judge))
    return Measured(gold, break_even, _useless(judge), useless=True)


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


def headline(systems: Sequence[System], verdict: Verdict, leads: Leads, on: Measured) -> str:
    """One to four sentences in plain words. `leads` are the student's differences to its rivals,
    paired by gold row."""
    by_name = {system["name"]: system for system in systems}
    if on.useless:
        return on.judge + _references(by_name)
    said = [_verdict_sentence(by_name, verdict, on.gold)]
    said += [sentence for sentence in (on.looks, on.break_even, on.judge) if sentence]
    rival = unbeaten_rival(systems, leads)
    if rival is not None:
        lead = leads[rival["name"]]
        said.insert(0, _rival_sentence(rival, by_name["student"], lead, on.gold))
    return " ".join(said)


def _references(by_name: Mapping[str, System]) -> str:
    """How near both come to what people wrote, where they did."""
    student, teacher = (by_name[name].get("chrf") for name in ("student", "teacher"))
    if not student or not teacher:
        return ""
    return (
        f" Against {student['n']} references that people wrote chrF is {student['value']:.1%} for "
        f"the student and {teacher['value']:.1%} for the teacher."
    )


def unbeaten_rival(systems: Sequence[System], leads: Leads) -> System | None:
    """The best rival that the gold does not show to be worse than the student, and that costs no
    more than the teacher, always busy or at the task's traffic; None when the student beats all."""
    teacher = next(row for row in systems if row["name"] == "teacher")
    unbeaten = [
        row
        for row in systems
        if row["name"] in leads
        and leads[row["name"]].low <= 0
        and (_usd(row) <= _usd(teacher) or _at_traffic(row) <= _at_traffic(teacher))
    ]
    return max(unbeaten, key=lambda system: float(system["value"]), default=None)


def _short(system: System) -> str:
    return short_usd(system["usd_per_1k_requests"])


def _usd(system: System) -> Decimal:
    return Decimal(system["usd_per_1k_requests"])


def _at_traffic(system: System) -> Decimal:
    return Decimal(system["at_traffic"]["usd_per_1k_requests"])


def _rival_sentence(rival: System, student: System, lead: Interval, gold: str) -> str:
    what = f"{rival_in_words(rival['name'])}, at ${_short(rival)} per 1,000"
    has, points = IN_WORDS[student["metric"]]
    shares = f"{has} {rival['value']:.1%}, the student {points}{student['value']:.1%}"
    interval = f"{100 * lead.value:+.1f} points, {100 * lead.low:+.1f}…{100 * lead.high:+.1f}"
    if lead.value <= 0:
        return f"You do not need the student: {what}, {shares} ({interval})."
    return (
        f"You may not need the student: {what}, {shares}, which {gold.partition(',')[0]} do not "
        f"tell apart ({interval})."
    )


def _verdict_sentence(by_name: Mapping[str, System], verdict: Verdict, gold: str) -> str:
    found = verdict.difference
    ends = {
        "non_inferior": f", no worse than {100 * verdict.at_least:+.1f}",
        "inferior": f", no better than {100 * verdict.at_most:+.1f}",
        "inconclusive": "",
    }
    figures = (
        f"({100 * found.value:+.1f} points, {verdict.confidence:.0%} interval "
        f"{100 * found.low:+.1f}…{100 * found.high:+.1f}{ends[verdict.result]}, "
        f"margin {100 * verdict.margin:.1f}, on {gold})"
    )
    words = {
        "non_inferior": "The student answers as well as the teacher",
        "inferior": "The student answers worse than the teacher",
        "inconclusive": "Whether the student answers as well as the teacher is open",
    }
    student, teacher = by_name["student"], by_name["teacher"]
    sentence = (
        f"{words[verdict.result]} {figures} and costs ${_short(student)} per 1,000 requests "
        f"instead of ${_short(teacher)}."
    )
    if verdict.gold_needed:
        sentence += f" About {verdict.gold_needed:,} gold messages would settle it."
    return sentence
