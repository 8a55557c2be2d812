"""Sentences on what would change a verdict: more traffic, more labels, other assumptions."""

from decimal import Decimal

from distill.core.numbers import dollars, large, span
from distill.report.decision.facts import Facts
from distill.report.decision.verdicts import Decision
from distill.report.payback import pays_soon


def changes(found: Decision, facts: Facts) -> list[str]:
    """Return the sentences; none if nothing known would change the verdict."""
    if found.chosen is None:
        return []
    return [*_traffic(found, facts), *_labels(facts)]


def _traffic(found: Decision, facts: Facts) -> list[str]:
    """State the traffic, or the assumption, at which a student that is as good changes sides."""
    result = facts.figures["verdict"]["result"]
    rows = facts.money.get("traffic", ())
    if result != "non_inferior" or found.verdict not in ("dont_switch", "switch"):
        return []
    if found.verdict == "switch":
        return _half(facts)
    row = next((row for row in rows if pays_soon(row)), None)
    if row is None:
        return [f"Even {rows[-1]['times']} times the traffic would not change it."] if rows else []
    saved = dollars(Decimal(row["monthly_saving_usd"]))
    return [
        f"More traffic: at {large(row['requests_per_day'])} requests a day the trained model saves "
        f"{saved} a month, and pays for itself {span(row['days'])}."
    ]


def _half(facts: Facts) -> list[str]:
    """Name the assumptions that, halved or doubled, end the saving."""
    return [
        f"If {_assumption(row)}, it would not pay for itself."
        for row in facts.money.get("sensitivity", ())
        if not pays_soon(row)
    ]


def _assumption(row: dict[str, str]) -> str:
    return f"the {row['assumption']} were {row['value']}"


def _labels(facts: Facts) -> list[str]:
    if facts.figures["verdict"]["result"] != "inconclusive" or facts.labels_needed is None:
        return []
    needed = facts.labels_needed + facts.gold
    return [f"More labels: about {large(needed)} test messages in all should settle it."]
