"""OpenAI's protocol, through its official client: what all servers that speak it have in common."""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from distill.backends.apis.wire import (
    NO_KEY,
    TIMEOUT_SECONDS,
    Answer,
    Body,
    Payload,
    Reply,
    certificates,
    post,
)
from distill.backends.keys import key_of
from distill.records import Endpoint, Request, Usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI


def connect(endpoint: Endpoint) -> "AbstractAsyncContextManager[AsyncOpenAI]":
    """The client, which does not retry by itself: every attempt is counted by ours."""
    import openai

    return openai.AsyncOpenAI(
        base_url=endpoint.url,
        api_key=key_of(endpoint) or NO_KEY,
        max_retries=0,
        timeout=TIMEOUT_SECONDS,
        http_client=openai.DefaultAsyncHttpxClient(verify=certificates()),
    )


def failures() -> type[Exception]:
    """What the client raises when an attempt fails."""
    import openai

    return openai.APIError


async def send_chat(client: "AsyncOpenAI", body: Body) -> Reply:
    """One attempt."""
    return await post(client, "/chat/completions", body)


async def send_completion(client: "AsyncOpenAI", body: Body) -> Reply:
    """One attempt."""
    return await post(client, "/completions", body)


def read_chat(payload: Payload) -> Answer:
    """A chat completion."""
    choice = payload["choices"][0]
    message = choice["message"]
    refusal = message.get("refusal")
    reason = "refusal" if refusal else str(choice["finish_reason"])
    text = refusal or message.get("content") or ""
    return Answer(text, reason, usage(payload["usage"]), logprob(choice))


def read_completion(payload: Payload) -> Answer:
    """A completion of a text."""
    choice = payload["choices"][0]
    return Answer(choice["text"], str(choice["finish_reason"]), usage(payload["usage"]))


def logprob(choice: Payload) -> float | None:
    """The logarithm of a chat answer's probability, the sum of its tokens'; None when the server
    does not tell."""
    tokens = (choice.get("logprobs") or {}).get("content")
    return sum(token["logprob"] for token in tokens) if tokens else None


def usage(counts: Payload) -> Usage:
    """OpenAI's counts: the prompt's and the answer's are totals."""
    prompt: Payload = counts.get("prompt_tokens_details") or {}
    answer: Payload = counts.get("completion_tokens_details") or {}
    return Usage(
        prompt=counts["prompt_tokens"],
        completion=counts["completion_tokens"],
        cached=prompt.get("cached_tokens") or 0,
        cache_written=prompt.get("cache_write_tokens") or 0,
        reasoning=answer.get("reasoning_tokens") or 0,
    )


def turns(request: Request) -> list[dict[str, Any]]:
    """The messages as OpenAI writes them."""
    return [{"role": turn.role, "content": turn.content} for turn in request.messages]
