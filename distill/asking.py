"""Asks in, stored completions out: the one way in which any stage asks any model.

What is going to be asked is written down first; what is answered is stored before anything else
happens with it; so a run that was killed asks only what has no answer yet.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache

from distill.backends.client import complete_all
from distill.ledger import StoreLedger
from distill.progress import Progress
from distill.records import Answered, Ask, Endpoint
from distill.store import Store
from distill.workspace import Context

FIRST_LOOK = 20
LEARNED_FROM = "generate"  # a system that is only compared may answer nonsense: that is a result

OpenEndpoint = Callable[[], AbstractContextManager[Endpoint]]


@contextmanager
def lazily(
    open_endpoint: OpenEndpoint, stage: str, progress: Progress
) -> Iterator[Callable[[], Endpoint]]:
    """An endpoint that starts at the first call, and not at all without one."""
    with ExitStack() as stack:

        @cache
        def endpoint() -> Endpoint:
            with progress.step(stage, "start the model's server"):
                return stack.enter_context(open_endpoint())

        yield endpoint


def ask_all(
    context: Context, store: Store, asks: Sequence[Ask], endpoint: Callable[[], Endpoint]
) -> list[Answered]:
    """Write the asks (of one purpose) down, ask what is unanswered, give all back in order.

    Raises BudgetReached before a request is sent that could pass the task's budget, and Nonsense
    when a teacher's first answers are of no use.
    """
    if not asks:
        return []
    run_id, purpose = context.run_id, asks[0].purpose
    stage, _, name = purpose.partition(":")
    store.add_asks(run_id, asks)
    if missing := store.count_unanswered(run_id, purpose):
        ready = endpoint()
        store.settle_lost()
        ledger = StoreLedger(store, run_id, ready, context.task.spec.budget.usd)
        look = FIRST_LOOK if stage == LEARNED_FROM else 0
        with context.progress.step(stage, name, missing) as advance:
            requests = store.unanswered(run_id, purpose)
            ledger.ask(requests, lambda answers: advance(len(answers)), first_look=look)
            complete_all(ready, ledger)
    return store.answered(run_id, purpose)
