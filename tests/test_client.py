"""The client: everything that came back is handed over, whatever happens around it."""

from decimal import Decimal

import pytest

from distill.backends.client import complete_all
from distill.errors import DistillError
from distill.records import Completion, Endpoint, Message, Model, Request, Sampling
from tests.standin import StandIn


def endpoint(url: str, *, in_flight: int = 4, chat: bool = False) -> Endpoint:
    model = Model("m", None, "chat" if chat else "completions")
    return Endpoint(url, model, in_flight, Decimal("0.10"))


def requests(count: int) -> list[Request]:
    return [
        Request("m", (Message("user", f"say cat {n}"),), Sampling(5, choices=("cats", "dogs")))
        for n in range(count)
    ]


@pytest.mark.parametrize("chat", [True, False])
def test_every_request_is_answered_once_and_handed_over(standin: StandIn, chat: bool) -> None:
    handed: list[Completion] = []
    wanted = requests(500)
    complete_all(endpoint(standin.url, in_flight=16, chat=chat), wanted, handed.extend)
    assert sorted(row.request_id for row in handed) == sorted(row.id for row in wanted)
    assert {row.text for row in handed} == {"cats"}
    assert set(standin.asked.values()) == {1}


def test_no_more_are_in_flight_than_allowed(standin: StandIn) -> None:
    complete_all(endpoint(standin.url, in_flight=3), requests(100), lambda group: None)
    assert standin.most_at_once <= 3


def test_usage_and_price_come_with_the_answer(standin: StandIn) -> None:
    handed: list[Completion] = []
    complete_all(endpoint(standin.url), requests(1), handed.extend)
    (row,) = handed
    assert (row.prompt_tokens, row.completion_tokens, row.finish_reason) == (3, 1, "stop")
    share = Decimal("0.10") / 3600 * Decimal(str(row.latency_s)) / 4
    assert abs(row.usd - share) < Decimal("0.000000000001")


def test_what_was_in_flight_at_a_failure_is_kept(standin: StandIn) -> None:
    standin.fail_after = 20
    handed: list[Completion] = []
    with pytest.raises(DistillError, match=r"refused a request to m \(500\): .*told to fail"):
        complete_all(endpoint(standin.url, in_flight=8), requests(100), handed.extend)
    assert len(handed) == standin.total == 20


def test_a_server_that_is_not_there_is_named() -> None:
    gone = "http://127.0.0.1:9/v1"
    with pytest.raises(DistillError, match=r"127\.0\.0\.1:9/v1 cannot be reached"):
        complete_all(endpoint(gone), requests(1), lambda group: None)


def test_a_storing_that_fails_stops_the_asking(standin: StandIn) -> None:
    def disk_full(group: object) -> None:
        raise DistillError("the disk is full")

    with pytest.raises(DistillError, match="the disk is full"):
        complete_all(endpoint(standin.url), requests(3), disk_full)
    asked = standin.total
    with pytest.raises(DistillError, match="the disk is full"):
        complete_all(endpoint(standin.url), requests(5000), disk_full)
    assert standin.total - asked < 5000


def test_nothing_to_ask_asks_nothing(standin: StandIn) -> None:
    complete_all(endpoint(standin.url), [], lambda group: None)
    assert standin.total == 0
