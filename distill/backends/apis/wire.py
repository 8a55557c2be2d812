"""What every protocol gives and takes: answers, replies, and the functions that make a dialect."""

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from distill.records import Endpoint, Request, Sampling, Usage, readable

Body = dict[str, Any]
Payload = Mapping[str, Any]

ALTERNATIVES = ("anyOf", "oneOf")
MAX_DEPTH = 64  # of JSON, in lists and objects
NO_KEY = "none-needed"
# What reading and pricing raise when the JSON that came is not an answer: null for an object, too.
NO_ANSWER = (
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
class Dialect:
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
        return _object(reasons | label)
    if sampling.schema:
        answer = strict(json.loads(sampling.schema))
        reasons = {"rationale": {"type": "string"}}
        return _object(reasons | {"answer": answer}) if sampling.rationale else answer
    if sampling.inputs:
        return _object({"inputs": {"type": "array", "items": {"type": "string"}}})
    return None


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    shape = {"type": "object", "properties": properties, "required": list(properties)}
    return shape | {"additionalProperties": False}


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Write a schema as providers take it: every field of every object is required, one that may be
    missing may be null, alternatives are `anyOf`, and a type is said where the keywords imply one.

    A map (`additionalProperties` with a schema) stays as it is: no provider's strict mode takes it.
    """
    written = {key: value for key, value in schema.items() if key != "oneOf"}
    if alternatives := [part for key in ALTERNATIVES for part in schema.get(key, ())]:
        written["anyOf"] = [_strict_part(part) for part in alternatives]
    if "items" in schema:
        written["items"] = _strict_part(schema["items"])
    if "properties" in schema:
        nullable = isinstance(schema.get("type"), list) and "null" in schema["type"]
        shape = _object(_strict_fields(schema))
        return written | shape | ({"type": schema["type"]} if nullable else {})
    return written if "type" in written or "items" not in written else {"type": "array"} | written


def _strict_fields(schema: dict[str, Any]) -> dict[str, Any]:
    fields = {name: _strict_part(part) for name, part in schema["properties"].items()}
    required = schema.get("required", ())
    return {
        name: part if name in required else {"anyOf": [part, {"type": "null"}]}
        for name, part in fields.items()
    }


def _strict_part(part: Any) -> Any:
    """A part of a schema may be `true`, for anything."""
    return strict(part) if isinstance(part, dict) else part


def label_of(text: str) -> str:
    """The label in an answer: {"label": …} where the schema asked for it, else the text itself."""
    label = (json_object(text) or {}).get("label")
    return readable(label if isinstance(label, str) else text).strip()


def inputs_of(text: str, *, listed: bool = False) -> list[str]:
    """The texts in an answer: {"inputs": […]} where the schema asked for it (`listed`), else the
    text itself. None where a list was asked for and what came is none."""
    found = (json_object(text) or {}).get("inputs")
    if isinstance(found, list):
        return [readable(item).strip() for item in found if isinstance(item, str)]
    return [] if listed else [text.strip()]


def json_object(text: str) -> dict[str, Any] | None:
    """The object that a text is in JSON; None where it is none. NaN and Infinity are no JSON, and a
    number that only infinity could hold is none."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and is_shallow(found) else None


def is_shallow(value: object) -> bool:
    """True for a JSON value of at most MAX_DEPTH levels: functions that walk through it recurse."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return True
    return False


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(text)
    return value


def _no_constant(name: str) -> float:
    raise ValueError(name)


async def post(client: Any, path: str, body: Body) -> Reply:
    """One attempt through an official client, with its errors. The bodies are in the form of the
    wire already: a resource's `create` would walk through them by the types of every field, which
    takes longer than all that we do with an answer."""
    import httpx2

    response = await client.post(path, cast_to=httpx2.Response, body=body)
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in response.headers.raw}
    return Reply(response.text, headers)
