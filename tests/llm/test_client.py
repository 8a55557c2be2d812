"""The client: everything that came back is handed over, whatever happens around it."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from distill.core.errors import DistillError
from distill.core.requests import (
    Attempt,
    AttemptOutcome,
    Endpoint,
    Message,
    Model,
    Request,
    Sampling,
    Usage,
)
from distill.llm.client import complete_all
from distill.llm.completions import answered
from distill.llm.providers.wire import Answer
from distill.pricing.token_prices import MachinePrice
from distill.store import open_store
from distill.task.answer_json import inputs_of, label_of
from tests.support.books import Books
from tests.support.standin import StandIn


def endpoint(url: str, *, in_flight: int = 4, chat: bool = False) -> Endpoint:
    model = Model("m", Path("weights"), "chat" if chat else "completions")
    return Endpoint(url, model, in_flight, MachinePrice(Decimal("0.10"), in_flight))


def requests(count: int) -> list[Request]:
    return [
        Request("m", (Message("user", f"say cat {n}"),), Sampling(5, choices=("cats", "dogs")))
        for n in range(count)
    ]


@pytest.mark.parametrize("chat", [True, False])
def test_every_request_is_answered_once_and_handed_over(standin: StandIn, chat: bool) -> None:
    books = Books(requests(500))
    wanted = [request.id for request in books.requests]
    complete_all(endpoint(standin.url, in_flight=16, chat=chat), books)
    assert sorted(row.request_id for row in books.completions) == sorted(wanted)
    assert {row.text for row in books.completions} == {"cats"}
    assert set(standin.asked.values()) == {1}


def test_no_more_are_in_flight_than_allowed(standin: StandIn) -> None:
    complete_all(endpoint(standin.url, in_flight=3), Books(requests(100)))
    assert standin.most_at_once <= 3


def test_usage_and_price_come_with_the_answer(standin: StandIn) -> None:
    books = Books(requests(1))
    complete_all(endpoint(standin.url), books)
    (row,) = books.completions
    assert (row.prompt_tokens, row.completion_tokens, row.finish_reason) == (3, 1, "stop")
    share = Decimal("0.10") / 3600 * Decimal(str(row.latency_s)) / 4
    assert abs(row.usd - share) < Decimal("0.000000000001")


def test_what_was_in_flight_at_a_failure_is_kept(standin: StandIn) -> None:
    standin.fail_after = 20
    books = Books(requests(100))
    with pytest.raises(DistillError, match=r"refused a request to m \(500\): .*told to fail"):
        complete_all(endpoint(standin.url, in_flight=8), books)
    assert len(books.completions) == standin.total == 20
    assert sorted(row.attempt.id for row in books.outcomes) == sorted(a.id for a in books.begun)


def test_a_failure_that_passes_costs_attempts_and_no_answer(standin: StandIn) -> None:
    standin.fail_next = 3
    books = Books(requests(50))
    complete_all(endpoint(standin.url, in_flight=8), books)
    assert len(books.completions) == 50
    assert [row.result for row in books.outcomes].count("not_billed") == 3


def test_nothing_is_sent_after_the_asking_has_to_stop(standin: StandIn) -> None:
    """Of 32 that wait for their turn when no credit is left, none is sent any more."""
    standin.headers = {"x-ratelimit-limit-requests": "600"}  # ten a second
    standin.fail_after, standin.fail_status = 10, 401
    books = Books(requests(300))
    with pytest.raises(DistillError, match="told to fail"):
        complete_all(endpoint(standin.url, in_flight=32), books)
    assert standin.total == 10 and standin.failed <= 8, "those on their way, of a window of 8"
    assert sorted(row.attempt.id for row in books.outcomes) == sorted(a.id for a in books.begun)
    assert any(row.failure == "not sent" for row in books.outcomes)


@pytest.mark.parametrize("odd", [{"choices": [None]}, {"choices": [{"message": None}]}])
def test_one_answer_of_another_shape_loses_no_other(standin: StandIn, odd: Any) -> None:
    standin.odd_once = odd
    books = Books(requests(60))
    complete_all(endpoint(standin.url, in_flight=16, chat=True), books)
    assert len(books.completions) == 60
    assert [row.result for row in books.outcomes].count("maybe_billed") == 1


def test_a_server_that_is_not_there_is_named() -> None:
    gone = "http://127.0.0.1:9/v1"
    books = Books(requests(1))
    with pytest.raises(DistillError, match=r"127\.0\.0\.1:9/v1 cannot be reached"):
        complete_all(endpoint(gone), books)
    assert {row.result for row in books.outcomes} == {"not_billed"}


def test_a_storing_that_fails_stops_the_asking(standin: StandIn) -> None:
    class FullDisk(Books):
        def turn(
            self, outcomes: Sequence[AttemptOutcome], again: Sequence[Request], wanted: int
        ) -> Sequence[Attempt]:
            if outcomes:
                raise DistillError("the disk is full")
            return super().turn(outcomes, again, wanted)

    with pytest.raises(DistillError, match="the disk is full"):
        complete_all(endpoint(standin.url), FullDisk(requests(3)))
    asked = standin.total
    with pytest.raises(DistillError, match="the disk is full"):
        complete_all(endpoint(standin.url), FullDisk(requests(5000)))
    assert standin.total - asked < 5000


def test_nothing_to_ask_asks_nothing(standin: StandIn) -> None:
    complete_all(endpoint(standin.url), Books([]))
    assert standin.total == 0


def test_what_no_file_can_hold_does_not_lose_a_paid_answer(tmp_path: Path) -> None:
    """JSON may bring half of a pair of surrogates, in the answer or in the JSON in the answer."""
    request = Request("m", (Message("user", "hello"),), Sampling(max_tokens=5))
    attempt = Attempt("a", request, Decimal(1))
    answer = Answer("half \ud83d of one", "stop", Usage(1, 1))
    found = answered(attempt, answer, 0.1, endpoint("http://127.0.0.1:9/v1")).completion
    assert found is not None
    with open_store(tmp_path / "store.duckdb") as store:
        store.add_completions([found])
        assert store.completions([request])[request.id].text == "half \ufffd of one"
    assert inputs_of('{"inputs": ["half \\ud83d of one"]}') == ["half \ufffd of one"]
    assert label_of('{"label": "\\ud83d\\ude00"}') == "\U0001f600"
