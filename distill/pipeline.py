"""READ FIRST: the way of the data, from a task to its report.

    generate   task → requests → completions → candidates, until curation keeps enough of them
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

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from distill.asking import Waiting
from distill.backends.context import perhaps_longer_than
from distill.backends.teachers import AUTO, automatic, check_key
from distill.backends.trainers import TRAINERS
from distill.backends.trainers import choose as choose_trainer
from distill.curate import curate, kept_of
from distill.curve import expected_cost, learning_curve
from distill.errors import DistillError, InputError
from distill.evaluate import evaluate, time_again
from distill.generate import generate
from distill.gold import check_contradictions
from distill.leaks import gold_notes, without_leaking_seeds
from distill.permission import check_terms, learned_from, notes, student_kind
from distill.plan import ASK_ABOVE_USD, Plan, curve_plan, dollars, plan
from distill.progress import shown
from distill.prompting import student_chat
from distill.report import is_outdated, report, report_so_far
from distill.split import split
from distill.store import Run, Store, open_store
from distill.task import Task, load_task
from distill.terms import PAGE
from distill.train import train
from distill.workspace import EVENTS, Context, Workspace

Write = Callable[[Store], None]
Agree = Callable[[Plan], bool]

STAGES: dict[str, Callable[[Context], Write]] = {
    "generate": partial(generate, keep=kept_of),
    "curate": curate,
    "split": split,
    "train": train,
    "evaluate": evaluate,
    "report": report,
}
PAYING = ("generate", "curate", "train", "evaluate")  # where a provider may send a bill


class Declined(DistillError):
    """The user does not want to pay what the run is estimated to cost."""

    def __init__(self, task: str, usd: Decimal) -> None:
        super().__init__(
            f"declined: the estimated {dollars(usd)} were not spent, nothing was asked. "
            f"`distill plan {task}` shows what they are for."
        )


@dataclass(frozen=True, slots=True)
class Way:
    """How far to go; whether with another run than the latest; whether to leave instead of waiting
    for batches; whether to learn what more examples would bring; whom to ask before more than
    ASK_ABOVE_USD is spent, as far as that can be estimated; whether it is a rehearsal."""

    until: str = "report"
    new: bool = False
    detach: bool = False
    curve: bool = False
    agree: Agree | None = None
    rehearsal: bool = False


ALL_THE_WAY = Way()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call did: the run it worked on, its context, the stages that it did, what it left
    waiting (empty: nothing), and the learning curve's figures where it was wanted."""

    run: Run
    context: Context
    done_now: tuple[str, ...]
    waiting: str = ""
    curve: Mapping[str, Any] = field(default_factory=dict)


def run(workspace: Workspace, name: str, way: Way = ALL_THE_WAY) -> Outcome:
    """Bring the task's run through the stages, doing only what is not done.

    Raises InputError for what the user gave, Declined, and DistillError for what failed on the way;
    whatever was stored before stays, and the same call goes on from there.
    """
    return run_task(workspace, load_task(workspace.prompts, name), way)


def run_task(workspace: Workspace, task: Task, way: Way) -> Outcome:
    """The same with a task that is read already."""
    with workspace.locked(task.name):
        warning = "" if _is_trained(workspace, task, way) else check_student(task)
        current, settled = begin(workspace, task, way)
        automatically, task = _automatically(task, current.teacher), settled
        folder = workspace.run_folder(task.name, current.id)
        database = workspace.database(task.name)
        cost = _cost(database, task, current.id, way)
        with shown(folder / EVENTS) as progress:
            context = Context(task, current.id, folder, database, progress, way.detach)
            progress.note("run", f"{current.id} ({current.why})")
            progress.note("teacher", current.teacher + automatically)
            for note in notes(task, rehearsal=way.rehearsal):
                progress.note("terms", note)
            for note in gold_notes(task):
                progress.note("gold", note)
            if warning:
                progress.note("student", warning)
            if cost:
                progress.note("plan", cost)
            done: list[str] = []
            try:
                done += (stage for stage in _up_to(way.until) if _do(context, stage))
            except Waiting as waiting:
                return Outcome(current, context, tuple(done), str(waiting))
            if not done and way.until == "report" and is_outdated(context):
                report(context)
                done.append("report")
            curve = _curve(context, way) if way.curve else {}
    return Outcome(current, context, tuple(done), curve=curve)


def _curve(context: Context, way: Way) -> Mapping[str, Any]:
    """The learning curve of a run that has its student; a report that is there shows it from now
    on. Raises Declined."""
    if not way.rehearsal:
        check_terms(context.task)
    context = replace(context, task=without_leaking_seeds(context.task))
    with context.store() as store:
        trainings = expected_cost(store.split(context.run_id), context.task)
        reported = "report" in store.finished_stages(context.run_id)
        cost = curve_plan(context.task, store, context.run_id, trainings)
    usd = cost.expected_usd
    if usd:
        context.progress.note("plan", cost.words)
    if usd > ASK_ABOVE_USD and way.agree is not None and not way.agree(cost):
        raise Declined(context.task.name, usd)
    found = learning_curve(context)
    if reported:
        report(context)
    return found


def report_now(workspace: Workspace, name: str) -> Path:
    """Write the report of the task's latest run as far as it is, doing nothing else; gives the
    run's folder. Raises InputError when there is no run, or the task was edited since."""
    with workspace.locked(name), _latest_run(workspace, name) as context:
        report_so_far(context)
    return context.folder


def time_now(workspace: Workspace, name: str) -> Path:
    """Take the speeds of the task's latest run anew, ask and bill nothing else, and write its
    report; gives the run's folder. Raises InputError when there is no run, it is not evaluated, or
    the task was edited since."""
    with workspace.locked(name), _latest_run(workspace, name) as context:
        time_again(replace(context, task=without_leaking_seeds(context.task)))
        report(context)
    return context.folder


