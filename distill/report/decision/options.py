"""The systems to choose from, the cheapest first, each with its score, price and latency."""

from decimal import Decimal
from typing import Any

from distill.core.numbers import latency
from distill.evaluate.systems import LOCAL_SYSTEMS
from distill.report.decision.facts import NOT_MEASURED, Facts
from distill.report.decision.verdicts import Decision
from distill.report.figures import is_disturbed
from distill.report.names import TODAY, name_of, origin_of

MOST_NAMED = 2  # untuned models that the task names
AS_GOOD = {"non_inferior": "yes", "inferior": "no", "inconclusive": "not proven"}
INSIDE = "inside your service"

Option = dict[str, Any]


def options(found: Decision, facts: Facts) -> list[Option]:
    """Return the rows of the options' table, at most 6; none if no score means anything."""
    if found.chosen is None:
        return []
    rows = [
        _option(facts, name, chosen=name == found.chosen)
        for name in sorted(_shown(found, facts), key=_order(facts))
    ]
    return [*_today(facts), *rows]


def _today(facts: Facts) -> list[Option]:
    """Return the row of today's model if the task names one that is not compared."""
    today = facts.money.get("today")
    if today is None or today["compared"] is not None:
        return []
    return [
        {
            "system": "today",
            "name": TODAY,
            "origin": today["model"],
            "as_good": "not tested",
            "usd_per_month": facts.monthly("today"),
            "latency": NOT_MEASURED,
        }
    ]


def _shown(found: Decision, facts: Facts) -> set[str]:
    """Select teacher, student, the chosen system, and the best of each sort of rival."""
    names = [row["name"] for row in facts.figures["systems"]]
    free = [name for name in names if name in LOCAL_SYSTEMS]
    bases = [name for name in names if name in ("base", "base_few_shot")]
    known = {"teacher", "student", *free, *bases}
    named = sorted((name for name in names if name not in known), key=facts.value, reverse=True)
    best = [max(sort, key=facts.value) for sort in (free, bases) if sort]
    chosen = [found.chosen] if found.chosen else []
    return {"teacher", "student", *best, *named[:MOST_NAMED], *chosen}


def _order(facts: Facts) -> Any:
    def place(name: str) -> tuple[Decimal, float]:
        usd = facts.usd_per_month(name)
        if name in LOCAL_SYSTEMS:
            usd = Decimal(-1)
        return (Decimal("Infinity") if usd is None else round(usd, 2), -facts.value(name))

    return place


def _option(facts: Facts, name: str, *, chosen: bool) -> Option:
    row = facts.system(name)
    note = INSIDE if name in LOCAL_SYSTEMS else ""
    return {
        "system": name,
        **({"recommended": True} if chosen else {}),
        "name": name_of(facts.figures, name),
        "origin": origin_of(facts.figures, name),
        "value": row["value"],
        "ci_low": row["ci_low"],
        "ci_high": row["ci_high"],
        "as_good": _as_good(facts, name),
        "usd_per_month": facts.monthly(name),
        **({"note": note} if note else {}),
        "latency": NOT_MEASURED if is_disturbed(row) else latency(row["latency_p95_s"]),
    }


def _as_good(facts: Facts, name: str) -> str:
    """Say whether a system is as good as the teacher; empty for the teacher itself."""
    if name == "teacher":
        return ""
    if name == "student":
        return AS_GOOD[facts.figures["verdict"]["result"]]
    rivals = facts.figures.get("rival_verdicts", ())
    return next((AS_GOOD[row["result"]] for row in rivals if row["name"] == name), "not tested")
