"""The pace against providers that count differently, in a loop whose time moves without waiting."""

import asyncio
import math
import random
import selectors
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from distill.llm.rate_limit import AdaptiveRateLimiter
from distill.rehearsal.provider.limits import Limits

LATENCY_SECONDS = 0.05
IN_FLIGHT = 50
RETRY_SECONDS = 0.5


class Skipping(selectors.DefaultSelector):
    """Moves the loop's time on instead of waiting."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now += timeout or 0.0
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose seconds pass at once."""

    def __init__(self) -> None:
        self.skipping = Skipping()
        super().__init__(self.skipping)

    def time(self) -> float:
        return self.skipping.now


@dataclass
class Counts:
    """Requests answered and refused, and the seconds that all took."""

    answered: int = 0
    refused: int = 0
    seconds: float = 0.0

    @property
    def refused_share(self) -> float:
        return self.refused / (self.answered + self.refused)

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds


def ask_all(
    requests: int, limits: Callable[[Callable[[], float]], Limits], *, announced: bool = True
) -> Counts:
    """Ask a provider that refuses by its limits, `IN_FLIGHT` at a time, until all is answered."""
    counts, jitter = Counts(), random.Random(0)

    async def ask(pace: AdaptiveRateLimiter, provider: Limits) -> None:
        await pace.admit(100)
        await asyncio.sleep(jitter.uniform(0.0, 0.01))
        taken = provider.requests.take()
        headers: Mapping[str, str] = provider.openai_headers() if announced else {}
        await asyncio.sleep(LATENCY_SECONDS + jitter.uniform(0.0, 0.02) if taken else 0.01)
        if taken:
            counts.answered += 1
            pace.took(headers)
        else:
            counts.refused += 1
            pace.refused(RETRY_SECONDS, headers, busy=False)
        await pace.done()
        if not taken:
            await asyncio.sleep(RETRY_SECONDS)
            await ask(pace, provider)

    async def everything(loop: VirtualLoop) -> None:
        provider, pace = limits(loop.time), AdaptiveRateLimiter(IN_FLIGHT, loop.time)
        workers = asyncio.Semaphore(IN_FLIGHT)

        async def one() -> None:
            async with workers:
                await ask(pace, provider)

        await asyncio.gather(*(one() for _ in range(requests)))

    loop = VirtualLoop()
    try:
        loop.run_until_complete(everything(loop))
        counts.seconds = loop.time()
    finally:
        loop.close()
    return counts


@pytest.mark.parametrize("phase", [0.0, 0.37, 0.71])
def test_windows_of_a_second_refuse_hardly_anything(phase: float) -> None:
    counts = ask_all(500, lambda now: Limits(40, lambda: now() + phase, windows=True))
    assert counts.refused_share <= 0.02
    assert counts.per_second >= 0.93 * 40


def test_a_bucket_that_is_announced_is_emptied_without_a_refusal() -> None:
    counts = ask_all(3000, lambda now: Limits(200, now))
    assert counts.refused_share <= 0.01
    assert counts.per_second >= 0.97 * 200


def minutes_in_windows(now: Callable[[], float]) -> Limits:
    """Counted by the second, announced with what is left of the minute."""
    limits = Limits(40, now, windows=True)
    of_the_window = limits.openai_headers

    def headers() -> dict[str, str]:
        second = math.floor(now()) % 60
        left = 2400 - 40 * second - (40 - math.floor(limits.requests.level()))
        return of_the_window() | {
            "x-ratelimit-remaining-requests": str(left),
            "x-ratelimit-reset-requests": f"{60 - second}s",
        }

    limits.openai_headers = headers  # type: ignore[method-assign]
    return limits


def test_a_minute_told_and_seconds_counted_refuse_hardly_anything() -> None:
    counts = ask_all(500, minutes_in_windows)
    assert counts.refused_share <= 0.02
    assert counts.per_second >= 0.93 * 40


def test_a_limit_that_is_announced_too_high_is_eased_down_to() -> None:
    counts = ask_all(2000, lambda now: too_high(Limits(100, now)))
    assert counts.refused_share <= 0.05


def too_high(limits: Limits) -> Limits:
    limits.openai_headers = lambda: {"x-ratelimit-limit-requests": "9000"}  # type: ignore[method-assign]
    return limits
