"""The path from requests to stored completions, shared by all stages and models.

Requests are recorded before they are sent. Answers are stored before they are used. A killed run
therefore sends only the unanswered requests again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from distill.core.errors import ChildError, DistillError
from distill.core.evaluation import LoadExtent
from distill.core.processors import watched
from distill.core.progress import Progress
from distill.core.purpose import Purpose
from distill.core.requests import CompletedRequest, Endpoint, Model, PlannedRequest
from distill.llm.batches.runner import BatchRunner, BatchScope, batch_runner
from distill.llm.client import complete_all
from distill.llm.ledger import (
    CONSENT,
    BudgetReached,
    OnAnswers,
    SpendLedger,
    UnusableAnswers,
    is_valid_answer,
)
from distill.llm.prompt_length import prompted_tokens
from distill.serve import ServerSettings
from distill.store import Store
from distill.store.batches import count_out, goes_in_batches, was_batched
from distill.task import Task
from distill.task.run_context import Context

FIRST_LOOK = 20
# Before a batch, one request in twenty is sent online, at twice the price of a batch.
LEAST_LOOK, LOOK_SHARE = 3, 20

OpenEndpoint = Callable[[], AbstractContextManager[Endpoint]]


@dataclass
class LazyEndpoint:
    """A model's endpoint that starts at the first call.

    If our own server dies, it is restarted once.
    """

    model: Model
    open_endpoint: OpenEndpoint
    stage: str
    progress: Progress
    _opened: ExitStack = field(default_factory=ExitStack)
    _endpoint: Endpoint | None = None
    _died: bool = False

    def __call__(self) -> Endpoint:
        if self._endpoint is None:
            what = "start the model's server" if self.model.is_local else f"reach {self.model.name}"
            with self.progress.step(self.stage, what):
                self._endpoint = self._opened.enter_context(self.open_endpoint())
        return self._endpoint

    def may_be_called_again(self, error: DistillError) -> bool:
        """True if the error came from the first death of our own server.

        Raises ChildError, with the end of the server's log, if the server dies again.
        """
        try:
            self.close(type(error), error, error.__traceback__)
        except ChildError as died:
            if self._died:
                raise
            self._died = True
            self.progress.note(self.stage, f"{str(died).splitlines()[0]} It is restarted once.")
            return True
        return False

    def close(self, *error: Any) -> bool | None:
        """Stop the server or client if one was started."""
        opened, self._opened, self._endpoint = self._opened, ExitStack(), None
        return opened.__exit__(*error)


def teacher_settings(task: Task, log: Path) -> ServerSettings:
    """Return the server settings for a teacher that generates rows, or for a judge.

    The timed answers on gold use other settings.
    """
    return ServerSettings(
        in_flight=task.spec.teacher.in_flight,
        usd_per_hour=task.spec.machine.usd_per_hour,
        log=log,
        rates=task.rates,
        model_tokens=prompted_tokens(task),
    )


@contextmanager
def lazy_endpoint(
    model: Model, open_endpoint: OpenEndpoint, stage: str, progress: Progress
) -> Iterator[LazyEndpoint]:
    """Yield a model's endpoint, and close it after the block."""
    with ExitStack() as stack:
        endpoint = LazyEndpoint(model, open_endpoint, stage, progress)
        stack.push(endpoint.close)
        yield endpoint


def bounded(context: Context, reached: BudgetReached) -> BudgetReached:
    """Return the error with the bound that was reached: the user's consent, or else the budget."""
    return reached.by(CONSENT) if context.is_limited else reached


class BatchesPending(DistillError):
    """The signal, not a failure, that requests are pending in batches with `--detach`."""

    def __init__(self, out: int, task: str) -> None:
        super().__init__(
            f"{out} requests are pending in batches, which end within 24 hours. To fetch the "
            f"answers and continue, run `distill run {task}`. To stop the batches and keep the "
            f"answers so far, run `distill cancel {task}`."
        )


def complete_requests(
    context: Context,
    store: Store,
    asks: Sequence[PlannedRequest],
    endpoint: LazyEndpoint,
    *,
    batches_at: str = "",
) -> list[CompletedRequest]:
    """Record the requests of one purpose, send the unanswered ones, and return all answers.

    The answers are in the order of the requests. The requests go through batches if the task says
    so. Gold rows are sent online, because the report shows their latency. Requests that are pending
    in another run's batches are awaited. `batches_at`: the model of the batches, written like
    `teacher.model`; "" for no batches.

    Raises BudgetReached before sending a request that could exceed the budget of the call. Raises
    UnusableAnswers if none of a teacher's first answers is usable. Raises BatchesPending if the
    user does not wait for batches.
    """
    if not asks:
        return []
    run_id, purpose = context.run_id, asks[0].purpose
    current = store.current([ask.request for ask in asks])
    store.add_asks(
        run_id, [replace(ask, request=row) for ask, row in zip(asks, current, strict=True)]
    )
    while store.count_unanswered(run_id, purpose):
        try:
            asking = _PurposeRun(context, store, purpose, endpoint(), batches_at)
            wanted = not purpose.is_timed and _wants_batches(context, store)
            out = asking.missing(in_batches=wanted)
        except (BudgetReached, UnusableAnswers):
            raise
        except DistillError as error:
            if endpoint.may_be_called_again(error):
                continue
            raise
        if out:
            raise BatchesPending(out, context.task.name)
        break
    return store.answered(run_id, purpose)


