"""READ FIRST: the way of the data, from a task to its report.

    generate   task → requests → completions → candidates
    curate     candidates → examples, each drop with its reason
    split      examples → train / validation; leak gate against gold
    train      split → student (adapter and merged weights)
    evaluate   systems × gold → predictions → scores
    report     store → report.json → report.md, report.html

Before a stage in which a teacher that sends bills is asked, `plan` says what that will cost.

A stage hands back what it wants written; that and the record of the stage are one transaction, so
a run that was killed goes on with the stage it was in. Completions are stored by themselves as they
arrive, so that stage asks for no answer twice.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from time import perf_counter

from distill.curate import curate
from distill.errors import DistillError
from distill.evaluate import evaluate
from distill.generate import generate
from distill.plan import ASK_ABOVE_USD, Plan, dollars, plan
from distill.progress import shown
from distill.report import report
from distill.split import split
from distill.store import Run, Store, open_store
from distill.task import Task, load_task
from distill.train import train
from distill.workspace import EVENTS, Context, Workspace

Write = Callable[[Store], None]
Agree = Callable[[Plan], bool]

STAGES: dict[str, Callable[[Context], Write]] = {
    "generate": generate,
    "curate": curate,
    "split": split,
    "train": train,
    "evaluate": evaluate,
    "report": report,
}
PAYING = ("generate", "evaluate")  # where a teacher is asked


class Declined(DistillError):
    """The user does not want to pay what the run is estimated to cost."""

    def __init__(self, task: str, usd: Decimal) -> None:
        super().__init__(
            f"declined: the estimated {dollars(usd)} were not spent, nothing was asked. "
            f"`distill plan {task}` shows what they are for."
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call did: the run it worked on, its context, and the stages that it did."""

    run: Run
    context: Context
    done_now: tuple[str, ...]


def run(
    workspace: Workspace,
    name: str,
    *,
    until: str = "report",
    new: bool = False,
    agree: Agree | None = None,
) -> Outcome:
    """Bring the task's run through the stages up to `until`, doing only what is not done. `agree`
    is asked before more than ASK_ABOVE_USD is spent, as far as that can be estimated.

    Raises InputError for what the user gave, DistillError for what failed on the way; whatever was
    stored before stays, and the same call goes on from there.
    """
    task = load_task(workspace.prompts, name)
    with workspace.locked(name):
        current = begin(workspace, task, new=new)
        workspace.point_latest(name, current.id)
        folder = workspace.run_folder(name, current.id)
        cost = _cost(workspace, task, current.id, until, agree)
        with shown(folder / EVENTS) as progress:
            context = Context(task, current.id, folder, workspace.database(name), progress)
            progress.note("run", f"{current.id} ({current.why})")
            if cost:
                progress.note("plan", cost)
            done = tuple(stage for stage in _up_to(until) if _do(context, stage))
    return Outcome(current, context, done)


def begin(workspace: Workspace, task: Task, *, new: bool) -> Run:
    """The run to work on: the latest, or a new one when there is none, one is asked for, or the
    task has been edited since."""
    with open_store(workspace.database(task.name)) as store:
        runs = store.runs()
        latest = runs[-1] if runs else None
        why = why_new(task, latest, asked=new)
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


def estimate(task: Task, store: Store, run_id: str) -> Plan:
    """What is left to be paid for a run; written down as its estimate before it pays anything."""
    found = plan(task, store, run_id)
    if not found.spent_usd:
        store.add_estimate(run_id, found.usd)
    return found


def _cost(workspace: Workspace, task: Task, run_id: str, until: str, agree: Agree | None) -> str:
    """What is left to be paid, in a line; empty when it is nothing. Raises Declined."""
    stages = _up_to(until)
    with open_store(workspace.database(task.name)) as store:
        if set(stages).intersection(PAYING) <= set(store.finished_stages(run_id)):
            return ""
        left = estimate(task, store, run_id).up_to(stages)
    if agree is not None and left.usd > ASK_ABOVE_USD and not agree(left):
        raise Declined(task.name, left.usd)
    return left.words if left.requests else ""


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
