"""`distill cancel`: stops pending batches and fine-tuning jobs, and keeps existing answers."""

from dataclasses import dataclass

from distill.core.errors import InputError
from distill.core.progress import Progress, shown
from distill.core.requests import AttemptOutcome
from distill.core.workspace import EVENTS, Workspace
from distill.llm.batches.runner import BatchScope, batch_runner
from distill.llm.models import choose
from distill.serve import ServerSettings
from distill.store import Store, open_store
from distill.store.batches import add_event, attempts_out, open_batches
from distill.task import Task
from distill.task.loading import load_task
from distill.train.trainers import TRAINERS

STAGE = "cancel"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The numbers of stopped batches, of answers fetched from them, and of stopped jobs."""

    batches: int
    answers: int
    trainings: int = 0


def cancel(workspace: Workspace, name: str, *, forget: bool = False) -> Cancelled:
    """Stop every batch and every fine-tuning job of the task, and return their numbers.

    Waits until each batch has ended, which may take ten minutes. A stopped job is billed only for
    the tokens trained until then.

    With `forget`, no provider is asked. Pending requests and jobs then count as billed, and their
    results are lost. Raises InputError if the task has no run, or another process works on it.
    """
    task = load_task(workspace.prompts, name)
    if not workspace.database(name).exists():
        raise InputError(f"task {name!r} has no run in {workspace.runs}/: nothing to cancel")
    events = workspace.task_folder(name) / "latest" / EVENTS
    with (
        workspace.locked(name),
        shown(events) as progress,
        open_store(workspace.database(name)) as store,
    ):
        if forget:
            return _forget(store)
        teachers = sorted({batch.teacher for batch in open_batches(store)})
        stopped = [_stop(task, workspace, store, teacher, progress) for teacher in teachers]
        trainings = _stop_trainings(store)
    return Cancelled(
        batches=sum(row.batches for row in stopped),
        answers=sum(row.answers for row in stopped),
        trainings=trainings,
    )


def _stop(
    task: Task, workspace: Workspace, store: Store, teacher: str, progress: Progress
) -> Cancelled:
    spec, run_id = task.spec, store.runs()[-1].id
    log = workspace.run_folder(task.name, run_id) / "logs" / f"{STAGE}.log"
    settings = ServerSettings(1, spec.machine.usd_per_hour, log, rates=task.rates)
    what = BatchScope(run_id, None, teacher, spec.budget.usd)
    came = 0

    def count(answers: int) -> None:
        nonlocal came
        came += answers

    with (
        choose(teacher).serve(settings) as endpoint,
        progress.step(STAGE, f"wait until the batches at {teacher} have ended"),
        batch_runner(
            store,
            what,
            endpoint,
            lambda answers: count(len(answers)),
            lambda text: progress.note(STAGE, text),
        ) as batches,
    ):
        return Cancelled(batches.cancel(), came)


def _stop_trainings(store: Store) -> int:
    """Stop the pending fine-tuning jobs and return their number.

    The result of a job that has ended is left for the next run."""
    stopped = 0
    for attempt_id, tag in store.trainings_out():
        bills = (trainer.cancel(tag) for trainer in TRAINERS.values())
        usd = next((bill for bill in bills if bill is not None), None)
        if usd is not None:
            store.end_without_student(attempt_id, usd, "cancelled")
            stopped += 1
    return stopped


def _forget(store: Store) -> Cancelled:
    batches = open_batches(store)
    for batch in batches:
        lost = attempts_out(store, batch).values()
        with store.transaction():
            store.add_outcomes(
                [AttemptOutcome(row, failure="forgotten", maybe_billed=True) for row in lost]
            )
            add_event(store, batch, "closed", "forgotten")
    trainings = store.trainings_out()
    for attempt_id, _ in trainings:
        store.forget_training(attempt_id)
    return Cancelled(len(batches), 0, len(trainings))
