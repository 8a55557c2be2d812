"""Asks a provider a number of questions and keeps the ledger in a store: `python -m tests.spending
DATABASE TEACHER COUNT BUDGET`, so that a test can kill it at any moment and start it again."""

import signal
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from distill.backends.client import complete_all
from distill.backends.servers import ServerSettings
from distill.backends.teachers import choose
from distill.ledger import StoreLedger
from distill.records import Ask, Completion, Message, Model, Request, Sampling
from distill.store import open_store

RUN, PURPOSE = "r", "generate:answer"
IN_FLIGHT = 50
LABELS = ("cats", "dogs", "birds")


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

    chosen = choose(teacher)
    settings = ServerSettings(in_flight, Decimal(1), database.parent / "log")
    asks = [Ask(PURPOSE, str(n), row) for n, row in enumerate(rows)]
    with open_store(database) as store, chosen.serve(settings) as endpoint:
        store.add_asks(RUN, asks)
        store.settle_lost()
        ledger = StoreLedger(store, RUN, endpoint, budget)
        complete_all(endpoint, ledger.ask(store.unanswered(RUN, PURPOSE), keep))
    return came


if __name__ == "__main__":
    # A shell's background job ignores it, and so do the children of one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    spend(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Decimal(sys.argv[4]))
