"""The types and functions that all protocols share: answers, replies and the protocol record."""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from distill.core.requests import Endpoint, Request, Sampling, Usage
from distill.task.strict_schema import closed_object, strict

Body = dict[str, Any]
Payload = Mapping[str, Any]

# Errors of reading and pricing JSON that is not an answer, such as null in place of an object.
MALFORMED_RESPONSE = (
    *(ValueError, KeyError, TypeError, IndexError, AttributeError),
    *(ArithmeticError, RecursionError),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer.

    `text`: the text.
    `finish_reason`: stop, length, refusal, content_filter or another word.
    `usage`: the tokens, or None if the provider does not report them.
    `logprob`: the log probability, or None if the provider does not report it.
    `probabilities`: the probability of each choice, from a decision model; empty from others.
    """

    text: str
    finish_reason: str
    usage: Usage | None
    logprob: float | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)


def tier_of(answer: Answer) -> str:
    """Return the service tier that answered; "" if unknown."""
    return answer.usage.tier if answer.usage else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer of status 200."""

    text: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProviderApi:
    """The functions of a protocol.

    `connect`: opens the official client.
    `failures`: returns the client's exception class.
    `body`: returns a request as JSON, which is also part of a batch entry.
    `send`: sends one attempt.
    `read`: reads the JSON of an answer. Raises one of MALFORMED_RESPONSE for other JSON.
    """

    connect: Callable[[Endpoint], AbstractAsyncContextManager[Any]]
    failures: Callable[[], type[Exception]]
    body: Callable[[Request], Body]
    send: Callable[[Any, Body], Awaitable[Reply]]
    read: Callable[[Payload], Answer]


def answer_schema(sampling: Sampling) -> dict[str, Any] | None:
    """Return the JSON Schema of an answer; None for free text.

    The schema describes a choice, an object, or a list of texts.
    """
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
    """Send one attempt through an official client, and return the reply. Raises its errors.

    The body is sent as it is. A resource's `create` would check the type of every field, which
    takes longer than all our work on an answer.
    """
    import httpx2

    response = await client.post(path, cast_to=httpx2.Response, body=body)
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in response.headers.raw}
    return Reply(response.text, headers)
