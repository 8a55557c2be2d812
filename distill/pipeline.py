"""READ FIRST: the data flow, from a task to its report.

    generate:  task → requests → completions → candidates, until curation keeps enough
    curate:    candidates → examples, each drop with its reason
    split:     examples → train / validation; leak gate against gold
    train:     split → student (adapter and merged weights)
    evaluate:  systems × gold → predictions → scores
    report:    store → report.json → report.md, report.html

`plan` estimates the cost before any stage that sends requests to a paid teacher.

A stage returns a function that writes its rows. The rows and the stage's record are written in one
transaction, so a killed run resumes with the interrupted stage. Completions are stored as they
arrive, so the resumed stage repeats no answered request.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from distill.core.errors import InputError
from distill.core.extras import check_installed
from distill.core.progress import LOG, shown
from distill.core.purpose import stages_until
from distill.core.students import ENCODER
from distill.core.workspace import EVENTS, Workspace
from distill.curate import curate, preview
from distill.estimate import CostEstimate, curve_plan, model_of
from distill.estimate.finetuning import curve_cost
from distill.estimate.run_start import (
    DEFAULT_OPTIONS,
    RunOptions,
    SelectedRun,
    check_before_paying,
    choose_run,
    latest_run,
    new_run_reason,
    plan_of,
    write_run,
)
from distill.estimate.table import duration
from distill.evaluate import evaluate, time_again
from distill.evaluate.learning_curve import learning_curve
from distill.generate import check_teacher, generate
from distill.lint import count_in_words, lint, stop_on_errors
from distill.lint.finding import Finding
from distill.llm.complete import BatchesPending, teacher_settings
from distill.llm.models import check_exists
from distill.llm.prompt_length import check_fits
from distill.report import is_outdated, mark_older, report, report_so_far
from distill.serve.base_models import folder_of
from distill.serve.context_length import perhaps_longer_than
from distill.store import Run, Store, open_store
from distill.store.rehearsals import check_is_for_real_runs
from distill.task import Task
from distill.task.gold import check_contradictions
from distill.task.leak_gate import without_leaking_seeds
from distill.task.loading import load_task
from distill.task.prompts import student_chat
from distill.task.run_context import Context
from distill.text.embedding_cache import kept_in
from distill.train import train
from distill.train.permission import notes
from distill.train.split import split
from distill.train.trainers import check_suits, trainer_of
from distill.train.turn_order import check_turn_order

Write = Callable[[Store], None]

STAGES: dict[str, Callable[[Context], Write]] = {
    "generate": partial(generate, keep=preview),
    "curate": curate,
    "split": split,
    "train": train,
    "evaluate": evaluate,
    "report": report,
}
FIGURES = "report.json"


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a call: the run and its context.

    `stages_run`: the stages that the call finished.
    `waiting`: a message about pending batches; "" if there are none.
    `curve`: the figures of the learning curve; empty unless it was requested.
    """

    run: Run
    context: Context
    stages_run: tuple[str, ...]
    waiting: str = ""
    curve: Mapping[str, Any] = field(default_factory=dict)


def run(workspace: Workspace, name: str, way: RunOptions = DEFAULT_OPTIONS) -> RunResult:
    """Run the unfinished stages of the task's run.

    Raises InputError for invalid input. Raises NotAgreed or Declined before a bill that the user
    does not agree to. Raises DistillError if a stage fails. Rows that were stored before an error
    are kept, and the same call resumes from there.
    """
    return run_task(workspace, load_task(workspace.prompts, name), way)


def run_task(workspace: Workspace, task: Task, way: RunOptions) -> RunResult:
    """Run the unfinished stages of a loaded task's run. Raises the errors of `run`."""
    check_installed("a run", "local")
    if not way.rehearsal:
        check_is_for_real_runs(workspace)
    with workspace.locked(task.name), kept_in(workspace.task_folder(task.name)):
        is_trained = _is_trained(workspace, task, way)
        chosen = choose_run(workspace, task, way)
        found = [] if is_trained else lint(chosen.task)
        if chosen.is_new:  # the latest run's answers are paid for, so it goes on
            stop_on_errors(found)
        warning = "" if is_trained else check_student(task)
        if chosen.is_new:
            check_teacher(chosen.task, model_of(chosen.run.teacher), detach=way.detach)
        cost = plan_of(workspace, chosen, way)
        left = cost.up_to(_paid_stages(task, way.until)) if cost else None
        if left:
            check_before_paying(chosen.task, left, way)
        if left and left.requests and chosen.is_new:
            _check_models(chosen.task)
        limit = write_run(workspace, chosen, cost, way)
        current, task = chosen.run, chosen.task
        folder = workspace.run_folder(task.name, current.id)
        database = workspace.database(task.name)
        with shown(folder / EVENTS) as progress:
            context = Context(
                task, current.id, folder, database, progress, way.detach, limit_usd=limit
            )
            _announce(context, chosen, left, rehearsal=way.rehearsal)
            _announce_faults(context, found, warning)
            done: list[str] = []
            try:
                done += (stage for stage in stages_until(way.until) if _do(context, stage))
            except BatchesPending as waiting:
                return RunResult(current, context, tuple(done), str(waiting))
            if not done and way.until == "report" and is_outdated(context):
                report(context)
                done.append("report")
            curve = _curve(context, way) if way.curve else {}
    return RunResult(current, context, tuple(done), curve=curve)


