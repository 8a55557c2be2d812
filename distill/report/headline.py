"""The first sentence: what whoever pays the bill has to know. A rival that wins is named first."""

from collections.abc import Mapping, Sequence
from typing import Any

from distill.stats import Verdict
from distill.systems import RIVALS

System = Mapping[str, Any]


def headline(systems: Sequence[System], verdict: Verdict, gold: int) -> str:
    """One or two sentences in plain words."""
    by_name = {system["name"]: system for system in systems}
    verdict_sentence = _verdict_sentence(by_name, verdict, gold)
    winner = winning_rival(systems)
    if winner is None:
        return verdict_sentence
    return f"{_rival_sentence(winner, by_name['student'])} {verdict_sentence}"


def winning_rival(systems: Sequence[System]) -> System | None:
    """The best rival that is at least as good as the student, None when the student beats all."""
    student = next(system for system in systems if system["name"] == "student")
    ahead = [
        system
        for system in systems
        if system["name"] in RIVALS and system["value"] >= student["value"]
    ]
    return max(ahead, key=lambda system: float(system["value"]), default=None)


def _rival_sentence(rival: System, student: System) -> str:
    return (
        f"You do not need the student: {RIVALS[rival['name']]} ({rival['name']}) is right on "
        f"{rival['value']:.1%} ({rival['ci_low']:.1%}…{rival['ci_high']:.1%}), the student on "
        f"{student['value']:.1%}."
    )


def _verdict_sentence(by_name: Mapping[str, System], verdict: Verdict, gold: int) -> str:
    found = verdict.difference
    figures = (
        f"({100 * found.value:+.1f} points, {verdict.confidence:.0%} interval "
        f"{100 * found.low:+.1f}…{100 * found.high:+.1f}, margin {100 * verdict.margin:.1f}, "
        f"on {gold} human-labelled messages)"
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
