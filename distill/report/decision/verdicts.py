"""The verdict of a report, one of six, and its reason in a title and a sentence or two.

The rules of the advice decide; `verdict.result` of report.json stays the statistical result.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from distill.core.numbers import dollars, large, span
from distill.evaluate.systems import LOCAL_SYSTEMS
from distill.report.decision.facts import Facts, failed
from distill.report.names import name_of, within

Verdict = Literal[
    "switch", "switch_after_fix", "use_cheaper", "not_proven", "dont_switch", "no_verdict"
]

CHEAPER = ("free_model", "prompt", "cheap_model")
TITLES = {
    "base": "The small model does this job without any training.",
    "base_few_shot": "The small model does this job with examples in its prompt.",
    "nearest": "Looking up the nearest example does this job.",
}
REPLACING = ("switch", "switch_after_fix", "use_cheaper")


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict in words.

    `chosen`: the system that the verdict recommends; None without one.
    """

    verdict: Verdict
    title: str
    why: str
    chosen: str | None = None

    @property
    def shown(self) -> str:
        """The system to show: the chosen one, or the student if the teacher stays."""
        return "student" if self.chosen in (None, "teacher") else str(self.chosen)


def decide(facts: Facts) -> Decision:
    """Return the verdict on a finished run."""
    figures = facts.figures
    if figures.get("rehearsal"):
        return Decision(
            "no_verdict",
            "A rehearsal: no figure on this page is real.",
            "A stand-in gave the answers of the model. Keep today's model until a real run.",
        )
    if not figures.get("judge", {"usable": True})["usable"]:
        return Decision(
            "no_verdict",
            "No verdict: the model that judges the texts is unreliable.",
            "It cannot tell good answers from bad, so no score here means anything.",
        )
    by_result = {"inferior": _worse, "inconclusive": _open, "non_inferior": _as_good}
    found = _cheaper(facts) or by_result[figures["verdict"]["result"]](facts)
    return _beside_today(found, facts) if found.verdict in REPLACING else found


def _beside_today(found: Decision, facts: Facts) -> Decision:
    """Keep a verdict only if the chosen system is as good as the model under [today], too.

    The chosen system is as good as the teacher; today's model may be better than both.
    """
    today, name = facts.money.get("today"), found.shown
    if today is None:
        return found
    saved = dollars(facts.saved_by(name) or Decimal(0))
    who = name_of(facts.figures, name)
    if today["compared"] is None:
        return Decision(
            "not_proven",
            "It works, but today's model was not compared.",
            f"{who} is as good as the teacher, and would save {saved} a month. Whether it is as "
            "good as today's model is unknown.",
            "teacher",
        )
    if facts.keeps_up(name, today["compared"]):
        return found
    return Decision(
        "not_proven",
        "As good as the teacher, but perhaps not as today's model.",
        f"{facts.scored_beside_model_of_today(who, name, today['compared'])}. It would save "
        f"{saved} a month.",
        "teacher",
    )


def _cheaper(facts: Facts) -> Decision | None:
    """Recommend the rival that the first such rule of the advice names; None without one."""
    name = next((one["system"] for one in facts.figures["advice"] if one["rule"] in CHEAPER), None)
    if name is None:
        return None
    who = name_of(facts.figures, name)
    subject = f"A {who[0].lower()}{who[1:]}" if name in LOCAL_SYSTEMS else who
    title = TITLES.get(name, f"{subject} does this job. You don't need the trained model.")
    why = f"{facts.scored_beside_today('It', name)}. {_trained(facts, name)}"
    return Decision("use_cheaper", title, why, name)


def _trained(facts: Facts, rival: str) -> str:
    """State the student's score, and why a lead over the chosen rival does not decide."""
    ours = facts.score("student")
    if facts.value("student") <= facts.value(rival):
        return f"The trained model gets {ours}."
    if facts.leads[rival].low <= 0:
        return f"The trained model gets {ours}, a lead that could be chance."
    if facts.pays:
        return f"The trained model gets {ours}, a lead that may be within the loss you allow."
    return f"The trained model gets {ours}, but does not pay for itself."


def _worse(facts: Facts) -> Decision:
    return Decision(
        "dont_switch",
        "Keep today's model. The trained one is worse.",
        f"{facts.scored_beside_today('The trained model', 'student')}.",
        "teacher",
    )


def _open(facts: Facts) -> Decision:
    scores = facts.scored_beside_today("The trained model", "student")
    if facts.labels_needed is None:
        allowed = 100 * facts.figures["verdict"]["margin"]
        return Decision(
            "not_proven",
            "Not proven: the loss is close to the one you allow.",
            f"{scores}. You allow {allowed:g} points less. More test messages won't settle it.",
            "teacher",
        )
    return Decision(
        "not_proven",
        "Not proven yet: label more test messages.",
        f"{scores}. {large(facts.gold)} test messages are too few to rule out a real loss.",
        "teacher",
    )


def _as_good(facts: Facts) -> Decision:
    """Decide on a student that answers as well as its teacher."""
    if "busy_machine" in facts.rules and "open_because" in facts.money:
        return Decision(
            "no_verdict",
            "No verdict: what it would cost was not measured.",
            f"The trained model is as good as {facts.teacher}. Other programs slowed this machine "
            "down while it was timed, so its price is unknown.",
            "teacher",
        )
    if "too_late" in facts.rules:
        return _too_late(facts)
    rival = facts.figures.get("unbeaten")
    if rival is not None:
        who = name_of(facts.figures, rival)
        return Decision(
            "not_proven",
            "It works, but a cheaper option may do as well.",
            f"{facts.scored('The trained model', 'student')}, {within(who)} gets "
            f"{facts.score(rival)}: {large(facts.gold)} test messages don't tell them apart.",
            "teacher",
        )
    saved = dollars(facts.saved_by("student") or Decimal(0))
    if facts.broken is not None:
        return Decision(
            "switch_after_fix",
            "Fix one thing, then switch.",
            f"The trained model is as good as {facts.teacher} and saves {saved} a month, but "
            f"{failed(facts.broken)}.",
            "student",
        )
    scores = facts.scored_beside_today("The trained model", "student")
    return Decision(
        "switch",
        "Switch to the trained model.",
        f"{scores}{_beaten(facts)}. It saves {saved} a month.",
        "student",
    )


def _beaten(facts: Facts) -> str:
    """State the score of the best rival that would do, too, but that the student clearly beats."""
    beaten = facts.figures.get("beaten", ())
    if not beaten:
        return ""
    rival = max(beaten, key=facts.value)
    on = "on " if facts.metric == "accuracy" else ""
    return f", {within(name_of(facts.figures, rival))} {on}{facts.score(rival)}"


def _too_late(facts: Facts) -> Decision:
    """Decide on a student that is as good and pays back too late, or never."""
    money, saved = facts.money, facts.saved_by("student")
    before, after = facts.monthly("today"), facts.monthly("student")
    if saved is None or saved <= 0:
        costs = (
            f"both cost {before}" if before == after else f"it costs {after} instead of {before}"
        )
        return Decision(
            "dont_switch",
            f"Keep today's model. Switching {'costs more' if saved else 'saves nothing'}.",
            f"The trained model is as good, but {costs} a month at your traffic.",
            "teacher",
        )
    days = None if money["never"] else money["days"]
    ends = f"its provider ends it on {money['ends']}" if days is None and "ends" in money else ""
    pays = ends or f"it pays for itself {span(days)}"
    return Decision(
        "dont_switch",
        "Keep today's model. Switching pays too late.",
        f"The trained model is as good and saves {dollars(saved)} a month, but {pays}.",
        "teacher",
    )
