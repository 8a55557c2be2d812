"""The start of a call: the choice of its run, the cost estimate, and the check of the consent.

Before `check_before_paying`, nothing is sent and no run is stored.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from distill.core.errors import InputError
from distill.core.model_ref import check_key
from distill.core.purpose import stages_until
from distill.core.workspace import Workspace
from distill.estimate import CostEstimate, plan
from distill.estimate.consent import NO_CONSENT, Consent, check_consent, limit_usd
from distill.llm.complete import unusable_answers
from distill.llm.teacher_choice import Settled, by_consent
from distill.llm.today import price_today
from distill.store import Run, Store, TeacherChoice, open_store
from distill.task import Task
from distill.train.permission import check_terms, learned_from
from distill.train.schema_check import check_schema

BILLED_STAGES = ("generate", "curate", "train", "evaluate")  # a provider may bill these


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a call.

    `until`: the last stage to run.
    `new`: True to begin a new run.
    `detach`: True to return instead of waiting for batches.
    `curve`: True to measure the learning curve, too.
    `consent`: the user's consent to bills; none by default.
    `rehearsal`: True for a rehearsal.
    `ask_again`: True to begin a new run that repeats the latest run's requests without a usable
        answer.
    """

    until: str = "report"
    new: bool = False
    detach: bool = False
    curve: bool = False
    consent: Consent = NO_CONSENT
    rehearsal: bool = False
    ask_again: bool = False


DEFAULT_OPTIONS = RunOptions()


@dataclass(frozen=True, slots=True)
class SelectedRun:
    """The run of a call, and the task with the run's teacher.

    `choice`: the choice of the teacher; None if the task names the teacher.
    `is_new`: True if the run is not stored yet.
    `aside`: the ids of requests to send again, whose stored answers are to be discarded.
    """

    run: Run
    task: Task
    choice: TeacherChoice | None
    is_new: bool
    aside: tuple[str, ...] = ()


def begin(workspace: Workspace, task: Task, way: RunOptions) -> tuple[Run, Task]:
    """Choose the run of a call, make it the latest, and return it with the task.

    The returned task has the run's teacher. Raises InputError if the store is a rehearsal's.
    """
    chosen = choose_run(workspace, task, way)
    write_run(workspace, chosen, None, way)
    return chosen.run, chosen.task


def choose_run(
    workspace: Workspace, task: Task, way: RunOptions, settled: Settled | None = None
) -> SelectedRun:
    """Choose the latest run or a new run, without storing anything.

    The run is new if there is none, if the user asks for one, or if the task has been edited. A new
    run with `auto` has the teacher `settled`, or without one the choice by the consent.

    Raises InputError if the store is a rehearsal's. Raises InputError for `way.ask_again` if no
    request can be repeated.
    """
    database = workspace.database(task.name)
    latest = choice = None
    aside: tuple[str, ...] = ()
    if database.exists():
        with open_store(database) as store:
            if store.is_rehearsal() and not way.rehearsal:
                raise InputError(
                    f"{workspace.task_folder(task.name)} contains a rehearsal with a stand-in's "
                    "answers: choose another folder with --runs"
                )
            latest = latest_run(store)
            choice = store.teacher_choice(latest.id) if latest else None
            aside = _to_ask_again(store, latest) if way.ask_again and latest else ()
    if way.ask_again and latest is None:
        raise InputError(f"--ask-again: there is no run yet; `distill run {task.name}` begins one")
    why = new_run_reason(task, latest, asked=way.new or way.ask_again)
    if why is None and latest is not None:
        return SelectedRun(latest, task.with_teacher(model=latest.teacher), choice, is_new=False)
    taught, choice = settled or by_consent(task, is_given=way.consent.is_given, detach=way.detach)
    now = datetime.now(UTC)
    id_ = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    fresh = Run(id_, task.hash, task.parts, why or "", now, taught.spec.teacher.model)
    return SelectedRun(fresh, taught, choice, is_new=True, aside=aside)


def _to_ask_again(store: Store, latest: Run) -> tuple[str, ...]:
    """Return the ids of the latest run's requests without a usable answer.

    Raises InputError if there are none.
    """
    found = unusable_answers(store, latest.id)
    if not found:
        raise InputError("--ask-again: all answers of the latest run are usable: omit this option")
    return tuple(found)


def write_run(
    workspace: Workspace, chosen: SelectedRun, cost: CostEstimate | None, way: RunOptions
) -> Decimal:
    """Store a new run and its terms, and point `latest` to the run.

    Stores the estimate, too, unless the run has paid before. Returns the maximum total bill of the
    run, in USD, at the end of the call.
    """
    run, task = chosen.run, chosen.task
    with open_store(workspace.database(task.name)) as store:
        with store.transaction():
            if chosen.is_new:
                store.add_run(run, task.spec.model_dump(mode="json"))
                store.put_aside(chosen.aside)
                if chosen.choice:
                    store.add_teacher_choice(run.id, chosen.choice)
            if cost and not way.rehearsal:
                store.add_terms(run.id, learned_from(task), task.spec.terms.confirmed)
            if cost and not cost.committed_usd:
                store.add_estimate(run.id, cost.expected_usd, cost.certain_usd)
        limit = limit_usd(task, store, run.id, way.consent)
    workspace.run_folder(task.name, run.id).mkdir(parents=True, exist_ok=True)
    workspace.point_latest(task.name, run.id)
    return limit


def plan_of(workspace: Workspace, chosen: SelectedRun, way: RunOptions) -> CostEstimate | None:
    """Plan the remaining payments of a run, which may be new.

    Returns None if all stages with bills are finished.
    """
    task, database = chosen.task, workspace.database(chosen.task.name)
    run_id = None if chosen.is_new else chosen.run.id
    if not database.exists():
        return plan(task, detach=way.detach)
    with open_store(database) as store:
        finished = store.finished_stages(run_id) if run_id else ()
        if set(BILLED_STAGES).intersection(stages_until(way.until)) <= set(finished):
            return None
        return plan(task, store, run_id, detach=way.detach, aside=chosen.aside)


def check_before_paying(task: Task, left: CostEstimate, way: RunOptions) -> None:
    """Check terms, schema, prices, API keys and consent before the first paid request.

    Raises InputError if the terms forbid the training or the schema is refused. Raises InputError
    if today's model has no known price, or a key is missing. Raises NotAgreed or Declined if the
    user does not agree to the bill.
    """
    if not way.rehearsal:
        check_terms(task)
    if left.requests:
        check_schema(task)
    price_today(task)
    for place, name in task.models_asked if left.requests else ():
        check_key(place, name)
    check_consent(task, left, way.consent)


def latest_run(store: Store) -> Run | None:
    """Return the task's latest run; None before the first."""
    runs = store.runs()
    return runs[-1] if runs else None


def new_run_reason(task: Task, latest: Run | None, *, asked: bool) -> str | None:
    """Return the reason to begin a new run; None to resume the latest run."""
    if latest is None:
        return "the first run of the task"
    if asked:
        return "a new run was asked for"
    if latest.task_hash != task.hash:
        parts = dict.fromkeys((*task.parts, *latest.parts))
        edited = [part for part in parts if latest.parts.get(part) != task.parts.get(part)]
        return f"edited since {latest.id}: {', '.join(edited)}"
    return None
