"""The pace, with a clock of its own: what is believed, what a 429 does, and how it comes back."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from distill.llm.rate_limit import SAFETY, AdaptiveRateLimiter, TokenRate, announced_rate

NEARLY_FULL = {"limit": 6000, "remaining": 90, "reset": "50ms"}


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def in_a_minute(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize(
    ("headers", "rate"),
    [
        ({"limit": "12000", "remaining": "11990", "reset": "50ms"}, 200.0),
        ({"limit": "12000", "remaining": "0", "reset": "1m0s"}, 200.0),
        ({"limit": "12000"}, 200.0),
        ({"limit": "200", "remaining": "190", "reset": "1h12m0s"}, 10 / 4320),
        ({"limit": "0"}, None),
        ({}, None),
    ],
)
def test_what_openai_announces(headers: dict[str, str], rate: float | None) -> None:
    named = {f"x-ratelimit-{what}-requests": value for what, value in headers.items()}
    assert announced_rate(named, "requests") == (rate and pytest.approx(rate))


def test_what_anthropic_announces() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "600",
        "anthropic-ratelimit-requests-remaining": "599",
        "anthropic-ratelimit-requests-reset": in_a_minute(1),
    }
    assert announced_rate(headers, "requests") == pytest.approx(10.0)
    assert announced_rate(headers, "tokens") is None


TOGETHER = {
    "x-ratelimit-limit": "10",
    "x-ratelimit-remaining": "9",
    "x-ratelimit-reset": "1",
    "x-tokenlimit-limit": "3000",
    "x-tokenlimit-remaining": "2900",
}


@pytest.mark.parametrize(
    ("changes", "requests", "tokens"),
    [
        ({}, 10.0, 3000.0),
        ({"x-ratelimit-reset": "0.25"}, 10.0, 3000.0),
        ({"x-ratelimit-reset": "850ms"}, 10.0, 3000.0),
        ({"x-ratelimit-reset": "42"}, 10 / 60, 50.0),
        ({"x-ratelimit-limit-dynamic": "4"}, 4.0, 3000.0),
        ({"x-tokenlimit-limit-dynamic": "900"}, 10.0, 900.0),
        ({"x-ratelimit-limit-requests": "1200"}, 20.0, 3000.0),
        ({"x-ratelimit-limit": "0", "x-tokenlimit-limit": "many"}, None, None),
        ({"x-ratelimit-reset": ""}, None, None),
        ({"x-ratelimit-reset": "1795910400"}, None, None),
        ({"x-ratelimit-reset": "1795910400000"}, None, None),
        ({"x-ratelimit-reset": "nan"}, None, None),
    ],
)
def test_what_together_announces(
    changes: dict[str, str], requests: float | None, tokens: float | None
) -> None:
    headers = TOGETHER | changes
    assert announced_rate(headers, "requests") == (requests and pytest.approx(requests))
    assert announced_rate(headers, "tokens") == (tokens and pytest.approx(tokens))


def test_together_is_asked_as_fast_as_it_says() -> None:
    clock = Clock()
    gates = paced(clock, 50, lambda pace: pace.took(TOGETHER))._gates
    assert gates["requests"].rate == pytest.approx(SAFETY * 10)
    assert gates["tokens"].rate == pytest.approx(SAFETY * 3000)
    waits = [gates["requests"].delay(1, clock.now) for _ in range(10)]
    assert sum(wait == 0 for wait in waits) == 8 + 1, "nine tenths of 9, and one by the rate"


def test_a_clock_that_is_wrong_does_not_make_a_minute_into_a_day() -> None:
    theirs = datetime.now(UTC) + timedelta(hours=1)
    headers = {
        "date": format_datetime(theirs, usegmt=True),
        "anthropic-ratelimit-requests-limit": "600",
        "anthropic-ratelimit-requests-remaining": "599",
        "anthropic-ratelimit-requests-reset": (theirs + timedelta(seconds=1)).isoformat(),
    }
    assert announced_rate(headers, "requests") == pytest.approx(10.0)


def test_a_rest_lets_through_what_the_provider_says_is_left() -> None:
    clock = Clock()
    headers = {f"x-ratelimit-{what}-requests": str(n) for what, n in NEARLY_FULL.items()}
    gate = paced(clock, 50, lambda pace: pace.took(headers))._gates["requests"]
    waits = [gate.delay(1, clock.now) for _ in range(100)]
    assert sum(wait == 0 for wait in waits) == 81 + 1, "nine tenths of 90, and one by the rate"


@pytest.mark.parametrize("remaining", [{}, {"remaining": 5000}])
def test_no_second_gets_more_than_its_share_of_an_announced_limit(
    remaining: dict[str, int],
) -> None:
    clock = Clock()
    told = {"limit": 6000} | remaining
    headers = {f"x-ratelimit-{what}-requests": str(n) for what, n in told.items()}
    gate = paced(clock, 50, lambda pace: pace.took(headers))._gates["requests"]
    sent = [clock.now + gate.delay(1, clock.now) for _ in range(300)]
    busiest = max(sum(start <= at < start + 1 for at in sent) for start in sent)
    assert busiest == 98, "of 100 a second, with a little to spare"


@pytest.mark.parametrize(
    "headers",
    [
        {"limit": "²"},
        {"limit": "9" * 5000},
        {"limit": "2400", "remaining": "³", "reset": "1s"},
        {"limit": "2400", "remaining": "1", "reset": "1.2.3s"},
    ],
)
def test_counts_that_are_none_are_not_believed(headers: dict[str, str]) -> None:
    named = {f"x-ratelimit-{what}-requests": value for what, value in headers.items()}
    expected = 40.0 if headers["limit"] == "2400" else None
    assert announced_rate(named, "requests") == expected


def test_a_limit_that_never_comes_back_is_spread_over_a_day() -> None:
    told = {"limit": "2400", "remaining": "2000", "reset": "9999-12-31T00:00:00+00:00"}
    named = {f"x-ratelimit-{what}-requests": value for what, value in told.items()}
    assert announced_rate(named, "requests") == pytest.approx(2400 / 86_400)


def test_what_was_saved_up_before_the_first_429_is_not_taken_for_the_limit() -> None:
    clock = Clock()

    def act(pace: AdaptiveRateLimiter) -> None:
        for a_second, seconds in ((400, 1.0), (200, 0.4)):
            for _ in range(int(a_second * seconds)):
                clock.now += 1 / a_second
                pace.took({})
            pace.refused(None, {}, busy=False)

    assert rate(paced(clock, 50, act)) == pytest.approx(0.97 * 200, rel=0.04)


def test_a_gate_lets_through_its_rate_evenly() -> None:
    gate = TokenRate(10.0)
    waits = [gate.delay(1, 1000.0) for _ in range(21)]
    assert waits[-1] == pytest.approx(2.0, abs=0.06)
    assert [b - a for a, b in pairwise(waits[5:])] == pytest.approx([0.1] * 15)


def paced(
    clock: Clock, in_flight: int, act: Callable[[AdaptiveRateLimiter], None]
) -> AdaptiveRateLimiter:
    async def make() -> AdaptiveRateLimiter:
        pace = AdaptiveRateLimiter(in_flight, clock)
        act(pace)
        return pace

    return asyncio.run(make())


def rate(pace: AdaptiveRateLimiter) -> float | None:
    return pace._gates["requests"].rate


def test_an_announced_limit_is_kept_with_a_little_to_spare() -> None:
    headers = {"x-ratelimit-limit-requests": "6000"}
    pace = paced(Clock(), 50, lambda pace: pace.took(headers))
    assert rate(pace) == pytest.approx(100 * SAFETY)


def test_a_429_without_a_word_sets_the_rate_to_what_was_taken() -> None:
    clock = Clock()

    def act(pace: AdaptiveRateLimiter) -> None:
        for _ in range(100):
            clock.now += 0.01
            pace.took({})
        for _ in range(20):
            pace.refused(None, {}, busy=False)

    pace = paced(clock, 50, act)
    assert rate(pace) == pytest.approx(97.0, abs=1.5), "once for one overshoot"
    before = rate(pace)
    clock.now += 1.5
    pace.took({})
    assert rate(pace) == pytest.approx(1.01 * (before or 0))


def test_an_overloaded_server_gets_fewer_at_a_time() -> None:
    clock = Clock()

    def act(pace: AdaptiveRateLimiter) -> None:
        for _ in range(100):
            pace.took({})
        pace.refused(None, {}, busy=True)

    pace = paced(clock, 50, act)
    assert pace._window == pytest.approx(35.0) and rate(pace) is None


def test_the_window_opens_with_answers_and_not_before() -> None:
    async def admitted() -> tuple[int, int]:
        pace = AdaptiveRateLimiter(50, Clock())
        waiting = [asyncio.create_task(pace.admit(1)) for _ in range(50)]

        async def begun() -> int:
            for _ in range(200):  # turns of the loop: more than any of them needs
                await asyncio.sleep(0)
            return sum(task.done() for task in waiting)

        first = await begun()
        for _ in range(first):
            pace.took({})
            await pace.done()
        second = await begun()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return first, second - first

    assert asyncio.run(admitted()) == (8, 16)
