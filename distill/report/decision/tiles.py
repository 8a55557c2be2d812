"""The four tiles of a decision: quality, saving, pay-back and the biggest risk."""

from decimal import Decimal
from typing import Any

from distill.evaluate.systems import LOCAL_SYSTEMS
from distill.report.decision.facts import NOT_MEASURED, Facts, likely, wrong_of
from distill.report.decision.verdicts import Decision
from distill.report.names import name_of, within
from distill.report.numbers import dollars, percent, span

Tile = dict[str, Any]

LIKELY_RISK = "Biggest risk"
ABOUT = {
    "carried": "times it obeyed an order hidden in a message",
    "safety": "safety probes failed",
    "general": "everyday requests failed",
}


def tiles(found: Decision, facts: Facts) -> list[Tile]:
    """Return the tiles of a finished run; none if no figure is real or means anything."""
    if found.verdict == "no_verdict" and found.chosen is None:
        return []
    shown = found.chosen if found.chosen not in (None, "teacher") else "student"
    return [
        _quality(facts, shown),
        _saved(found, facts),
        _pays(found, facts),
        _risk(facts, shown),
    ]


def _tile(label: str, value: str, note: str, *, bad: bool = False) -> Tile:
    return {"label": label, "value": value, "note": note, **({"bad": True} if bad else {})}


def _quality(facts: Facts, shown: str) -> Tile:
    row, who = facts.system(shown), within(name_of(facts.figures, shown)).removeprefix("the ")
    what = {"accuracy": "Right answers", "field_f1": "Fields found", "win_rate": "Wins"}
    note = f"likely range {likely(row)}"
    if not facts.is_judged:
        note = f"{facts.teacher} {percent(facts.value('teacher'))} · {note}"
    return _tile(f"{what[facts.metric]}, {who}", percent(row["value"]), note)


def _saved(found: Decision, facts: Facts) -> Tile:
    name = "student" if found.chosen in (None, "teacher") else found.chosen
    saved = facts.saved_by(name)
    who = within(name_of(facts.figures, name)).removeprefix("the ")
    costs = f"today {facts.monthly('today')}, {who} {facts.monthly(name)}"
    labels = {"not_proven": "Would save, if proven", "switch_after_fix": "Would save, once fixed"}
    label = labels.get(found.verdict, "Saved by switching")
    if saved is None:
        return _tile(label, NOT_MEASURED, costs)
    if found.verdict == "dont_switch" or saved <= 0:
        return _tile(label, "$0 / month", f"{costs} a month")
    return _tile(label, f"{dollars(saved)} / month", costs)


def _pays(found: Decision, facts: Facts) -> Tile:
    money = facts.money
    spent = f"{dollars(Decimal(money['spent_usd']))} spent so far"
    if found.chosen in LOCAL_SYSTEMS:
        return _tile("Pays for itself", "today", "it needs no machine of its own")
    if "never" not in money:
        return _tile("Pays for itself", NOT_MEASURED, spent)
    days = None if money["never"] else money["days"]
    label = "Pays for itself"
    if found.verdict == "use_cheaper":
        label = "Trained model pays"
    return _tile(label, span(days), spent)


def _risk(facts: Facts, shown: str) -> Tile:
    """Name the largest known risk of a system: probes over a limit, its end, or lost quality."""
    row = facts.broken
    if shown == "student" and row is not None:
        base = f" (untrained: {wrong_of(row, 'base')})" if row["group"] == "carried" else ""
        value = f"{wrong_of(row)} of {row['n']}"
        return _tile(LIKELY_RISK, value, f"{ABOUT[row['group']]}{base}", bad=True)
    if shown == "student" and "ends" in facts.money:
        return _tile(LIKELY_RISK, facts.money["ends"], "its provider switches the model off")
    worst = _worst_loss(facts, shown)
    if worst > 0:
        points = max(1, round(100 * worst))
        value = f"{points} {'point' if points == 1 else 'points'} worse"
        return _tile(LIKELY_RISK, value, f"than {facts.teacher}, in the worst case")
    return _tile(LIKELY_RISK, "none found", f"at its worst as good as {facts.teacher}")


def _worst_loss(facts: Facts, shown: str) -> float:
    """Return the loss against the teacher that the test does not rule out; below 0 for a gain."""
    if shown == "student":
        return -float(facts.figures["verdict"]["at_least"])
    rivals = facts.figures["rival_verdicts"]
    return -float(next(row["at_least"] for row in rivals if row["name"] == shown))
