"""A closed loop: so many requests always in flight → how fast a server on this machine answers.

A new request begins the moment another is answered, so that the server decides the pace. What is
sent here is in no ledger, so it goes to loopback and nowhere else.
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
    """What a closed loop took: seconds from the first request to the last answer, the seconds of
    each request, the answers' tokens, and the share of the processors that other processes took
    meanwhile (None: not known)."""

    seconds: float
    latencies_s: tuple[float, ...]
    completion_tokens: int
    others_cpu: float | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """How long a closed loop lasts: `most` requests, `in_flight` at a time; after `seconds` no
    further one begins once `least` have begun."""

    in_flight: int
    most: int
    least: int = 0
    seconds: float = inf


def closed_loop(endpoint: Endpoint, requests: Sequence[Request], extent: Extent) -> Loaded:
    """Send requests, the given ones in turn, with always as many in flight; before that one that
    is not counted. A prompt that comes again is computed again: with vLLM's cache of prefixes it
    would be faster than any message of a customer.

    Raises DistillError for a server that is not on this machine, and for a request that fails.
    """
    import uvloop

    if not is_here(urlsplit(endpoint.url or "").hostname or ""):
        raise DistillError(f"a load test asks servers on this machine only, not {endpoint.url}")
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
    """One that is not counted, and those of the loop. vLLM shares computed prefixes among requests
    of the same salt."""
    began = inf
    for number in range(extent.most + 1):
        if number > extent.least and perf_counter() - began > extent.seconds:
            return
        turn, place = divmod(number, len(bodies))
        yield bodies[place] | {"cache_salt": f"{extent.in_flight}-{turn}"}
        began = min(began, perf_counter())  # when the one before the loop is answered


def _first(errors: BaseExceptionGroup[Any]) -> Exception:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