def _announce(
    context: Context,
    chosen: SelectedRun,
    left: CostEstimate | None,
    *,
    rehearsal: bool,
) -> None:
    """Report the run, the teacher with the reason for it, terms and cost to the user."""
    run, choice = chosen.run, chosen.choice
    automatically = f" (auto: {choice.why})" if choice else ""
    context.progress.note("run", f"{run.id} ({run.why})")
    context.progress.note("teacher", run.teacher + automatically)
    for note in notes(context.task, rehearsal=rehearsal):
        context.progress.note("terms", note)
    if left and left.requests:
        context.progress.note("plan", left.words)


def _announce_faults(context: Context, found: Sequence[Finding], warning: str) -> None:
    """Report the number of the task's faults, and a warning about the student."""
    if found:
        context.progress.note("check", count_in_words(found, context.task.name))
    if warning:
        context.progress.note("student", warning)


def _curve(context: Context, way: RunOptions) -> Mapping[str, Any]:
    """Measure the learning curve of a run with a student, and return its figures.

    An existing report is rewritten with the curve. Raises NotAgreed or Declined before the curve
    costs anything.
    """
    context = replace(context, task=without_leaking_seeds(context.task))
    with context.store() as store:
        trainings = curve_cost(store.split(context.run_id), context.task)
        reported = "report" in store.finished_stages(context.run_id)
        cost = curve_plan(context.task, store, context.run_id, trainings)
        spent_usd = store.committed_usd(context.run_id)
    if way.consent.max_usd is not None and context.limit_usd is not None:
        left = max(context.limit_usd - spent_usd, Decimal(0))
        way = replace(way, consent=replace(way.consent, max_usd=left))
    check_before_paying(context.task, cost, way)
    if cost.expected_usd:
        context.progress.note("plan", cost.words)
    found = learning_curve(context)
    if reported:
        report(context)
    return found


@dataclass(frozen=True, slots=True)
class RunReport:
    """The report of a run.

    `missing`: the unfinished stages; () for a complete report.
    """

    run: Run
    folder: Path
    missing: tuple[str, ...]


def report_now(workspace: Workspace, name: str) -> RunReport:
    """Write the report of the task's latest run, even if the run is unfinished.

    Runs no other stage: no model is asked, served or trained. The report of a run whose task was
    edited since is marked as older than the task. Raises InputError if there is no run, or if such
    an older run has no report. Raises DistillError if no stage is finished.
    """
    with workspace.locked(name):
        found = _latest(workspace, name)
        folder = workspace.run_folder(name, found.run.id)
        if found.edit and mark_older(folder, found.edit):
            return RunReport(found.run, folder, ())
        if found.edit and (folder / FIGURES).exists():
            raise InputError(
                f"{folder / FIGURES} is damaged or of another version, and cannot be written anew: "
                f"{found.edit}. Take the edit back, or begin another run with `distill run {name}`"
            )
        with _context_of(workspace, found) as context:
            return RunReport(found.run, folder, _write_report(context))


def _write_report(context: Context) -> tuple[str, ...]:
    """Write a run's report if it is missing or outdated; return the unfinished stages."""
    with context.store() as store:
        finished = store.finished_stages(context.run_id)
    missing = tuple(stage for stage in STAGES if stage not in finished)
    if missing == ("report",):
        _do(context, "report")
        return ()
    if missing or is_outdated(context) or not (context.folder / FIGURES).exists():
        report_so_far(context)
    return missing


def time_now(workspace: Workspace, name: str) -> Path:
    """Repeat the speed measurements of the task's latest run, and rewrite its report.

    Returns the run's folder. No provider is asked, so nothing is billed. Raises InputError if there
    is no evaluated run, or if the task was edited since.
    """
    with (
        workspace.locked(name),
        _context_of(workspace, _latest(workspace, name)) as context,
    ):
        time_again(replace(context, task=without_leaking_seeds(context.task)))
        report(context)
    return context.folder


@dataclass(frozen=True, slots=True)
class _LatestRun:
    """A task and its latest run.

    `edit`: the edit of the task since the run; None without one.
    """

    task: Task
    run: Run
    edit: str | None


