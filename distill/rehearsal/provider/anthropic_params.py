"""Checks of the parameters of messages that the tool sends, as in the official client 2.12.0."""

from typing import Annotated, Any, Literal

from pydantic import Field

from distill.rehearsal.provider import forms, schemas
from distill.rehearsal.provider.errors import invalid
from distill.rehearsal.provider.forms import ABSENT, Form
from distill.rehearsal.provider.models import AnthropicModel

Body = dict[str, Any]

VERSION = "2026-10-21"
BREAKPOINTS = 4


class _Cache(Form):
    type: Literal["ephemeral"]


class _Text(Form):
    type: Literal["text"]
    text: str = Field(min_length=1)
    cache_control: _Cache | None = None


class _Message(Form):
    role: Literal["user", "assistant"]
    content: str = Field(min_length=1)


class _Thinking(Form):
    type: Literal["disabled"]


class _Format(Form):
    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class _Output(Form):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: _Format | None = None


class _Create(Form):
    model: str
    max_tokens: int = Field(ge=0, le=2**63)
    messages: list[_Message] = Field(min_length=1, max_length=100_000)
    system: list[_Text] = ABSENT
    output_config: _Output = ABSENT
    thinking: _Thinking = ABSENT
    stop_sequences: list[Annotated[str, Field(pattern=r"\S")]] = ABSENT


class _Batched(_Create):
    max_tokens: int = Field(ge=1, le=2**63)


def check_create(body: Any, *, batch: bool) -> None:
    """Check the parameters of a message by the rules of all models. Raises ApiError."""
    forms.check_anthropic(_Batched if batch else _Create, body)


def check_for_model(model: AnthropicModel, body: Body) -> None:
    """Check the parameters of a message by the rules of the model. Raises ApiError."""
    if body["max_tokens"] > model.max_output:
        raise invalid(
            f"max_tokens: {body['max_tokens']} > {model.max_output}, which is the maximum allowed "
            f"number of output tokens for {model.id}"
        )
    if body["messages"][0]["role"] != "user":
        raise invalid("messages: first message must use the user role")
    if body["messages"][-1]["role"] == "assistant":
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message."
        )
    wanted = body.get("output_config", {})
    if wanted.get("effort") is not None and wanted["effort"] not in model.efforts:
        raise invalid("output_config.effort: This model does not support the effort parameter.")
    if "thinking" in body and not model.can_stop_thinking:
        raise invalid('"thinking.type.disabled" is not supported for this model')
    if wanted.get("format") is not None:
        schemas.check_anthropic(wanted["format"]["schema"])
    marked = sum(bool(block.get("cache_control")) for block in body.get("system", []))
    if marked > BREAKPOINTS:
        raise invalid(
            f"A maximum of {BREAKPOINTS} blocks with cache_control may be provided. Found {marked}."
        )
