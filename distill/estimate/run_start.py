"""The start of a call: choose its run or begin one, estimate the cost, and check the consent.

Nothing is sent and no run is written before `check_before_paying`.
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
from distill.store import Run, Store, TeacherChoice, open_store
from distill.task import Task
from distill.train.permission import check_terms, learned_from
from distill.train.schema_check import check_schema

BILLED_STAGES = ("generate", "curate", "train", "evaluate")  # a provider may bill these


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a run.

    `until`: the last stage.
    `new`: begin a new run.
    `detach`: return instead of waiting for batches.
    `curve`: also measure the learning curve.
    `consent`: the bills that may be made; none by default.
    `rehearsal`: the run is a rehearsal.
    `ask_again`: begin a run that asks again the requests without a usable answer in the latest run.
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
    """The run that a call works on, and the task with its teacher.

    `choice`: the reason for the teacher; None if the task names the teacher.
    `is_new`: nothing of the run is written yet.
    `aside`: requests that are asked again; their stored answers are put aside.
    """

    run: Run
    task: Task
    choice: TeacherChoice | None
    is_new: bool
    aside: tuple[str, ...] = ()


def begin(workspace: Workspace, task: Task, way: RunOptions) -> tuple[Run, Task]:
    """Choose the run to work on, make it the latest, and return it with the task and its teacher.

    Raises InputError if answers of a rehearsal would go into the run.
    """
    chosen = choose_run(workspace, task, way)
    write_run(workspace, chosen, None, way)
    return chosen.run, chosen.task


def choose_run(
    workspace: Workspace, task: Task, way: RunOptions, settled: Settled | None = None
) -> SelectedRun:
    """Choose the latest run, or a new one, and write nothing.

    The run is new if there is none, if a new one is asked for, or if the task was edited since.
    Only a new run settles the teacher of `auto`: `settled`, or else the choice by the consent.

    Raises InputError if answers of a rehearsal would go into the run. Raises InputError if no
    answer is left to be asked for again.
    """
    database = workspace.database(task.name)
    latest = choice = None
    aside: tuple[str, ...] = ()
    if database.exists():
        with open_store(database) as store:
            if store.is_rehearsal() and not way.rehearsal:
                raise InputError(
                    f"{workspace.task_folder(task.name)} holds a rehearsal, whose answers are a "
                    "stand-in's: choose another folder with --runs"
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
    """Return the requests of the latest run without a usable answer.

    Raises InputError if there are none.
    """
    found = unusable_answers(store, latest.id)
    if not found:
        raise InputError("--ask-again: every stored answer of the latest run can be used")
    return tuple(found)


def write_run(
    workspace: Workspace, chosen: SelectedRun, cost: CostEstimate | None, way: RunOptions
) -> Decimal:
    """Store a new run, and the estimate of a run that has paid nothing; point `latest` to the run.

    Returns the max USD that the run may have been billed when the call ends.
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
    """Plan the payments that are left for a run, stored or not.

    None if every stage that pays is done.
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
    """Check terms, schema, keys and consent before the first paid request.

    Nothing is sent and no run is written before this check.

    Raises InputError if the terms forbid the training or a key is missing. Raises NotAgreed or
    Declined if the user does not agree to the bill.
    """
    if not way.rehearsal:
        check_terms(task)
    if left.requests:
        check_schema(task)
    for place, name in task.models_asked if left.requests else ():
        check_key(place, name)
    check_consent(task, left, way.consent)


def latest_run(store: Store) -> Run | None:
    """Return the task's latest run; None before the first."""
    runs = store.runs()
    return runs[-1] if runs else None


def new_run_reason(task: Task, latest: Run | None, *, asked: bool) -> str | None:
    """Return the reason for a new run; None if the latest run goes on."""
    if latest is None:
        return "the first run of the task"
    if asked:
        return "a new run was asked for"
    if latest.task_hash != task.hash:
        parts = dict.fromkeys((*task.parts, *latest.parts))
        edited = [part for part in parts if latest.parts.get(part) != task.parts.get(part)]
        return f"edited since {latest.id}: {', '.join(edited)}"
    return None
