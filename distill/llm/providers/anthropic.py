"""Anthropic's messages, through its official client."""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from distill.core.api_keys import key_of
from distill.core.requests import Endpoint, Request, Usage
from distill.llm.providers.capabilities import (
    ANTHROPIC_ALWAYS_THINKS,
    ANTHROPIC_THINKS_UNLESS_TOLD,
    ANTHROPIC_WITHOUT_EFFORT,
    ROOM_TO_REASON,
)
from distill.llm.providers.lenient import token_count
from distill.llm.providers.transport import opened, timeout
from distill.llm.providers.wire import NO_KEY, Answer, Body, Payload, Reply, answer_schema, post

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}


def connect(endpoint: Endpoint) -> "AbstractAsyncContextManager[AsyncAnthropic]":
    """The client, which does not retry by itself: every attempt is counted by ours."""
    import anthropic

    return anthropic.AsyncAnthropic(
        base_url=endpoint.url,
        api_key=key_of(endpoint) or NO_KEY,
        max_retries=0,
        timeout=timeout(),
        http_client=opened(
            anthropic.DefaultAsyncHttpxClient, endpoint.url, endpoint.model.api, limited=True
        ),
    )


def failures() -> type[Exception]:
    """What the client raises when an attempt fails."""
    import anthropic

    return anthropic.APIError


def body(request: Request) -> Body:
    """No temperature, no seed: they are refused. The system prompt, which is the same for every
    request of a kind, may be cached."""
    sampling = request.sampling
    thinks = request.model.startswith(ANTHROPIC_ALWAYS_THINKS)
    values: Body = {
        "model": request.model,
        "max_tokens": sampling.max_tokens + (ROOM_TO_REASON if thinks else 0),
        "messages": [
            {"role": turn.role, "content": turn.content}
            for turn in request.messages
            if turn.role != "system"
        ],
    }
    system = [turn.content for turn in request.messages if turn.role == "system"]
    if system:
        cached = {"cache_control": {"type": "ephemeral"}}
        values["system"] = [{"type": "text", "text": "\n\n".join(system)} | cached]
    stops = [text for text in sampling.stop if text.strip()]  # white space alone is refused
    if stops:
        values["stop_sequences"] = stops
    if request.model.startswith(ANTHROPIC_THINKS_UNLESS_TOLD):
        values["thinking"] = {"type": "disabled"}
    if config := _output_config(request):
        values["output_config"] = config
    return values


def _output_config(request: Request) -> Body:
    config: Body = {}
    if not request.model.startswith(ANTHROPIC_WITHOUT_EFFORT):
        config["effort"] = "low"
    if schema := answer_schema(request.sampling):
        config["format"] = {"type": "json_schema", "schema": schema}
    return config


async def send(client: "AsyncAnthropic", body: Body) -> Reply:
    """One attempt."""
    return await post(client, "/v1/messages", body)


def read(payload: Payload) -> Answer:
    """A message. Anthropic's input tokens leave out what the cache read and wrote."""
    text = "".join(part["text"] for part in payload["content"] if part["type"] == "text")
    reason = payload["stop_reason"]
    return Answer(text, REASONS.get(reason, str(reason)), _usage(payload.get("usage"), text))


def _usage(counts: object, text: str) -> Usage | None:
    """None where no counts are told."""
    if not isinstance(counts, dict):
        return None
    fresh, made, cached, written = (
        token_count(counts.get(name))
        for name in (
            *("input_tokens", "output_tokens"),
            *("cache_read_input_tokens", "cache_creation_input_tokens"),
        )
    )
    prompt = (fresh or 0) + (cached or 0) + (written or 0)
    if fresh is None or made is None or not prompt or (text and not made):
        return None
    details = counts.get("output_tokens_details")
    thought = token_count(details.get("thinking_tokens")) if isinstance(details, dict) else 0
    return Usage(prompt, made, cached or 0, written or 0, min(thought or 0, made))
