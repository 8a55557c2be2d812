"""Closed loops against a server on loopback."""

from decimal import Decimal

import pytest

from distill.core.errors import DistillError
from distill.core.evaluation import LoadTestResult
from distill.core.requests import Endpoint, Message, Model, Request, Sampling
from distill.llm.load_test import Extent, closed_loop
from distill.pricing.token_prices import MachinePrice
from tests.support.standin import StandIn

MODEL = Model("student@1", None, "chat")


def endpoint(url: str) -> Endpoint:
    return Endpoint(url, MODEL, 8, MachinePrice(Decimal("0.1"), 8))


def requests(count: int) -> list[Request]:
    return [
        Request(MODEL.name, (Message("user", f"my dog {number}"),), Sampling(8))
        for number in range(count)
    ]


@pytest.mark.parametrize("in_flight", [1, 5])
def test_so_many_are_always_in_flight(standin: StandIn, in_flight: int) -> None:
    standin.gather = in_flight
    loaded = closed_loop(endpoint(standin.url), requests(7), Extent(in_flight, 40))
    assert len(loaded.latencies_s) == 40
    assert standin.most_at_once == in_flight
    assert loaded.completion_tokens == 40  # the stand-in answers in one word
    assert all(0 < latency <= loaded.seconds for latency in loaded.latencies_s)
    busy = sum(loaded.latencies_s) / loaded.seconds
    assert busy <= in_flight + 1e-9, "Little's law: no more in flight than there may be"


def test_no_prompt_is_found_in_the_servers_cache(standin: StandIn) -> None:
    closed_loop(endpoint(standin.url), requests(3), Extent(2, 8))
    assert sorted(standin.load) == ["2-0"] * 3 + ["2-1"] * 3 + ["2-2"] * 3
    assert not standin.asked


def test_only_this_machine_is_loaded() -> None:
    with pytest.raises(DistillError, match=r"on this machine, not https://api\.example"):
        closed_loop(endpoint("https://api.example/v1"), requests(1), Extent(1, 1))


@pytest.mark.parametrize("fail_next", [1, 9])
def test_a_request_that_fails_ends_it(standin: StandIn, fail_next: int) -> None:
    standin.fail_next = fail_next
    with pytest.raises(DistillError, match="told to fail"):
        closed_loop(endpoint(standin.url), requests(4), Extent(4, 20))


def test_rates_are_of_the_whole_time() -> None:
    speed = LoadTestResult("student", 8, 100, 4.0, 0.3, 0.5, 0.6, 320)
    assert (speed.requests_per_s, speed.completion_tokens_per_s) == (25.0, 80.0)
