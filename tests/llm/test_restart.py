"""A server of ours that dies in the middle is started once more; a second death is an error."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from distill.core.errors import ChildError, DistillError
from distill.core.purpose import Purpose
from distill.core.requests import Endpoint, Model, PlannedRequest
from distill.core.workspace import EVENTS
from distill.llm.complete import complete_requests, lazy_endpoint
from distill.pricing.token_prices import MachinePrice
from distill.task.prompts import student_request
from distill.task.run_context import Context
from tests.support.standin import StandIn

MODEL = Model("student@x", Path("nowhere"), "chat")


@dataclass
class Mortal:
    """A server that answers so many requests in each of its lives, and then dies."""

    standin: StandIn
    lives: list[int]
    log: Path
    healthy: bool = False
    starts: int = 0

    @contextmanager
    def serve(self) -> Iterator[Endpoint]:
        self.standin.fail_after = self.standin.total + self.lives[self.starts]
        self.starts += 1
        try:
            yield Endpoint(self.standin.url, MODEL, 2, MachinePrice(Decimal(1), 2))
        except DistillError as error:
            if self.healthy:
                raise
            self.log.write_text(f"death number {self.starts}\n", encoding="utf-8")
            raise ChildError("the vLLM server", -9, self.log) from error


def ask(context: Context, server: Mortal) -> int:
    """How many of the gold rows were answered."""
    asks = [
        PlannedRequest(
            Purpose.of_system("student"), row.input, student_request(context.task, MODEL, row.input)
        )
        for row in context.task.gold
    ]
    with (
        context.store() as store,
        lazy_endpoint(MODEL, server.serve, "evaluate", context.progress) as endpoint,
    ):
        return len(complete_requests(context, store, asks, endpoint))


def test_it_is_started_once_more_and_asks_only_what_is_left(
    context: Context, standin: StandIn, tmp_path: Path
) -> None:
    server = Mortal(standin, [6, 1000], tmp_path / "log")
    assert ask(context, server) == len(context.task.gold) == standin.total
    assert server.starts == 2
    events = (context.folder / EVENTS).read_text(encoding="utf-8")
    assert "the vLLM server ended with code -9" in events and "restarted once" in events


def test_a_second_death_is_an_error_with_the_log(
    context: Context, standin: StandIn, tmp_path: Path
) -> None:
    server = Mortal(standin, [6, 3], tmp_path / "log")
    with pytest.raises(ChildError, match="death number 2"):
        ask(context, server)
    assert server.starts == 2
    assert ask(context, Mortal(standin, [1000], tmp_path / "log")) == standin.total == 15


def test_a_server_that_lives_is_not_started_again(
    context: Context, standin: StandIn, tmp_path: Path
) -> None:
    server = Mortal(standin, [6, 1000], tmp_path / "log", healthy=True)
    with pytest.raises(DistillError, match="told to fail"):
        ask(context, server)
    assert server.starts == 1
