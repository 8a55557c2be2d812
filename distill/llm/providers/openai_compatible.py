"""OpenAI's protocol through its official client, for all servers that speak it."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from distill.core.answer_text import is_object, without_thoughts
from distill.core.requests import Endpoint, Request
from distill.llm.providers.lenient import content_text, ending, usage_of
from distill.llm.providers.transport import client_of
from distill.llm.providers.wire import Answer, Body, Payload, Reply, answer_schema, post

if TYPE_CHECKING:
    from openai import AsyncOpenAI

THOUGHTS = ("reasoning_content", "reasoning")  # fields for thoughts, apart from the answer


def connect(endpoint: Endpoint) -> "AbstractAsyncContextManager[AsyncOpenAI]":
    """Return the official client without its own retries, because ours counts every attempt."""
    import openai

    return client_of(openai.AsyncOpenAI, openai.DefaultAsyncHttpxClient, endpoint, limited=True)


def failures() -> type[Exception]:
    """Return the exception class of a failed attempt."""
    import openai

    return openai.APIError


async def send_chat(client: "AsyncOpenAI", body: Body) -> Reply:
    """Send one attempt of a chat completion, and return the reply."""
    return await post(client, "/chat/completions", body)


async def send_completion(client: "AsyncOpenAI", body: Body) -> Reply:
    """Send one attempt of a text completion, and return the reply."""
    return await post(client, "/completions", body)


def read_chat(payload: Payload) -> Answer:
    """Read a chat completion."""
    choice = payload["choices"][0]
    message = choice["message"]
    refusal = message.get("refusal")
    text = refusal or without_thoughts(content_text(message.get("content")))
    # A server may apply the schema to the thoughts, too. The answer is then in the thoughts.
    text = text or next((found for name in THOUGHTS if is_object(found := message.get(name))), "")
    reason = "refusal" if refusal else ending(choice.get("finish_reason"), text)
    return Answer(text, reason, usage_of(payload.get("usage"), text), logprob(choice))


def read_tiered_chat(payload: Payload) -> Answer:
    """Read a chat completion of OpenAI itself, with the service tier that is billed."""
    answer = read_chat(payload)
    tier = str(payload.get("service_tier") or "")
    return replace(answer, usage=answer.usage and replace(answer.usage, tier=tier))


def read_completion(payload: Payload) -> Answer:
    """Read a text completion."""
    choice = payload["choices"][0]
    text = without_thoughts(choice["text"])
    reason = ending(choice.get("finish_reason"), text or "stop")
    return Answer(text, reason, usage_of(payload.get("usage"), text))


def logprob(choice: Payload) -> float | None:
    """Return the log probability of a chat answer, the sum over its tokens; None if missing."""
    tokens = (choice.get("logprobs") or {}).get("content")
    return sum(token["logprob"] for token in tokens) if tokens else None


def turns(request: Request) -> list[dict[str, Any]]:
    """Return the messages in OpenAI's format."""
    return [{"role": turn.role, "content": turn.content} for turn in request.messages]


def compatible_body(request: Request) -> Body:
    """Return the JSON of a request to any compatible server: vLLM, Ollama, llama.cpp, gateways."""
    sampling = request.sampling
    values: Body = {
        "model": request.model.rpartition("#")[2],
        "messages": turns(request),
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
    }
    if sampling.stop:
        values["stop"] = list(sampling.stop)
    return values | constraint(request)


def constraint(request: Request) -> Body:
    """Return the parameter that constrains an answer to its schema; empty for free text."""
    found = answer_schema(request.sampling)
    if found is None:
        return {}
    schema = {"name": "answer", "strict": True, "schema": found}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}
