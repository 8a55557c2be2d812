"""Two or more runs of a task, side by side: what they were made of, how well their students do on
the same gold, and what they cost. The first is what the others are held against.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill.errors import InputError
from distill.stats import Interval, estimate, paired_difference
from distill.store import Store, open_store
from distill.systems import HEADS
from distill.task import Task, load_task
from distill.workspace import Workspace

REGRESSION, PROGRESS, OPEN = "regression", "progress", "not told apart"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """A run with its student's scores by gold row, and its report's figures."""

    run: str
    scores: Mapping[str, float]
    figures: Mapping[str, Any]


def compare(workspace: Workspace, name: str, runs: Sequence[str]) -> list[Row]:
    """A row for each run. Raises InputError for a run that is not there or has no report, and for
    runs that share no gold row."""
    task = load_task(workspace.prompts, name)
    if not workspace.database(name).exists():
        raise InputError(f"task {name} has no run yet")
    with open_store(workspace.database(name)) as store:
        found = [_measured(workspace, task, store, run) for run in runs]
    first = found[0]
    return [_row(task, first, row) for row in found]


def _measured(workspace: Workspace, task: Task, store: Store, run: str) -> Measured:
    if run not in {row.id for row in store.runs()}:
        raise InputError(f"no run {run!r} of task {task.name}; `distill runs` lists them")
    page = workspace.run_folder(task.name, run) / "report.json"
    scores = store.scores(run, task.form.metric).get("student")
    if not scores or not page.exists():
        raise InputError(f"run {run} of task {task.name} has no report yet")
    return Measured(run, scores, json.loads(page.read_text(encoding="utf-8")))


def _row(task: Task, first: Measured, row: Measured) -> Row:
    confidence = task.spec.evaluate.confidence
    whole = estimate(list(row.scores.values()), confidence)
    student = next(s for s in row.figures["systems"] if s["name"] == "student")
    shown: Row = {
        "run": row.run,
        "examples": row.figures["data"]["train"],
        "teacher": row.figures["teacher"]["model"],
        "base": row.figures["student"]["base"],
        "changed": _changed(first, row),
        "gold": len(row.scores),
        task.form.metric: whole.value,
        "ci_low": whole.low,
        "ci_high": whole.high,
        "verdict": row.figures["verdict"]["result"],
        "usd_per_1k_requests": student["usd_per_1k_requests"],
        "total_usd": row.figures["spend"]["total_usd"],
    }
    if row.run == first.run:
        return shown
    lead, shared = _lead(first, row, confidence)
    told = {"difference": lead.value, "low": lead.low, "high": lead.high, "shared_gold": shared}
    return shown | told | {"result": _result(lead)}


def _lead(first: Measured, row: Measured, confidence: float) -> tuple[Interval, int]:
    """How far a run's student is ahead of the first's, on the gold rows that both were asked."""
    shared = sorted(first.scores.keys() & row.scores.keys())
    if not shared:
        raise InputError(f"runs {first.run} and {row.run} were asked no gold row in common")
    ours, theirs = ([scores[id_] for id_ in shared] for scores in (row.scores, first.scores))
    return paired_difference(ours, theirs, confidence), len(shared)


def _result(lead: Interval) -> str:
    if lead.high < 0:
        return REGRESSION
    return PROGRESS if lead.low > 0 else OPEN


def _changed(first: Measured, row: Measured) -> list[str]:
    """What of data and recipe is not as in the first run."""
    before, after = (one.figures["student"]["recipe"] for one in (first, row))
    changes = [
        f"{key} {before.get(key)} → {after.get(key)}"
        for key in dict.fromkeys((*before, *after))
        if before.get(key) != after.get(key)
    ]
    if first.figures["student"]["data_hash"] != row.figures["student"]["data_hash"]:
        changes.append("the rows")
    return changes


def lines(rows: Sequence[Row]) -> list[str]:
    """The same in words, a few lines for each run."""
    return [line for row in rows for line in _lines(row)]


def _lines(row: Row) -> list[str]:
    metric = next(name for name in HEADS if name in row)
    share = f"{HEADS[metric]} {row[metric]:.1%} ({row['ci_low']:.1%}–{row['ci_high']:.1%})"
    told = [
        f"{row['run']}  {share} of {row['gold']} gold rows, {row['verdict']}",
        f"  {row['examples']} examples; ${row['usd_per_1k_requests']} per 1,000 requests; "
        f"${row['total_usd']} to make",
    ]
    if "result" in row:
        ends = f"{100 * row['low']:+.1f}…{100 * row['high']:+.1f}"
        told.append(
            f"  {row['result']}: {100 * row['difference']:+.1f} points ({ends}) to the first, on "
            f"{row['shared_gold']} rows of gold"
        )
        told.append(f"  other than the first: {', '.join(row['changed']) or 'nothing'}")
    return told
