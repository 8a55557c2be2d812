"""The decision that a report recommends: one verdict of six, and what a payer needs to act on it.

In: the figures of report.json. Out: its `decision`, which page, Markdown and terminal show first.
Money is USD a month at the task's traffic.
"""

from collections.abc import Mapping
from typing import Any

from distill.evaluate.statistics import Interval
from distill.report.decision.changes import changes
from distill.report.decision.commonest import commonest_mistakes
from distill.report.decision.facts import Facts
from distill.report.decision.next_steps import next_steps
from distill.report.decision.options import options
from distill.report.decision.tiles import tiles
from distill.report.decision.verdicts import Decision, decide

Figures = dict[str, Any]

BADGES = {
    "switch": "Switch",
    "switch_after_fix": "Fix, then switch",
    "use_cheaper": "Use something cheaper",
    "not_proven": "Not proven",
    "dont_switch": "Don't switch",
    "no_verdict": "No verdict",
}
EMPTY: Figures = {"tiles": [], "options": [], "changes": [], "wrong": []}


def decision_figures(figures: Mapping[str, Any], leads: Mapping[str, Interval]) -> Figures:
    """Return the decision of a finished run. `leads` are the student's differences to its rivals.

    - `verdict`: a key of BADGES
    - `badge`, `title`, `why`: the verdict in words, at most 3, 12 and 22 of them
    - `tiles`: quality, saving, pay-back and risk
    - `next`: the next steps, each with its command
    - `options`: the systems to choose from, the cheapest first
    - `changes`: sentences on what would change the verdict
    - `wrong`: where the student is wrong most often
    """
    facts = Facts(figures, leads)
    found = decide(facts)
    return {
        **_words(found),
        "tiles": tiles(found, facts),
        "next": next_steps(found, facts),
        "options": options(found, facts),
        "changes": changes(found, facts),
        "wrong": commonest_mistakes(figures) if found.chosen else [],
    }


def unfinished_decision(figures: Mapping[str, Any]) -> Figures:
    """Return the decision of an unfinished run: no verdict, and the command that continues it."""
    done, left = figures["unfinished"]["done"], figures["unfinished"]["next"]
    found = Decision(
        "no_verdict",
        f"Not finished yet: the next stage is {left}.",
        f"Done so far: {', '.join(done)}. Nothing here says anything about the trained model.",
    )
    steps = [
        {"do": "Continue the run where it stopped:", "command": f"distill run {figures['task']}"},
        {"do": "Until then, keep today's model."},
    ]
    return {**_words(found), "next": steps, **EMPTY}


def _words(found: Decision) -> Figures:
    return {
        "verdict": found.verdict,
        "badge": BADGES[found.verdict],
        "title": found.title,
        "why": found.why,
    }
