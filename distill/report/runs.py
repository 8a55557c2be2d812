"""The runs of a folder, their progress, and the results in their reports."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from distill.core.errors import InputError
from distill.core.suggestions import did_you_mean
from distill.core.workspace import EVENTS, Workspace
from distill.report.figures import read_figures, system_of
from distill.store import open_to_read

Row = dict[str, Any]
RUNNING = "running"  # start of the state of a run that a process works on


def list_runs(workspace: Workspace, task: str | None) -> list[Row]:
    """Return the runs of a task, or of all tasks, the newest of each task first.

    Raises InputError if the task has no runs."""
    databases = {path.parent.name: path for path in workspace.runs.glob("*/distill.duckdb")}
    if task is not None and task not in databases:
        known, meant = ", ".join(sorted(databases)) or "none", did_you_mean(task, databases)
        told = f"no runs of task {task!r} in {workspace.runs}/; tasks with runs: {known}"
        raise InputError(f"{told}; {meant}" if meant else told)
    rows = []
    for name in [task] if task else sorted(databases):
        with open_to_read(databases[name]) as store:
            for run in reversed(store.runs()):
                stages = list(store.finished_stages(run.id))
                row = {"task": name, "run": run.id, "done": ", ".join(stages) or "nothing"}
                rows.append(row | _result(workspace, name, run.id) | {"why": run.why})
    return rows


def _result(workspace: Workspace, task: str, run_id: str) -> Row:
    report = workspace.run_folder(task, run_id) / "report.json"
    if not report.exists():
        return {}
    figures = read_figures(report)
    if not figures:
        return {"verdict": "report.json is damaged: `distill report` writes it again"}
    if "systems" not in figures:  # the report of an unfinished run
        return {}
    student = system_of(figures, "student")
    return {
        "student": f"{student['value']:.1%}",
        "verdict": figures["verdict"]["result"],
        "base": figures["student"]["base"],
        "artifact": figures["student"]["artifact"],
    }


def read_status(workspace: Workspace, task: str) -> Row:
    """Return the progress of the latest run, from its events and its lock alone.

    Raises InputError if the task has no run."""
    events = workspace.task_folder(task) / "latest" / EVENTS
    if not events.exists():
        known = [path.parent.parent.name for path in workspace.runs.glob(f"*/latest/{EVENTS}")]
        meant = did_you_mean(task, known)
        told = f"task {task!r} has no run in {workspace.runs}/"
        raise InputError(f"{told}; {meant}" if meant else told)
    # The state first: after the end of a run, its last event is there.
    state, folder = _state(workspace, task), events.parent.resolve()
    lines = (folder / EVENTS).read_text(encoding="utf-8").splitlines()
    # After a full disk, the last line is incomplete.
    steps = (line for line in reversed(lines) if '"step"' in line and line.endswith("}"))
    row: Row = {"task": task, "run": folder.name, "state": state}
    last = next(steps, None)
    return row | (_progress(json.loads(last)) if last else {})


def watch_status(workspace: Workspace, task: str, pause: Callable[[], None]) -> Iterator[Row]:
    """Yield the progress of the latest run now and after each change, until no process works on it.

    `pause`: waits between two looks. Raises InputError if the task has no run.
    """
    before: Row = {}
    while True:
        row = read_status(workspace, task)
        if row != before:
            yield row
        if not row["state"].startswith(RUNNING):
            return
        before = row
        pause()


def _state(workspace: Workspace, task: str) -> str:
    try:
        holder = workspace.holder(task)
    except PermissionError:
        return "not known: its lock may not be read"
    return f"{RUNNING} (PID {holder})" if holder else "not running"


def _progress(event: Row) -> Row:
    row: Row = {"stage": event["stage"], "step": event["step"], "event": event["event"]}
    if event["total"]:
        row["done"] = f"{event['done']}/{event['total']}"
    row["seconds"] = event["seconds"]
    if event["event"] == "progress" and event["done"] and event["total"]:
        left = event["total"] - event["done"]
        row["seconds_left"] = round(event["seconds"] / event["done"] * left)
    return row
