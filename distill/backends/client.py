"""Requests in, completions out, through the official OpenAI client, many at a time.

Each completion is handed over within FLUSH_SECONDS of its arrival, in groups, so that the caller
stores it before anything else happens with it. Retries are off in the client and done here.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

from distill.errors import DistillError
from distill.prices import machine_share
from distill.records import Completion, Endpoint, Request

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FLUSH_SECONDS = 0.2
ATTEMPTS = 3
TIMEOUT_SECONDS = 300.0

OnDone = Callable[[Sequence[Completion]], None]


def complete_all(endpoint: Endpoint, requests: Sequence[Request], on_done: OnDone) -> None:
    """Ask every request, `endpoint.in_flight` at a time; `on_done` gets completions in groups.

    Raises DistillError when the server refuses a request or cannot be reached; what came back
    before, and what was in flight then, was handed over.
    """
    if requests:
        asyncio.run(_Asking(endpoint, on_done).all(requests))


@dataclass
class _Asking:
    """The state of one `complete_all`: what has arrived and is not handed over yet."""

    endpoint: Endpoint
    on_done: OnDone
    arrived: list[Completion] = field(default_factory=list)
    failure: DistillError | None = None

    async def all(self, requests: Sequence[Request]) -> None:
        import openai

        queue = iter(requests)
        key = "none-needed-on-loopback"
        async with openai.AsyncOpenAI(
            base_url=self.endpoint.url, api_key=key, max_retries=0, timeout=TIMEOUT_SECONDS
        ) as client:
            flusher = asyncio.create_task(self._flush_regularly())
            workers = [
                asyncio.create_task(self._work(client, queue, flusher))
                for _ in range(min(self.endpoint.in_flight, len(requests)))
            ]
            try:
                await asyncio.gather(*workers)
            finally:
                flusher.cancel()
                with suppress(asyncio.CancelledError):
                    await flusher  # a storing that failed raises here
                self._flush()
        if self.failure:
            raise self.failure

    async def _work(self, client: "AsyncOpenAI", queue: Any, flusher: "asyncio.Task[None]") -> None:
        """Ask until nothing is left or somebody failed. What is in flight then is still waited for:
        it is being paid for."""
        for request in queue:
            try:
                completion = await self._ask(client, request)
            except DistillError as error:
                self.failure = self.failure or error
            else:
                # `arrived` is another list after each flush: look it up after the waiting.
                self.arrived.append(completion)
            if self.failure or flusher.done():
                return

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self._flush()

    def _flush(self) -> None:
        if self.arrived:
            group, self.arrived = self.arrived, []
            self.on_done(group)

    async def _ask(self, client: "AsyncOpenAI", request: Request) -> Completion:
        import openai

        for attempt in range(1, ATTEMPTS + 1):
            start = perf_counter()
            try:
                text, finish_reason, usage = await _call(client, self.endpoint, request)
            except openai.APIConnectionError as error:
                if attempt == ATTEMPTS:
                    url = self.endpoint.url
                    raise DistillError(f"{url} cannot be reached: {error}") from error
                await asyncio.sleep(attempt)
            except openai.APIStatusError as error:
                raise DistillError(
                    f"{self.endpoint.url} refused a request to {request.model} "
                    f"({error.status_code}): {error.message}"
                ) from error
            else:
                return self._completion(request, text, finish_reason, usage, perf_counter() - start)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _completion(
        self, request: Request, text: str, finish_reason: str, usage: Any, latency_s: float
    ) -> Completion:
        endpoint = self.endpoint
        return Completion(
            request_id=request.id,
            text=text,
            finish_reason=finish_reason,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            usd=machine_share(endpoint.usd_per_hour, latency_s, endpoint.in_flight),
            latency_s=latency_s,
            at=datetime.now(UTC),
        )


async def _call(
    client: "AsyncOpenAI", endpoint: Endpoint, request: Request
) -> tuple[str, str, Any]:
    """(text, finish reason, usage). A base model gets the turns as one text."""
    sampling = request.sampling
    beyond_openai: dict[str, Any] = {}
    if sampling.choices:
        beyond_openai["structured_outputs"] = {"choice": list(sampling.choices)}
    if sampling.min_p:
        beyond_openai["min_p"] = sampling.min_p
    values: dict[str, Any] = {
        "model": request.model,
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        "extra_body": beyond_openai,
    }
    if sampling.stop:
        values["stop"] = list(sampling.stop)
    if endpoint.model.api == "chat":
        turns: Any = [{"role": turn.role, "content": turn.content} for turn in request.messages]
        chat = await client.chat.completions.create(messages=turns, **values)
        choice = chat.choices[0]
        return choice.message.content or "", choice.finish_reason, chat.usage
    prompt = "\n\n".join(turn.content for turn in request.messages)
    plain = await client.completions.create(prompt=prompt, **values)
    return plain.choices[0].text, plain.choices[0].finish_reason, plain.usage
