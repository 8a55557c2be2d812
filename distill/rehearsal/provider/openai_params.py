"""Parameters of chat.completions, as in the official client 3.54.0, and their rules by model."""

import json
from functools import lru_cache
from typing import Any

from distill.rehearsal.provider import checks, schemas
from distill.rehearsal.provider.checks import Check
from distill.rehearsal.provider.errors import ApiError, invalid
from distill.rehearsal.provider.models import OpenAIModel

Body = dict[str, Any]

_BREAKPOINT = checks.record(
    {"mode": checks.one_of("explicit"), "ttl": checks.one_of("30m", "12h")}, ["mode"]
)
_PART = checks.tagged(
    "type",
    {
        "text": checks.record(
            {
                "type": checks.anything,
                "text": checks.text(),
                "prompt_cache_breakpoint": _BREAKPOINT,
            },
            ["text"],
        ),
        "image_url": checks.absent,
        "input_audio": checks.absent,
        "file": checks.absent,
    },
)
_CONTENT = checks.either(list, checks.array(_PART, 1), checks.text())


def _message(**more: Check) -> Check:
    fields = {"role": checks.anything, "content": _CONTENT, "name": checks.text(64)} | more
    return checks.record(fields, ["content"])


_MESSAGE = checks.tagged(
    "role",
    {
        "developer": _message(),
        "system": _message(),
        "user": _message(),
        "assistant": _message(
            refusal=checks.maybe(checks.text()),
            audio=checks.absent,
            tool_calls=checks.absent,
            function_call=checks.absent,
        ),
        "tool": checks.absent,
        "function": checks.absent,
    },
)
_NAME = checks.text(pattern="[a-zA-Z0-9_-]{1,64}")
_FORMAT = checks.tagged(
    "type",
    {
        "text": checks.record({"type": checks.anything}),
        "json_object": checks.record({"type": checks.anything}),
        "json_schema": checks.record(
            {
                "type": checks.anything,
                "json_schema": checks.record(
                    {
                        "name": _NAME,
                        "description": checks.text(),
                        "schema": checks.record_of_anything,
                        "strict": checks.maybe(checks.boolean),
                    },
                    ["name", "schema"],
                ),
            },
            ["json_schema"],
        ),
    },
)
_PARAMETERS: dict[str, Check] = {
    "model": checks.text(),
    "messages": checks.array(_MESSAGE, 1),
    "max_completion_tokens": checks.maybe(checks.whole(1)),
    "max_tokens": checks.maybe(checks.whole(1)),
    "response_format": _FORMAT,
    "temperature": checks.maybe(checks.number(0, 2)),
    "top_p": checks.maybe(checks.number(0, 1)),
    "frequency_penalty": checks.maybe(checks.number(-2, 2)),
    "presence_penalty": checks.maybe(checks.number(-2, 2)),
    "seed": checks.maybe(checks.whole(-(2**63))),
    "stop": checks.maybe(checks.either(list, checks.array(checks.text(), 1, 4), checks.text())),
    "n": checks.maybe(checks.one_of(1)),
    "reasoning_effort": checks.maybe(
        checks.one_of("none", "minimal", "low", "medium", "high", "xhigh", "max")
    ),
    "prompt_cache_key": checks.maybe(checks.text(64)),
    "prompt_cache_options": checks.record(
        {"mode": checks.one_of("implicit", "explicit"), "ttl": checks.one_of("30m")}
    ),
    "prompt_cache_retention": checks.maybe(checks.one_of("in_memory", "24h")),
    "metadata": checks.maybe(checks.metadata),
    "service_tier": checks.maybe(
        checks.one_of("auto", "default", "flex", "scale", "priority", "fast")
    ),
    "logprobs": checks.maybe(checks.boolean),
    "top_logprobs": checks.maybe(checks.whole(0, 20)),
    "safety_identifier": checks.maybe(checks.text(128)),
    "user": checks.text(),
    "verbosity": checks.maybe(checks.one_of("low", "medium", "high")),
    "store": checks.maybe(checks.boolean),
    "stream": checks.maybe(checks.one_of(False)),
    "modalities": checks.maybe(checks.array(checks.one_of("text"), 1, 1)),
}
_ABSENT = (
    *("audio", "function_call", "functions", "logit_bias", "moderation", "parallel_tool_calls"),
    *("prediction", "stream_options", "tool_choice", "tools", "web_search_options"),
)
_CHAT = checks.record(_PARAMETERS | dict.fromkeys(_ABSENT, checks.absent), ["messages", "model"])
_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "logprobs")


