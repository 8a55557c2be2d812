"""Asks in, stored completions out: the one way in which any stage asks any model.

What is going to be asked is written down first; what is answered is stored before anything else
happens with it; so a run that was killed asks only what has no answer yet.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache

from distill.backends.client import complete_all
from distill.progress import Progress
from distill.records import Answered, Ask, Completion, Endpoint
from distill.store import Store

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
    store: Store,
    run_id: str,
    asks: Sequence[Ask],
    endpoint: Callable[[], Endpoint],
    progress: Progress,
) -> list[Answered]:
    """Write the asks (of one purpose) down, ask what is unanswered, give all back in order."""
    if not asks:
        return []
    purpose = asks[0].purpose
    stage, _, name = purpose.partition(":")
    store.add_asks(run_id, asks)
    missing = store.unanswered(run_id, purpose)
    if missing:
        ready = endpoint()
        with progress.step(stage, name, len(missing)) as advance:

            def keep(completions: Sequence[Completion]) -> None:
                store.add_completions(completions)
                advance(len(completions))

            complete_all(ready, missing, keep)
    return store.answered(run_id, purpose)