def unusable_answers(store: Store, run_id: str) -> list[str]:
    """Return the ids of a run's requests whose stored answers are unusable.

    An answer is unusable if it ended with a problem. A teacher's answer in generation is also
    unusable if it is not valid.
    """
    return [
        row.completion.request_id
        for purpose in store.purposes(run_id)
        for row in store.answered(run_id, purpose)
        if row.completion.problem
        or (purpose.is_learned_from and not is_valid_answer(row.ask.request, row.completion))
    ]


def _wants_batches(context: Context, store: Store) -> bool:
    mode, began = context.task.spec.teacher.mode, was_batched(store, context.run_id)
    return goes_in_batches(mode, detach=context.detach, began=began)


@dataclass(frozen=True, slots=True)
class _PurposeRun:
    """The unanswered requests of one purpose."""

    context: Context
    store: Store
    purpose: Purpose
    endpoint: Endpoint
    batches_at: str
    on_answers: OnAnswers = lambda rows: None

    def missing(self, *, in_batches: bool) -> int:
        """Send the requests, with progress; return the number still pending in batches."""
        run_id, purpose = self.context.run_id, self.purpose
        self.store.settle_lost()
        missing = self.store.count_unanswered(run_id, purpose)
        with self.context.progress.step(purpose.stage, purpose.step, missing) as advance:
            asking = replace(self, on_answers=lambda rows: advance(len(rows)))
            try:
                return asking.all(in_batches=in_batches)
            except BudgetReached as reached:
                missing = self.store.count_unanswered(run_id, purpose)
                mean_usd = self.store.mean_usd(purpose)
                raise bounded(self.context, reached.buying(missing, mean_usd)) from reached

    def all(self, *, in_batches: bool) -> int:
        """Send the requests; return the number still pending in batches."""
        if self.endpoint.batch_price is None or not self.batches_at:
            self._online(look=self._first_look())
            return 0
        with self._batching() as batches:
            if not in_batches:
                batches.wait()
                self._online(look=self._first_look())
                return 0
            batches.sends = True
            batches.fetch_ended()
            if not (look := self._look_before_batches()):
                return batches.complete(wait=not self.context.detach)
        self._online(look=look, most=look)
        with self._batching() as batches:  # a new ledger counts the cost of the sample
            return batches.complete(wait=not self.context.detach)

    def _batching(self) -> AbstractContextManager[BatchRunner]:
        usd = self.context.budget_usd
        what = BatchScope(self.context.run_id, self.purpose, self.batches_at, usd)
        note = partial(self.context.progress.note, self.purpose.stage)
        return batch_runner(self.store, what, self.endpoint, self.on_answers, note)

    def _online(self, *, look: int, most: int | None = None) -> None:
        run_id, usd = self.context.run_id, self.context.budget_usd
        requests = islice(self.store.unanswered(run_id, self.purpose), most)
        ledger = SpendLedger(self.store, run_id, self.endpoint, usd)
        note = partial(self.context.progress.note, self.purpose.stage)
        ledger.ask(requests, self.on_answers, first_look=look)
        if self.endpoint.price.by_seconds:
            began = datetime.now(UTC)
            with watched() as watch:
                complete_all(self.endpoint, ledger, note)
            stretch = LoadExtent(self.purpose, began, datetime.now(UTC), watch.others_cpu)
            self.store.add_stretch(run_id, stretch)
        else:
            complete_all(self.endpoint, ledger, note)
        for remark in ledger.remarks:
            note(remark)

    def _first_look(self) -> int:
        return FIRST_LOOK if self.purpose.is_learned_from else 0

    def _look_before_batches(self) -> int:
        """Return the size of the online sample that tests the prompt before a batch is sent.

        0 if a usable answer is already stored. A batch would take hours to show that the prompt is
        bad. Answers of every round count, because even the first round of a judge has a number.
        """
        run_id, purpose = self.context.run_id, self.purpose.without_round
        answered = self.store.answered(run_id, purpose, most=FIRST_LOOK, rounds=True)
        if any(is_valid_answer(row.ask.request, row.completion) for row in answered):
            return 0
        missing = self.store.count_unanswered(run_id, self.purpose)
        missing -= count_out(self.store, run_id, self.purpose)
        return min(FIRST_LOOK, max(LEAST_LOOK, missing // LOOK_SHARE), missing)
