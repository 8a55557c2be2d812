"""Asks in, stored completions out: the one way in which any stage asks any model.

What is going to be asked is written down first; what is answered is stored before anything else
happens with it; so a run that was killed asks only what has no answer yet.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice

from distill.backends.client import complete_all
from distill.batch_store import count_out, goes_in_batches, was_batched
from distill.batching import Batched, Batching, batching
from distill.errors import DistillError
from distill.ledger import BudgetReached, OnAnswers, StoreLedger, is_usable
from distill.progress import Progress
from distill.records import Answered, Ask, Endpoint, Model
from distill.store import Store
from distill.workspace import Context

FIRST_LOOK = 20
# Of what goes into batches: one in twenty, since at once they cost twice as much.
LEAST_LOOK, LOOK_SHARE = 3, 20
LEARNED_FROM = "generate"  # a system that is only compared may answer nonsense: that is a result

OpenEndpoint = Callable[[], AbstractContextManager[Endpoint]]


@contextmanager
def lazily(
    model: Model, open_endpoint: OpenEndpoint, stage: str, progress: Progress
) -> Iterator[Callable[[], Endpoint]]:
    """A model's endpoint that starts at the first call, and not at all without one."""
    step = "start the model's server" if model.folder else f"reach {model.name}"
    with ExitStack() as stack:

        @cache
        def endpoint() -> Endpoint:
            with progress.step(stage, step):
                return stack.enter_context(open_endpoint())

        yield endpoint


class Waiting(DistillError):
    """Requests are out in batches, and nobody wants to wait for them: no failure."""

    def __init__(self, out: int, task: str) -> None:
        super().__init__(
            f"{out} requests are out in batches, which are answered within 24 hours. "
            f"`distill run {task}` goes on with what has come; `distill cancel {task}` stops them "
            "and keeps what was answered."
        )


def ask_all(
    context: Context,
    store: Store,
    asks: Sequence[Ask],
    endpoint: Callable[[], Endpoint],
    *,
    batches_at: str = "",
) -> list[Answered]:
    """Write the asks (of one purpose) down, ask what is unanswered, give all back in order. They
    go through batches when nobody needs the answers now and the task says so; `batches_at` names
    who takes them then, as `teacher.model` does.

    Raises BudgetReached before a request is sent that could pass the task's budget, Nonsense when
    a teacher's first answers are of no use, and Waiting when the user does not wait for batches.
    """
    if not asks:
        return []
    run_id, purpose = context.run_id, asks[0].purpose
    stage, _, name = purpose.partition(":")
    store.add_asks(run_id, asks)
    if missing := store.count_unanswered(run_id, purpose):
        ready = endpoint()
        store.settle_lost()
        step = name if stage == "evaluate" else name.partition(".")[0]  # a model's has its own dots
        with context.progress.step(stage, step, missing) as advance:
            asking = _Asking(
                context, store, purpose, ready, batches_at, lambda rows: advance(len(rows))
            )
            try:
                out = asking.all(in_batches=_wants_batches(context, store))
            except BudgetReached as reached:
                missing, mean = store.count_unanswered(run_id, purpose), store.mean_usd(purpose)
                raise reached.buying(missing, mean) from reached
        if out:
            raise Waiting(out, context.task.name)
    return store.answered(run_id, purpose)


def _wants_batches(context: Context, store: Store) -> bool:
    mode, began = context.task.spec.teacher.mode, was_batched(store, context.run_id)
    return goes_in_batches(mode, detach=context.detach, began=began)


@dataclass(frozen=True, slots=True)
class _Asking:
    """The unanswered requests of one purpose."""

    context: Context
    store: Store
    purpose: str
    endpoint: Endpoint
    batches_at: str
    on_answers: OnAnswers

    def all(self, *, in_batches: bool) -> int:
        """Ask them; how many are out in batches when it ends."""
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
            if look := self._look_before_batches():
                self._online(look=look, most=look)
            return batches.complete(wait=not self.context.detach)

    def _batching(self) -> AbstractContextManager[Batching]:
        spec, stage = self.context.task.spec, self.purpose.partition(":")[0]
        what = Batched(self.context.run_id, self.purpose, self.batches_at, spec.budget.usd)
        note = partial(self.context.progress.note, stage)
        return batching(self.store, what, self.endpoint, self.on_answers, note)

    def _online(self, *, look: int, most: int | None = None) -> None:
        run_id, usd = self.context.run_id, self.context.task.spec.budget.usd
        requests = islice(self.store.unanswered(run_id, self.purpose), most)
        ledger = StoreLedger(self.store, run_id, self.endpoint, usd)
        complete_all(self.endpoint, ledger.ask(requests, self.on_answers, first_look=look))

    def _first_look(self) -> int:
        return FIRST_LOOK if self.purpose.startswith(LEARNED_FROM) else 0

    def _look_before_batches(self) -> int:
        """How many to ask at once before a batch is sent: it would take hours to show that the
        prompt makes no sense. None when an answer is there that can be used."""
        run_id, rounds_of = self.context.run_id, self.purpose.partition(".")[0]
        answered = self.store.answered(run_id, rounds_of, most=FIRST_LOOK)
        if any(is_usable(row.ask.request, row.completion) for row in answered):
            return 0
        missing = self.store.count_unanswered(run_id, self.purpose)
        missing -= count_out(self.store, run_id, self.purpose)
        return min(FIRST_LOOK, max(LEAST_LOOK, missing // LOOK_SHARE), missing)
