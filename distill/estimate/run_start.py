"""Choose the run that a call works on, or begin one: its estimate, the checks and the consent.

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

BILLED_STAGES = ("generate", "curate", "train", "evaluate")  # where a provider may send a bill


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How far to go; whether with another run than the latest; whether to leave instead of waiting
    for batches; whether to learn what more examples would bring; what may be billed, which is
    nothing unless the caller says so; whether it is a rehearsal; whether another run asks again
    what the latest got no usable answer to."""

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
    """The run that a call works on, the task with its teacher, and why that one where the task
    leaves it to `auto`. Of a run that `is_new` nothing is written yet. It puts the answers `aside`
    to which these requests are asked again."""

    run: Run
    task: Task
    choice: TeacherChoice | None
    is_new: bool
    aside: tuple[str, ...] = ()


def begin(workspace: Workspace, task: Task, way: RunOptions) -> tuple[Run, Task]:
    """The run to work on, which is the latest from now on, and the task with its teacher. Raises
    InputError when answers of a rehearsal would go into it."""
    chosen = choose_run(workspace, task, way)
    write_run(workspace, chosen, None, way)
    return chosen.run, chosen.task


def choose_run(
    workspace: Workspace, task: Task, way: RunOptions, settled: Settled | None = None
) -> SelectedRun:
    """Choose the latest run, or a new one when there is none, one is asked for, or the task has
    been edited since; only a new one settles which teacher `auto` is (`settled`, else by the
    consent). Writes nothing. Raises InputError when answers of a rehearsal would go into it."""
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
            aside = _to_ask_again(store, latest) if way.ask_again else ()
    why = new_run_reason(task, latest, asked=way.new or way.ask_again)
    if why is None and latest is not None:
        return SelectedRun(latest, task.with_teacher(model=latest.teacher), choice, is_new=False)
    taught, choice = settled or by_consent(task, is_given=way.consent.is_given, detach=way.detach)
    now = datetime.now(UTC)
    id_ = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    fresh = Run(id_, task.hash, task.parts, why or "", now, taught.spec.teacher.model)
    return SelectedRun(fresh, taught, choice, is_new=True, aside=aside)


def _to_ask_again(store: Store, latest: Run | None) -> tuple[str, ...]:
    """The requests of the latest run without a usable answer. Raises InputError for none."""
    found = unusable_answers(store, latest.id) if latest else []
    if not found:
        raise InputError("--ask-again: every stored answer of the latest run can be used")
    return tuple(found)


def write_run(
    workspace: Workspace, chosen: SelectedRun, cost: CostEstimate | None, way: RunOptions
) -> Decimal:
    """Write down a run that is new, and the estimate of one that has paid nothing; let `latest`
    point to it. Gives the most that the run may have been billed when the call ends, in USD."""
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
    """Plan what is left to be paid for a run, whether or not it is written down; None where every
    stage that pays is done."""
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
    """Check everything that stands between a plan and its first paid request: the terms of who is
    learned from, the schema, the keys, and the user's consent. Nothing is sent and no run is
    written before it.

    Raises InputError for terms that forbid it or a missing key, NotAgreed or Declined for a bill
    that the user does not agree to.
    """
    if not way.rehearsal:
        check_terms(task)
    if left.requests:
        check_schema(task)
    for place, name in task.models_asked if left.requests else ():
        check_key(place, name)
    check_consent(task, left, way.consent)


def latest_run(store: Store) -> Run | None:
    """The task's latest run; None before the first."""
    runs = store.runs()
    return runs[-1] if runs else None


def new_run_reason(task: Task, latest: Run | None, *, asked: bool) -> str | None:
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
