"""Asks a provider a number of questions and keeps the ledger in a store.

`python -m tests.support.spending DATABASE TEACHER COUNT BUDGET [batches]`: a test can kill it at
any moment and start it again.
"""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from distill.core.purpose import ANSWER
from distill.core.requests import (
    Completion,
    Endpoint,
    Message,
    Model,
    PlannedRequest,
    Request,
    Sampling,
)
from distill.llm.batches.runner import BatchScope, batch_runner
from distill.llm.client import complete_all
from distill.llm.ledger import SpendLedger
from distill.llm.models import choose
from distill.serve import ServerSettings
from distill.store import Store, open_store

RUN, PURPOSE = "r", ANSWER
IN_FLIGHT = 50
LABELS = ("cats", "dogs", "birds")
IMPORTS = ("anthropic", "duckdb", "openai")


def requests(model: Model, count: int) -> list[Request]:
    """Requests for the label of a short text."""
    sampling = Sampling(16, choices=LABELS)
    about = Message("system", "Which pet is it about?")
    return [
        Request(model.name, (about, Message("user", f"my dog has the number {n}")), sampling)
        for n in range(count)
    ]


def long_requests(model: Model, count: int) -> list[Request]:
    """Requests for more texts than there is room for: every answer costs nearly what it can."""
    sampling = Sampling(300, inputs=40)
    return [
        Request(
            model.name, (Message("user", f"Write 40 messages about dogs, part {n}."),), sampling
        )
        for n in range(count)
    ]


def spend(database: Path, teacher: str, count: int, budget: Decimal) -> list[Completion]:
    """Ask for labels as far as they are unanswered; the answers that came now."""
    return ask(database, teacher, requests(choose(teacher).model, count), budget, IN_FLIGHT)


def ask(
    database: Path, teacher: str, rows: Sequence[Request], budget: Decimal, in_flight: int
) -> list[Completion]:
    """Ask what is unanswered; the answers that came now."""
    came: list[Completion] = []

    def keep(answers: Sequence[Completion]) -> None:
        came.extend(answers)

    with ready(database, teacher, rows, in_flight) as (store, endpoint):
        ledger = SpendLedger(store, RUN, endpoint, budget)
        complete_all(endpoint, ledger.ask(store.unanswered(RUN, PURPOSE), keep))
    return came


def spend_in_batches(
    database: Path, teacher: str, count: int, budget: Decimal, *, wait: bool = True
) -> list[str]:
    """The same in batches; what was noted on the way."""
    notes: list[str] = []
    rows = requests(choose(teacher).model, count)
    what = BatchScope(RUN, PURPOSE, teacher, budget)
    with (
        ready(database, teacher, rows, IN_FLIGHT) as (store, endpoint),
        batch_runner(store, what, endpoint, lambda answers: None, notes.append) as batches,
    ):
        batches.complete(wait=wait)
    return notes


@contextmanager
def ready(
    database: Path, teacher: str, rows: Sequence[Request], in_flight: int
) -> Iterator[tuple[Store, Endpoint]]:
    """The store, with everything written down that is to be asked, and who is asked."""
    chosen = choose(teacher)
    settings = ServerSettings(in_flight, Decimal(1), database.parent / "log")
    asks = [PlannedRequest(PURPOSE, str(n), row) for n, row in enumerate(rows)]
    with open_store(database) as store, chosen.serve(settings) as endpoint:
        store.add_asks(RUN, asks)
        store.settle_lost()
        yield store, endpoint


def main(arguments: Sequence[str]) -> None:
    """Spend as the arguments of the command line say."""
    database, teacher, count, budget, *more = arguments
    way = spend_in_batches if more == ["batches"] else spend
    way(Path(database), teacher, int(count), Decimal(budget))


if __name__ == "__main__":
    # A shell's background job ignores it, and so do the children of one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(sys.argv[1:])