@contextmanager
def _latest_run(workspace: Workspace, name: str) -> Iterator[Context]:
    """The task's latest run, as it is. Raises InputError when there is none, or the task was edited
    since."""
    task, database = load_task(workspace.prompts, name), workspace.database(name)
    runs = []
    if database.exists():
        with open_store(database) as store:
            runs = store.runs()
    if not runs:
        raise InputError(f"task {name} has no run yet; `distill run {name}` begins one")
    latest = runs[-1]
    if edited := why_new(task, latest, asked=False):
        raise InputError(f"{edited}; `distill run {name}` begins another run")
    folder = workspace.run_folder(name, latest.id)
    with shown(folder / EVENTS) as progress:
        task = task.with_teacher(model=latest.teacher)
        yield Context(task, latest.id, folder, database, progress)


def _is_trained(workspace: Workspace, task: Task, way: Way) -> bool:
    """Whether the run that is gone on with has its student, or has begun to pay for it: a training
    that a provider would not begin any more can still be fetched."""
    if not workspace.database(task.name).exists():
        return False
    with open_store(workspace.database(task.name)) as store:
        runs = store.runs()
        latest = runs[-1] if runs else None
        if latest is None or why_new(task, latest, asked=way.new):
            return False
        return "train" in store.finished_stages(latest.id) or store.has_training(latest.id)


def check_student(task: Task) -> str:
    """What the user must know of the student before anything is paid for. Raises InputError or
    DistillError for a base or a trainer that a run could not train with, and for gold that has two
    answers to one input or that the student could not be asked; fetches a base that is not here
    yet."""
    check_contradictions(task.folder, task.gold, task.form)
    choices = task.spec.student.model_dump()
    trainer = TRAINERS[choose_trainer(task.spec.student.trainer)]
    warning = trainer.check(choices)
    chats = [student_chat(task, row.input, row.answer) for row in task.gold]
    if perhaps_longer_than(chats, task.spec.student.context_tokens):
        base = trainer.locate(task.spec.student.base)
        for place, tokens in trainer.longer_than(chats, base, choices).items():
            row = task.gold[place]
            raise InputError(
                f"{task.folder / row.file}:{row.line}: {tokens:,} tokens are more than the student "
                "takes: raise student.context_tokens, or shorten the row"
            )
    return warning


def begin(workspace: Workspace, task: Task, way: Way) -> tuple[Run, Task]:
    """The run to work on, which is the latest from now on, and the task with its teacher. Raises
    InputError when answers of a rehearsal would go into it."""
    current = _latest_or_new(workspace, task, way)
    workspace.point_latest(task.name, current.id)
    return current, task.with_teacher(model=current.teacher)


def _latest_or_new(workspace: Workspace, task: Task, way: Way) -> Run:
    """A new run when there is none, one is asked for, or the task has been edited since; only that
    settles which teacher `auto` is."""
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
        settled = settle_teacher(task)
        teacher = settled.spec.teacher.model
        fresh = Run(id_, task.hash, task.parts, why or "", now, teacher)
        store.add_run(fresh, settled.spec.model_dump(mode="json"))
    workspace.run_folder(task.name, fresh.id).mkdir(parents=True)
    return fresh


def settle_teacher(task: Task) -> Task:
    """The task with the teacher that a run would begin with now: `auto` goes by the keys."""
    name = task.spec.teacher.model
    if name != AUTO:
        return task
    return task.with_teacher(model=automatic(os.environ, student_kind(task))[0])


def _automatically(task: Task, teacher: str) -> str:
    """Whether `auto` chose the run's teacher, and the providers that their terms kept it from."""
    if task.spec.teacher.model != AUTO:
        return ""
    name, why = automatic(os.environ, student_kind(task))
    return f" (auto: {why})" if name == teacher and PAGE in why else " (auto)"


def why_new(task: Task, latest: Run | None, *, asked: bool) -> str | None:
    """Why another run must begin; None when the latest is the one to go on with."""
    if latest is None:
        return "the first run of the task"
    if asked:
        return "a new run was asked for"
    if latest.task_hash != task.hash:
        parts = dict.fromkeys((*task.parts, *latest.parts))
        edited = [part for part in parts if latest.parts.get(part) != task.parts.get(part)]
        return f"edited since {latest.id}: {', '.join(edited)}"
    return None


def estimate(task: Task, store: Store, run_id: str, way: Way) -> Plan:
    """What is left to be paid for a run; written down as its estimate before it pays anything."""
    found = plan(task, store, run_id, detach=way.detach)
    if not found.spent_usd:
        store.add_estimate(run_id, found.expected_usd)
    return found


def _cost(database: Path, task: Task, run_id: str, way: Way) -> str:
    """What is left to be paid, in a line; empty when it is nothing. Raises Declined."""
    stages = _up_to(way.until)
    with open_store(database) as store:
        if set(stages).intersection(PAYING) <= set(store.finished_stages(run_id)):
            return ""
        if not way.rehearsal:
            check_terms(task)
            store.add_terms(run_id, learned_from(task), task.spec.terms.confirmed)
        left = estimate(task, store, run_id, way).up_to(stages)
    for place, name in task.models_asked if left.requests else ():
        check_key(place, name)
    usd = left.expected_usd
    if way.agree is not None and usd > ASK_ABOVE_USD and not way.agree(left):
        raise Declined(task.name, usd)
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
    if stage != "report":  # which only counts what the others left out
        context = replace(context, task=without_leaking_seeds(context.task))
    write = STAGES[stage](context)
    with context.store() as store, store.transaction():
        write(store)
        store.finish_stage(context.run_id, stage, perf_counter() - began)
    return True
