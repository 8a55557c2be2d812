"""The first sentence: what whoever pays the bill has to know. A rival that wins is named first."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from distill.stats import Interval, Verdict
from distill.systems import rival_in_words

# What a system does whose value that is, and the same of another one after it.
IN_WORDS = {"accuracy": ("is right on", "on "), "field_f1": ("has a field F1 of", "one of ")}

System = Mapping[str, Any]
Leads = Mapping[str, Interval]


def headline(systems: Sequence[System], verdict: Verdict, leads: Leads, gold: int) -> str:
    """One to three sentences in plain words. `leads` are the student's differences to its rivals,
    paired by gold row."""
    by_name = {system["name"]: system for system in systems}
    verdict_sentence = _verdict_sentence(by_name, verdict, gold)
    rival = unbeaten_rival(systems, leads)
    if rival is None:
        return verdict_sentence
    lead = leads[rival["name"]]
    return f"{_rival_sentence(rival, by_name['student'], lead, gold)} {verdict_sentence}"


def unbeaten_rival(systems: Sequence[System], leads: Leads) -> System | None:
    """The best rival that the gold does not show to be worse than the student, and that costs no
    more than the teacher; None when the student beats all."""
    teacher = next(_usd(row) for row in systems if row["name"] == "teacher")
    unbeaten = [
        row
        for row in systems
        if row["name"] in leads and leads[row["name"]].low <= 0 and _usd(row) <= teacher
    ]
    return max(unbeaten, key=lambda system: float(system["value"]), default=None)


def _usd(system: System) -> Decimal:
    return Decimal(system["usd_per_1k_requests"])


def _rival_sentence(rival: System, student: System, lead: Interval, gold: int) -> str:
    what = f"{rival_in_words(rival['name'])}, at ${rival['usd_per_1k_requests']} per 1,000"
    has, points = IN_WORDS[student["metric"]]
    shares = f"{has} {rival['value']:.1%}, the student {points}{student['value']:.1%}"
    interval = f"{100 * lead.value:+.1f} points, {100 * lead.low:+.1f}…{100 * lead.high:+.1f}"
    if lead.value <= 0:
        return f"You do not need the student: {what}, {shares} ({interval})."
    return (
        f"You may not need the student: {what}, {shares}, which {gold} messages do not tell apart "
        f"({interval})."
    )


def _verdict_sentence(by_name: Mapping[str, System], verdict: Verdict, gold: int) -> str:
    found = verdict.difference
    ends = {
        "non_inferior": f", no worse than {100 * verdict.at_least:+.1f}",
        "inferior": f", no better than {100 * verdict.at_most:+.1f}",
        "inconclusive": "",
    }
    figures = (
        f"({100 * found.value:+.1f} points, {verdict.confidence:.0%} interval "
        f"{100 * found.low:+.1f}…{100 * found.high:+.1f}{ends[verdict.result]}, "
        f"margin {100 * verdict.margin:.1f}, on {gold} human-labelled messages)"
    )
    words = {
        "non_inferior": "The student answers as well as the teacher",
        "inferior": "The student answers worse than the teacher",
        "inconclusive": "Whether the student answers as well as the teacher is open",
    }
    student, teacher = by_name["student"], by_name["teacher"]
    sentence = (
        f"{words[verdict.result]} {figures} and costs ${student['usd_per_1k_requests']} per 1,000 "
        f"requests instead of ${teacher['usd_per_1k_requests']}."
    )
    if verdict.gold_needed:
        sentence += f" About {verdict.gold_needed:,} gold messages would settle it."
    return sentence
