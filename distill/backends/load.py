"""A closed loop: so many requests always in flight → how fast a server on this machine answers.

A new request begins the moment another is answered, so that the server decides the pace. What is
sent here is in no ledger, so it goes to loopback and nowhere else.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from distill.backends.apis import DIALECTS
from distill.backends.apis.wire import Body
from distill.backends.client import clients_for
from distill.backends.failures import explain
from distill.backends.hosts import is_loopback
from distill.errors import DistillError
from distill.records import Endpoint, Request


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a closed loop took: seconds from the first request to the last answer, the seconds of
    each request, and the answers' tokens."""

    seconds: float
    latencies_s: tuple[float, ...]
    completion_tokens: int


def closed_loop(
    endpoint: Endpoint, requests: Sequence[Request], *, in_flight: int, total: int
) -> Loaded:
    """Send `total` requests, the given ones in turn, `in_flight` at a time; before that one that
    is not counted. A prompt that comes again is computed again: with vLLM's cache of prefixes it
    would be faster than any message of a customer.

    Raises DistillError for a server that is not on this machine, and for a request that fails.
    """
    import uvloop

    if not is_loopback(urlsplit(endpoint.url or "").hostname or ""):
        raise DistillError(f"a load test asks servers on this machine only, not {endpoint.url}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_loop(endpoint, requests, in_flight, total))


async def _loop(
    endpoint: Endpoint, requests: Sequence[Request], in_flight: int, total: int
) -> Loaded:
    dialect = DIALECTS[endpoint.model.api]
    bodies = _bodies([dialect.body(request) for request in requests], in_flight, total)
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
            began = perf_counter()
            async with asyncio.TaskGroup() as group:
                for number in range(in_flight):
                    group.create_task(work(clients[number % len(clients)]))
        except* dialect.failures() as errors:
            raise DistillError(explain(_first(errors), endpoint).message) from errors
        return Loaded(perf_counter() - began, tuple(latencies), sum(tokens))


def _bodies(bodies: Sequence[Body], in_flight: int, total: int) -> Iterator[Body]:
    """One more than `total`. vLLM shares computed prefixes among requests of the same salt."""
    for number in range(total + 1):
        turn, place = divmod(number, len(bodies))
        yield bodies[place] | {"cache_salt": f"{in_flight}-{turn}"}


def _first(errors: BaseExceptionGroup[Any]) -> Exception:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
