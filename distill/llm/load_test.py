"""A load test: a closed loop that measures the speed of a server on this machine.

A new request begins as soon as another is answered, so the server sets the pace. The ledger does
not record these requests, so only a server on this machine may be tested.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from math import inf
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from distill.core.errors import DistillError
from distill.core.hosts import is_here
from distill.core.processors import watched
from distill.core.requests import Endpoint, Request
from distill.llm.client import clients_for
from distill.llm.failures import explain
from distill.llm.models import provider_api
from distill.llm.providers.wire import Body


@dataclass(frozen=True, slots=True)
class Loaded:
    """The measurements of a closed loop.

    `seconds`: the time from the first request to the last answer.
    `latencies_s`: the latency of each request in seconds.
    `completion_tokens`: the tokens of all answers.
    `others_cpu`: the share of CPU time that other processes used, or None if unknown.
    """

    seconds: float
    latencies_s: tuple[float, ...]
    completion_tokens: int
    others_cpu: float | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """The length of a closed loop.

    `in_flight`: the number of concurrent requests.
    `most`: the maximum number of requests.
    `least`: the minimum number of requests, even after `seconds`.
    `seconds`: the time after which no further request begins.
    """

    in_flight: int
    most: int
    least: int = 0
    seconds: float = inf


def closed_loop(endpoint: Endpoint, requests: Sequence[Request], extent: Extent) -> Loaded:
    """Measure the server under a constant number of concurrent requests.

    The requests are repeated in order, after one uncounted request. A repeated prompt bypasses
    vLLM's prefix cache, because a customer's new message would not be in the cache either.

    Raises DistillError if the server is not on this machine, or if a request fails.
    """
    import uvloop

    if not is_here(urlsplit(endpoint.url or "").hostname or ""):
        raise DistillError(f"a load test needs a server on this machine, not {endpoint.url}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_loop(endpoint, requests, extent))


async def _loop(endpoint: Endpoint, requests: Sequence[Request], extent: Extent) -> Loaded:
    dialect, in_flight = provider_api(endpoint.model.api), extent.in_flight
    bodies = _bodies([dialect.body(request) for request in requests], extent)
    latencies: list[float] = []
    tokens: list[int] = []

    async def send(client: Any, body: Body) -> None:
        began = perf_counter()
        reply = await dialect.send(client, body)
        latencies.append(perf_counter() - began)
        usage = dialect.read(json.loads(reply.text)).usage
        tokens.append(usage.completion if usage else 0)

    async def work(client: Any) -> None:
        for body in bodies:
            await send(client, body)

    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(dialect.connect(endpoint))
            for _ in range(clients_for(in_flight))
        ]
        try:
            await send(clients[0], next(bodies))
            latencies.clear()
            tokens.clear()
            with watched() as watch:
                began = perf_counter()
                async with asyncio.TaskGroup() as group:
                    for number in range(in_flight):
                        group.create_task(work(clients[number % len(clients)]))
                seconds = perf_counter() - began
        except* dialect.failures() as errors:
            raise DistillError(explain(_first(errors), endpoint).message) from errors
        return Loaded(seconds, tuple(latencies), sum(tokens), watch.others_cpu)


def _bodies(bodies: Sequence[Body], extent: Extent) -> Iterator[Body]:
    """Yield one uncounted body, then the bodies of the loop.

    Each repetition has a cache salt of its own. vLLM shares prefixes only between equal salts.
    """
    began = inf
    for number in range(extent.most + 1):
        if number > extent.least and perf_counter() - began > extent.seconds:
            return
        turn, place = divmod(number, len(bodies))
        yield bodies[place] | {"cache_salt": f"{extent.in_flight}-{turn}"}
        began = min(began, perf_counter())  # set once the uncounted request is answered


def _first(errors: BaseExceptionGroup[Any]) -> Exception:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
