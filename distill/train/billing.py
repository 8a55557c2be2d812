"""The cost of a fine-tuning job: reserved before it begins, recorded after it ends."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from distill.core.errors import InputError, TrainingEnded
from distill.llm.complete import bounded
from distill.llm.ledger import ATTEMPT_ID_BYTES, BudgetReached
from distill.store import Store
from distill.store.batches import reserved_usd
from distill.task.run_context import Context
from distill.train.trainers import trainer_of
from distill.train.trainers.base import HostedModel, TrainJob, TrainResult

RESERVED = (
    "It is the fine-tuning job: one token per byte of its rows is reserved, for English about four "
    "times the bill. The rest is released when the job has ended.\n"
)


def train_with_ledger(
    context: Context, job: TrainJob, train: Callable[[], TrainResult]
) -> TrainResult:
    """Run a training and return its result with its cost.

    The maximum cost of a fine-tuning job is recorded before the job begins, and its bill after it
    ends. The bill is 0 for a job that was found again and is already paid. Raises BudgetReached
    before anything is sent.
    """
    trainer = trainer_of(context.task.spec.student.trainer)
    worst = trainer.worst_usd(job)
    if not worst:
        return train()
    made = trainer.is_made(job)
    with context.store() as store:
        paid_by = store.training_paid_by(job.tag)
        attempt = store.training_out(context.run_id, job.tag)
        if not (made and (paid_by or attempt)):
            check_budget(context, store, worst, job.tag)
        attempt = attempt or begin(context, store, job, Decimal(0) if made and paid_by else worst)
    try:
        trained = train()
    except (TrainingEnded, InputError) as error:  # InputError: nothing was sent
        with context.store() as store:
            store.end_without_student(attempt, getattr(error, "usd", Decimal(0)), str(error))
        raise
    model = trained.model
    assert isinstance(model, HostedModel), "only a provider bills a training"
    found = bool(paid_by) and not trained.made_now
    with context.store() as store:
        before = store.training_usd(context.run_id, job.tag)
        has_it = store.is_training_billed(context.run_id, job.tag)
        if found or model.most_usd is None:
            store.end_training(attempt, Decimal(0) if found else model.usd, model.name)
        else:
            store.end_uncounted_training(attempt, model.most_usd, model.name)
    # A student that another run paid for has the same cost in this run's report.
    usd = before if found and has_it else before + model.usd
    return replace(trained, model=replace(model, usd=usd))


def check_budget(context: Context, store: Store, worst: Decimal, tag: str) -> None:
    """Check that the budget covers a training of at most `worst` USD.

    Billed requests, pending batches and other pending fine-tuning jobs count as spent. Raises
    BudgetReached if the sum is above the budget.
    """
    run_id, budget = context.run_id, context.budget_usd
    taken = store.committed_usd(run_id) + store.trainings_out_usd(run_id, but=tag)
    taken += sum(dict(reserved_usd(store, run_id)).values(), Decimal(0))
    if taken + worst > budget:
        raise bounded(context, BudgetReached(budget, taken, worst, RESERVED))


def begin(context: Context, store: Store, job: TrainJob, worst: Decimal) -> str:
    """Record an attempt before the fine-tuning job is sent, and return the attempt's id."""
    attempt = secrets.token_hex(ATTEMPT_ID_BYTES)
    store.begin_training(context.run_id, job.tag, attempt, worst)
    return attempt