@contextmanager
def _context_of(workspace: Workspace, latest: _LatestRun) -> Iterator[Context]:
    """Yield the context of a task's latest run, with a budget of 0.

    Raises InputError if the task was edited since.
    """
    task, run = latest.task, latest.run
    if latest.edit:
        raise InputError(f"{latest.edit}: begin another run with `distill run {task.name}`")
    folder, database = workspace.run_folder(task.name, run.id), workspace.database(task.name)
    with kept_in(database.parent), shown(folder / EVENTS) as progress:
        task = task.with_teacher(model=run.teacher)
        yield Context(task, run.id, folder, database, progress, limit_usd=Decimal(0))


def _latest(workspace: Workspace, name: str) -> _LatestRun:
    """Return the task's latest run. Raises InputError if there is no run."""
    task, database = load_task(workspace.prompts, name), workspace.database(name)
    latest = None
    if database.exists():
        with open_store(database) as store:
            latest = latest_run(store)
    if latest is None:
        raise InputError(f"task {name} has no run yet: begin one with `distill run {name}`")
    return _LatestRun(task, latest, new_run_reason(task, latest, asked=False))


def _is_trained(workspace: Workspace, task: Task, way: RunOptions) -> bool:
    """True if the resumed run has a student, or has begun a fine-tuning job at a provider.

    The result of such a job can be fetched even if the provider accepts no new jobs.
    """
    if not workspace.database(task.name).exists():
        return False
    with open_store(workspace.database(task.name)) as store:
        latest = latest_run(store)
        if latest is None or new_run_reason(task, latest, asked=way.new or way.ask_again):
            return False
        return "train" in store.finished_stages(latest.id) or store.has_training(latest.id)


def check_student(task: Task) -> str:
    """Check student and gold before anything is billed; return a warning, or "".

    A missing base model is downloaded. Raises InputError or DistillError if the base or the trainer
    cannot be used, or the base's chat template refuses a conversation. Raises InputError if gold
    has two answers to one input, or a row that is too long for the student. Raises InputError if
    the base cannot read the teacher's prompts.
    """
    check_contradictions(task.folder, task.gold, task.form)
    choices = task.spec.student.model_dump()
    trainer = trainer_of(task.spec.student.trainer)
    check_suits(task)
    warning = trainer.check(choices)
    if not trainer.PROVIDER and task.spec.student.trainer != ENCODER:  # an encoder has no base
        folder = folder_of(task.spec.student.base)
        check_fits(task, folder)
        if task.has_conversations:
            check_turn_order(task, folder)
    chats = [student_chat(task, row.input, row.answer) for row in task.gold]
    if perhaps_longer_than(chats, task.spec.student.context_tokens):
        base = trainer.locate(task.spec.student.base)
        for place, tokens in trainer.longer_than(chats, base, choices).items():
            row = task.gold[place]
            raise InputError(
                f"{task.folder / row.file}:{row.line}: {tokens:,} tokens exceed the student's "
                "context: raise student.context_tokens, or shorten the row"
            )
    return warning


def _check_models(task: Task) -> None:
    """Check that each provider's model of a new run exists, before the run is stored."""
    settings = teacher_settings(task, Path(os.devnull))
    for name in dict.fromkeys(name for _, name in task.models_asked):
        check_exists(name, settings)


def _paid_stages(task: Task, until: str) -> list[str]:
    """Return the stages of a call that may be billed.

    Curation is one of them, because a judge may curate each round of generation.
    """
    return stages_until(until) + (["curate"] if task.spec.generate.examples else [])


def _position(stage: str, before: Mapping[str, float]) -> str:
    """Describe the position of a stage in the run, with the time left by the run before."""
    place = list(STAGES).index(stage)
    seconds = sum(before.get(name, 0.0) for name in list(STAGES)[place:])
    left = f", about {duration(seconds)} left" if seconds else ""
    return f"stage {place + 1} of {len(STAGES)}: {stage}{left}"


def _do(context: Context, stage: str) -> bool:
    """Run a stage unless it is done; return True if it ran now."""
    with context.store() as store:
        if stage in store.finished_stages(context.run_id):
            LOG.debug("%s was finished before", stage)
            return False
        before = store.stage_seconds_before(context.run_id)
    context.progress.say(_position(stage, before))
    began = perf_counter()
    if stage != "report":  # the report counts the leaking seeds, which no other stage uses
        context = replace(context, task=without_leaking_seeds(context.task))
    write = STAGES[stage](context)
    seconds = perf_counter() - began
    with context.store() as store, store.transaction():
        write(store)
        store.finish_stage(context.run_id, stage, perf_counter() - began)
    stored = perf_counter() - began - seconds
    LOG.debug("%s took %.1f s, and %.1f s to store its rows", stage, seconds, stored)
    return True
