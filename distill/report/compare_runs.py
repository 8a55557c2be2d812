"""Comparison of runs, of one task or of several, with the first run.

The comparison covers data, recipes, the students' scores on the same gold, and costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.evaluate.statistics import Interval, mean_interval, paired_difference
from distill.evaluate.systems import METRIC_TITLES
from distill.report.figures import is_disturbed, read_figures, system_of
from distill.report.spend import short_usd
from distill.store import open_to_read
from distill.task import Task
from distill.task.loading import load_task

REGRESSION, PROGRESS, OPEN = "regression", "progress", "not told apart"
APART = "another gold: its quality is not held against the first"
RARELY_SHARED = 10  # gold rows per shared row; above this, runs are not compared
MOVED = "hardly any gold row in common: were rows put in above others, not at the end?"
OTHER_YARDSTICK = "another teacher or judge: its win rate is not held against the first"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run with its task, its student's scores by gold row, and its report's figures."""

    run: str
    task: Task
    scores: Mapping[str, float]
    figures: Mapping[str, Any]


def compare(workspace: Workspace, name: str, runs: Sequence[str]) -> list[Row]:
    """Return a row for each run of the task; another task's run is written <task>/<run>.

    Raises InputError if a run is missing or has no report, or if runs of one task share no gold
    row."""
    found = [_measured(workspace, *_named(name, run)) for run in runs]
    return [_row(found[0], row) for row in found]


def _named(task: str, run: str) -> tuple[str, str]:
    """Return (task, run) for a run's name."""
    other, slash, rest = run.partition("/")
    return (other, rest) if slash else (task, run)


def _measured(workspace: Workspace, name: str, run: str) -> ComparedRun:
    task = load_task(workspace.prompts, name)
    if not workspace.database(name).exists():
        raise InputError(f"task {name} has no run yet")
    with open_to_read(workspace.database(name)) as store:
        if run not in {row.id for row in store.runs()}:
            raise InputError(f"no run {run!r} of task {name}; `distill runs` lists them")
        scores = store.scores(run, task.form.metric).get("student")
    page = workspace.run_folder(name, run) / "report.json"
    figures = read_figures(page)
    if not scores or "systems" not in figures:
        raise InputError(
            f"run {run} of task {name} has no report yet; `distill run {name}` finishes the latest"
        )
    return ComparedRun(run, task, scores, figures)


def _row(first: ComparedRun, row: ComparedRun) -> Row:
    confidence = first.task.spec.evaluate.confidence
    whole = mean_interval(list(row.scores.values()), confidence)
    student = system_of(row.figures, "student")
    shown: Row = {
        "task": row.task.name,
        "run": row.run,
        "examples": row.figures["data"]["train"],
        "teacher": row.figures["teacher"]["model"],
        "base": row.figures["student"]["base"],
        "changed": _changed(first, row),
        "gold": len(row.scores),
        "metric": row.task.form.metric,
        **whole.figures,
        "verdict": row.figures["verdict"]["result"],
        "usd_per_1k_requests": student["usd_per_1k_requests"],
        "price": _price(row.figures, student),
        "total_usd": row.figures["spend"]["total_usd"],
        **({"timing": student["timing"]} if "timing" in student else {}),
    }
    if row is first:
        return shown
    shared = sorted(first.scores.keys() & row.scores.keys())
    same_task = first.task.name == row.task.name
    if not shared and same_task:
        raise InputError(
            f"runs {first.run} and {row.run} have no gold row in common. The id of a gold row "
            "includes its line number: add new rows at the end of the file, not above others"
        )
    if same_task and RARELY_SHARED * len(shared) < min(len(first.scores), len(row.scores)):
        return shown | {"shared_gold": len(shared), "result": MOVED}
    if not shared or first.task.form.metric != row.task.form.metric:
        return shown | {"result": APART}
    if row.task.form.metric == "win_rate" and yardstick(first) != yardstick(row):
        return shown | {"result": OTHER_YARDSTICK}
    ours, theirs = ([scores[id_] for id_ in shared] for scores in (row.scores, first.scores))
    lead = paired_difference(ours, theirs, confidence)
    told = {"difference": lead.value, "low": lead.low, "high": lead.high}
    return shown | told | {"shared_gold": len(shared), "result": _result(lead)}


def _price(figures: Mapping[str, Any], student: Mapping[str, Any]) -> str:
    """Return a phrase with the student's price at its report's traffic, or why there is none."""
    if is_disturbed(student):
        return "its price could not be measured, because other programs used the processors"
    if "at_traffic" not in student:
        return "its report is too old for a price at its traffic"
    usd = short_usd(student["at_traffic"]["usd_per_1k_requests"])
    asked = figures["break_even"]["assumptions"]["requests_per_day"]
    return f"${usd} per 1,000 requests at {asked:,} a day"


def yardstick(row: ComparedRun) -> tuple[str, str]:
    """Return (teacher, judge) of a generate task's run, which define its win rate."""
    return row.figures["teacher"]["model"], row.figures["judge"]["model"]


def _result(lead: Interval) -> str:
    if lead.high < 0:
        return REGRESSION
    return PROGRESS if lead.low > 0 else OPEN


def _changed(first: ComparedRun, row: ComparedRun) -> list[str]:
    """Return the differences of data and recipe from the first run."""
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
    """Return the rows as text, a few lines for each run."""
    return [line for row in rows for line in _lines(row)]


def _lines(row: Row) -> list[str]:
    interval = f"{row['ci_low']:.1%}–{row['ci_high']:.1%}"
    share = f"{METRIC_TITLES[row['metric']]} {row['value']:.1%} ({interval})"
    told = [
        f"{row['task']}/{row['run']}  {share} of {row['gold']} gold rows, {row['verdict']}",
        f"  {row['examples']} examples; {row['price']}; ${row['total_usd']} to make",
    ]
    if "difference" in row:
        ends = f"{100 * row['low']:+.1f}…{100 * row['high']:+.1f}"
        told.append(
            f"  {row['result']}: {100 * row['difference']:+.1f} points ({ends}) to the first, on "
            f"{row['shared_gold']} rows of gold"
        )
    elif "result" in row:
        told.append(f"  {row['result']}")
    if "result" in row:
        told.append(f"  other than the first: {', '.join(row['changed']) or 'nothing'}")
    return told