def check_form(body: Any) -> None:
    """Check the parameters themselves for any model."""
    checks.openai(_CHAT, body)


def check_for_model(model: OpenAIModel, body: Body) -> None:
    """Check the parameters against the model's rules."""
    given = {name for name, value in body.items() if value is not None}
    if {"max_tokens", "max_completion_tokens"} <= given:
        raise invalid("Only one of max_tokens and max_completion_tokens can be set.", "max_tokens")
    if "top_logprobs" in given and not body.get("logprobs"):
        raise invalid("top_logprobs needs logprobs to be true.", "top_logprobs")
    limit = output_limit(body)
    if limit is not None and limit > model.max_output:
        raise invalid(
            f"max_tokens is too large: {limit}. This model supports at most {model.max_output} "
            "completion tokens.",
            "max_completion_tokens",
            "invalid_value",
        )
    if model.reasons:
        _check_reasoning(model, body, given)
    else:
        _check_plain(model, body, given)
    _check_format(model, body)


def output_limit(body: Body) -> int | None:
    """Return the maximum tokens of the answer, under either of its two names; None if it is not
    set."""
    limit: int | None = body.get("max_completion_tokens") or body.get("max_tokens")
    return limit


def _unsupported(name: str, more: str = "") -> ApiError:
    message = f"Unsupported parameter: '{name}' is not supported with this model.{more}"
    return invalid(message, name, "unsupported_parameter")


def _check_reasoning(model: OpenAIModel, body: Body, given: set[str]) -> None:
    if "max_tokens" in given:
        raise _unsupported("max_tokens", " Use 'max_completion_tokens' instead.")
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in model.efforts:
        allowed = ", ".join(repr(name) for name in model.efforts)
        raise invalid(
            f"Unsupported value: '{effort}' is not supported with the '{model.id}' model. "
            f"Supported values are: {allowed}.",
            "reasoning_effort",
            "unsupported_value",
        )
    if effort != "none":
        for name in _SAMPLING:
            if name in given and body[name] is not False:
                raise _unsupported(name)


def _check_plain(model: OpenAIModel, body: Body, given: set[str]) -> None:
    if "reasoning_effort" in given:
        raise invalid("Unrecognized request argument supplied: reasoning_effort")
    for name in ("prompt_cache_options", "verbosity"):
        if name in given and body[name] != "medium":
            raise _unsupported(name)


def _check_format(model: OpenAIModel, body: Body) -> None:
    wanted = body.get("response_format", {"type": "text"})
    if wanted["type"] == "json_object" and "json" not in str(body["messages"]).casefold():
        raise invalid(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of "
            "type 'json_object'.",
            "messages",
        )
    if wanted["type"] != "json_schema":
        return
    named = wanted["json_schema"]
    tuned = model.base is not None if named.get("strict") else None
    _check_schema(json.dumps(named["schema"]), named["name"], tuned)


@lru_cache(maxsize=64)
def _check_schema(schema: str, name: str, tuned: bool | None) -> None:
    """Check a schema once, since most requests share one. `tuned` is None if not strict."""
    parsed = json.loads(schema)
    schemas.check_form(parsed)
    if tuned is not None:
        schemas.check_openai(parsed, name, tuned=tuned)
