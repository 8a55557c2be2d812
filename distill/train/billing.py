"""What a provider's training is billed: the reserve before it, the bill after it."""

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
from distill.train.trainers import TRAINERS, choose
from distill.train.trainers.base import TrainJob, TrainResult

RESERVED = (
    "It is the training: a token is reserved for every byte of its rows, in English about four "
    "times what is billed. What was not billed comes free when it has ended.\n"
)


def train_with_ledger(
    context: Context, job: TrainJob, train: Callable[[], TrainResult]
) -> TrainResult:
    """What a trainer makes of a job, with what it cost. One that a provider bills is written down
    before it begins, with the most that it may cost, and after it has ended, with what it was
    billed: nothing where one is found again that was paid for before. Raises BudgetReached before
    anything is sent."""
    trainer = TRAINERS[choose(context.task.spec.student.trainer)]
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
    except (TrainingEnded, InputError) as error:  # for the latter nothing was sent
        with context.store() as store:
            store.end_without_student(attempt, getattr(error, "usd", Decimal(0)), str(error))
        raise
    cost = trained.usd or Decimal(0)
    found = bool(paid_by) and not trained.made_now
    with context.store() as store:
        before = store.training_usd(context.run_id, job.tag)
        has_it = store.is_training_billed(context.run_id, job.tag)
        if found or trained.most_usd is None:
            store.end_training(attempt, Decimal(0) if found else cost, trained.model)
        else:
            store.end_uncounted_training(attempt, trained.most_usd, trained.model)
    # What another run paid is what this student cost, too.
    return replace(trained, usd=before if found and has_it else before + cost)


def check_budget(context: Context, store: Store, worst: Decimal, tag: str) -> None:
    """Raises BudgetReached when the budget does not carry a training beside what was billed and
    what is out in batches and other trainings."""
    run_id, budget = context.run_id, context.budget_usd
    taken = store.committed_usd(run_id) + store.trainings_out_usd(run_id, but=tag)
    taken += sum(dict(reserved_usd(store, run_id)).values(), Decimal(0))
    if taken + worst > budget:
        raise bounded(context, BudgetReached(budget, taken, worst, RESERVED))


def begin(context: Context, store: Store, job: TrainJob, worst: Decimal) -> str:
    """The attempt of a training that is about to be sent."""
    attempt = secrets.token_hex(ATTEMPT_ID_BYTES)
    store.begin_training(context.run_id, job.tag, attempt, worst)
    return attempt
