"""What every protocol gives and takes: answers, replies, and the functions that make a dialect."""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from distill.core.requests import Endpoint, Request, Sampling, Usage
from distill.task.strict_schema import closed_object, strict

Body = dict[str, Any]
Payload = Mapping[str, Any]

NO_KEY = "none-needed"
# What reading and pricing raise when the JSON that came is not an answer: null for an object, too.
MALFORMED_RESPONSE = (
    *(ValueError, KeyError, TypeError, IndexError, AttributeError),
    *(ArithmeticError, RecursionError),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's text, why it ended (stop, length, refusal, content_filter, …), its tokens (None
    where they are not told), and the logarithm of its probability where it is told."""

    text: str
    finish_reason: str
    usage: Usage | None
    logprob: float | None = None


def tier_of(answer: Answer) -> str:
    """The service tier that answered; "" where nobody tells."""
    return answer.usage.tier if answer.usage else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer of status 200."""

    text: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProviderApi:
    """How a kind of server is spoken to. `failures` gives the official client's errors; `body` is
    what goes over the wire, which is also a line of a batch; `read` takes the JSON that comes
    back, and raises one of NO_ANSWER when it has another shape."""

    connect: Callable[[Endpoint], AbstractAsyncContextManager[Any]]
    failures: Callable[[], type[Exception]]
    body: Callable[[Request], Body]
    send: Callable[[Any, Body], Awaitable[Reply]]
    read: Callable[[Payload], Answer]


def answer_schema(sampling: Sampling) -> dict[str, Any] | None:
    """The JSON Schema of an answer that is one of the choices, an object, or a list of texts; None
    for free text."""
    if sampling.choices:
        label = {"label": {"type": "string", "enum": list(sampling.choices)}}
        reasons = {"rationale": {"type": "string"}} if sampling.rationale else {}
        return closed_object(reasons | label)
    if sampling.schema:
        answer = strict(json.loads(sampling.schema))
        reasons = {"rationale": {"type": "string"}}
        return closed_object(reasons | {"answer": answer}) if sampling.rationale else answer
    if sampling.inputs:
        return closed_object({"inputs": {"type": "array", "items": {"type": "string"}}})
    return None


async def post(client: Any, path: str, body: Body) -> Reply:
    """One attempt through an official client, with its errors. The bodies are in the form of the
    wire already: a resource's `create` would walk through them by the types of every field, which
    takes longer than all that we do with an answer."""
    import httpx2

    response = await client.post(path, cast_to=httpx2.Response, body=body)
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in response.headers.raw}
    return Reply(response.text, headers)
