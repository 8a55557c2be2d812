"""READ FIRST: the way of the data, from a task to its report.

    generate   task → requests → completions → candidates
    curate     candidates → examples, each drop with its reason
    split      examples → train / validation; leak gate against gold
    train      split → student (adapter and merged weights)
    evaluate   systems × gold → predictions → scores
    report     store → report.json → report.md, report.html

A stage hands back what it wants written; that and the record of the stage are one transaction, so
a run that was killed goes on with the stage it was in. Completions are stored by themselves as they
arrive, so that stage asks for no answer twice.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

from distill.asking import Waiting
from distill.curate import curate
from distill.errors import InputError
from distill.evaluate import evaluate
from distill.generate import generate
from distill.progress import shown
from distill.report import report
from distill.split import split
from distill.store import Run, Store, open_store
from distill.task import Task, load_task
from distill.train import train
from distill.workspace import EVENTS, Context, Workspace

Write = Callable[[Store], None]

STAGES: dict[str, Callable[[Context], Write]] = {
    "generate": generate,
    "curate": curate,
    "split": split,
    "train": train,
    "evaluate": evaluate,
    "report": report,
}


@dataclass(frozen=True, slots=True)
class Way:
    """How far to go, whether with another run than the latest, whether to leave instead of waiting
    for batches, and whether it is a rehearsal."""

    until: str = "report"
    new: bool = False
    detach: bool = False
    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call did: the run it worked on, its context, the stages that it did, and what it left
    waiting (empty: nothing)."""

    run: Run
    context: Context
    done_now: tuple[str, ...]
    waiting: str = ""


def run(
    workspace: Workspace,
    name: str,
    *,
    until: str = "report",
    new: bool = False,
    detach: bool = False,
) -> Outcome:
    """Bring the task's run through the stages up to `until`, doing only what is not done; with
    `detach` no further than to where batches have to be waited for.

    Raises InputError for what the user gave, DistillError for what failed on the way; whatever was
    stored before stays, and the same call goes on from there.
    """
    return run_task(workspace, load_task(workspace.prompts, name), Way(until, new, detach))


def run_task(workspace: Workspace, task: Task, way: Way) -> Outcome:
    """The same with a task that is read already."""
    with workspace.locked(task.name):
        current = begin(workspace, task, way)
        workspace.point_latest(task.name, current.id)
        folder = workspace.run_folder(task.name, current.id)
        database = workspace.database(task.name)
        with shown(folder / EVENTS) as progress:
            context = Context(task, current.id, folder, database, progress, way.detach)
            progress.note("run", f"{current.id} ({current.why})")
            done: list[str] = []
            try:
                done += (stage for stage in _up_to(way.until) if _do(context, stage))
            except Waiting as waiting:
                return Outcome(current, context, tuple(done), str(waiting))
    return Outcome(current, context, tuple(done))


def begin(workspace: Workspace, task: Task, way: Way) -> Run:
    """The run to work on: the latest, or a new one when there is none, one is asked for, or the
    task has been edited since. Raises InputError when answers of a rehearsal would go into it."""
    with open_store(workspace.database(task.name)) as store:
        if store.is_rehearsal() and not way.rehearsal:
            raise InputError(
                f"{workspace.task_folder(task.name)} holds a rehearsal, whose answers are a "
                "stand-in's: choose another folder with --runs"
            )
        runs = store.runs()
        latest = runs[-1] if runs else None
        why = why_new(task, latest, asked=way.new)
        if why is None and latest is not None:
            return latest
        now = datetime.now(UTC)
        id_ = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        fresh = Run(id_, task.hash, task.parts, why or "", now)
        store.add_run(fresh, task.spec.model_dump(mode="json"))
    workspace.run_folder(task.name, fresh.id).mkdir(parents=True)
    return fresh


def why_new(task: Task, latest: Run | None, *, asked: bool) -> str | None:
    """Why another run must begin; None when the latest is the one to go on with."""
    if latest is None:
        return "the first run of the task"
    if asked:
        return "a new run was asked for"
    if latest.task_hash != task.hash:
        edited = [part for part, hash_ in task.parts.items() if latest.parts.get(part) != hash_]
        return f"edited since {latest.id}: {', '.join(edited)}"
    return None


def _up_to(until: str) -> list[str]:
    names = list(STAGES)
    return names[: names.index(until) + 1]


def _do(context: Context, stage: str) -> bool:
    """Do a stage that is not done. True when it was done now."""
    with context.store() as store:
        if stage in store.finished_stages(context.run_id):
            return False
    began = perf_counter()
    write = STAGES[stage](context)
    with context.store() as store, store.transaction():
        write(store)
        store.finish_stage(context.run_id, stage, perf_counter() - began)
    return True
