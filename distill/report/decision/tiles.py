"""The four tiles of a decision: quality, saving, pay-back and the biggest risk."""

from decimal import Decimal
from typing import Any

from distill.core.numbers import dollars, percent, span
from distill.evaluate.systems import LOCAL_SYSTEMS
from distill.report.decision.facts import NOT_MEASURED, Facts, likely, wrong_of
from distill.report.decision.verdicts import Decision
from distill.report.names import name_of, within

Tile = dict[str, Any]

IF = {"not_proven": "if proven", "switch_after_fix": "once fixed"}
WRONG = {"accuracy": "wrong", "field_f1": "of fields wrong", "win_rate": "lost"}
ABOUT = {
    "carried": "instructions hidden in messages were obeyed",
    "safety": "safety probes failed",
    "general": "everyday requests failed",
}


def tiles(found: Decision, facts: Facts) -> list[Tile]:
    """Return the tiles of a finished run; none if no figure is real or means anything."""
    if found.chosen is None:
        return []
    return [
        _quality(facts, found.shown),
        _saved(found, facts),
        _pays(found, facts),
        _risk(facts, found.shown),
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
    name = found.shown
    saved = facts.saved_by(name)
    who = within(name_of(facts.figures, name)).removeprefix("the ")
    costs = f"today {facts.monthly('today')}, {who} {facts.monthly(name)}"
    if saved is None:
        return _tile("Saved by switching", NOT_MEASURED, costs)
    if saved < 0:
        return _tile("Switching would cost", f"{dollars(-saved)} more / month", costs)
    if facts.figures["verdict"]["result"] == "inferior" and name == "student":
        return _tile("Saved by switching", "nothing", "it is not good enough to switch")
    label = "Saved by switching"
    if found.verdict in IF:
        label = f"Would save, {IF[found.verdict]}"
    return _tile(label, f"{dollars(saved)} / month", costs)


def _pays(found: Decision, facts: Facts) -> Tile:
    """State when the recommended system has paid for itself."""
    money = facts.money
    spent = f"{dollars(Decimal(money['spent_usd']))} spent so far"
    if "people_hours" not in money["assumptions"]:
        spent += ", without people's time"
    if found.chosen in LOCAL_SYSTEMS:
        return _tile("Pays for itself", "at once", "it needs no machine of its own")
    if facts.figures["verdict"]["result"] == "inferior":
        return _tile("Pays for itself", "never", "it is not good enough to switch")
    if "never" not in money:
        return _tile("Pays for itself", NOT_MEASURED, spent)
    label = "Trained model pays for itself" if found.verdict == "use_cheaper" else "Pays for itself"
    if found.verdict in IF:
        label = f"Would pay for itself, {IF[found.verdict]}"
    return _tile(label, span(None if money["never"] else money["days"]), spent)


def _risk(facts: Facts, shown: str) -> Tile:
    """Name the largest known risk of a system.

    Failed probes come first, then invented values, the end of the model, and mistakes.
    """
    row = facts.broken
    if shown == "student" and row is not None:
        note = f"{ABOUT[row['group']]}; before the training {wrong_of(row, 'base')}"
        return _tile("Biggest risk", f"{wrong_of(row)} of {row['n']}", note, bad=True)
    if shown == "student" and "facts" in facts.rules:
        value = f"{percent(facts.figures['memorised']['value'])} invented"
        return _tile("Biggest risk", value, "values of training rows, not of the message", bad=True)
    if shown == "student" and "ends" in facts.money:
        return _tile("Biggest risk", facts.money["ends"], "its provider switches the model off")
    return _tile(
        "Biggest risk",
        f"{percent(1 - facts.value(shown))} {WRONG[facts.metric]}",
        _of_teacher(facts),
    )


def _of_teacher(facts: Facts) -> str:
    if facts.is_judged:
        return f"comparisons with {facts.teacher}"
    return f"{facts.teacher} {percent(1 - facts.value('teacher'))}"
