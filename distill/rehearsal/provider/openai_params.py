"""Checks of the parameters of chat.completions, as in the official client 3.54.0.

Only parameters that the tool sends are known, and `top_p`, the penalties, `n` and `stream`, which
the tools in benchmarks/peers send.
"""

import json
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field

from distill.rehearsal.provider import forms, schemas
from distill.rehearsal.provider.errors import ApiError, invalid
from distill.rehearsal.provider.forms import ABSENT, Form
from distill.rehearsal.provider.models import OpenAIModel

Body = dict[str, Any]

_Tokens = Annotated[int, Field(ge=1, le=2**63)]
_Penalty = Annotated[float, Field(ge=-2, le=2)]


class _Message(Form):
    role: Literal["system", "user", "assistant"]
    content: str


class _NamedSchema(Form):
    name: str = Field(pattern="^[a-zA-Z0-9_-]{1,64}$")
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool


class _Format(Form):
    type: Literal["json_schema"]
    json_schema: _NamedSchema


class _Chat(Form):
    model: str
    messages: list[_Message] = Field(min_length=1)
    max_completion_tokens: _Tokens | None = None
    max_tokens: _Tokens | None = None
    response_format: _Format = ABSENT
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    frequency_penalty: _Penalty | None = None
    presence_penalty: _Penalty | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63)] | None = None
    stop: Annotated[list[str], Field(min_length=1, max_length=4)] | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = (
        None
    )
    service_tier: Literal["auto", "default"] | None = None
    logprobs: bool | None = None
    top_logprobs: None = None
    stream: Annotated[bool, Field(lt=1)] | None = None


_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "logprobs")


def check_form(body: Any) -> None:
    """Check the parameters by the rules of all models. Raises ApiError."""
    forms.check_openai(_Chat, body)


def check_for_model(model: OpenAIModel, body: Body) -> None:
    """Check the parameters by the rules of the model. Raises ApiError."""
    given = {name for name, value in body.items() if value is not None}
    if {"max_tokens", "max_completion_tokens"} <= given:
        raise invalid("Only one of max_tokens and max_completion_tokens can be set.", "max_tokens")
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
    elif "reasoning_effort" in given:
        raise invalid("Unrecognized request argument supplied: reasoning_effort")
    _check_format(model, body)


def output_limit(body: Body) -> int | None:
    """Return the maximum tokens of the answer, from either of its parameters; None if not set."""
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


def _check_format(model: OpenAIModel, body: Body) -> None:
    wanted = body.get("response_format")
    if wanted:
        named = wanted["json_schema"]
        _check_schema(json.dumps(named["schema"]), named["name"], model.base is not None)


@lru_cache(maxsize=64)
def _check_schema(schema: str, name: str, tuned: bool) -> None:
    """Check a schema, cached because most requests have the same schema. Raises ApiError."""
    parsed = json.loads(schema)
    schemas.check_form(parsed)
    schemas.check_openai(parsed, name, tuned=tuned)
