"""Anthropic: models, messages and message batches, through its official client.

The models accept no sampling parameters. Source: the SDK of November 2026 (anthropic 2.12).

A batch cannot be given a name. An unfinished batch is identified by its number of requests, and an
ended batch by the custom_ids of its results.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager, AbstractContextManager, closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from distill.core.model_ref import SOURCES
from distill.core.requests import Attempt, Endpoint, Model, Request, Usage
from distill.llm.batches import BatchApi
from distill.llm.batches.jobs import Entry, Job, Line, unanswered
from distill.llm.providers.endpoints import endpoint_of, looked_up
from distill.llm.providers.lenient import token_count
from distill.llm.providers.transport import client_of, opened
from distill.llm.providers.wire import (
    Answer,
    Body,
    Payload,
    ProviderApi,
    Reply,
    answer_schema,
    post,
)
from distill.llm.tokens import PromptTokens
from distill.pricing.token_prices import Rates, TokenPrice, token_price
from distill.serve import ServerSettings

if TYPE_CHECKING:
    from anthropic import Anthropic, AsyncAnthropic
    from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse


ROOM_TO_REASON = 2048
# Thinking is billed, and a label does not need it.
THINKS_UNLESS_TOLD = ("claude-haiku-5-5",)
ALWAYS_THINKS = ("claude-sonnet-5-5", "claude-opus-5-5")
WITHOUT_EFFORT = ("claude-haiku-4-5", "claude-sonnet-4", "claude-opus-4")

CACHE_MINIMUM = 512
CACHE_MINIMA = {
    "claude-haiku-4-5": 4096,
    "claude-opus-4-5": 4096,
    "claude-opus-4-6": 4096,
    "claude-opus-4": 1024,
    "claude-sonnet-4": 1024,
}

KEY = SOURCES["anthropic"].key


def identify(argument: str) -> Model:
    """Return the model with that id."""
    return Model(argument, None, "anthropic")


def price(argument: str, rates: Mapping[str, Rates]) -> TokenPrice:
    """Return a model's price for online requests."""
    return token_price("anthropic", argument, rates)


@contextmanager
def serve(model: Model, settings: ServerSettings) -> Iterator[Endpoint]:
    """Yield Anthropic's endpoint (ANTHROPIC_BASE_URL if set), after a lookup of the model."""
    endpoint = endpoint_of(model, settings, KEY)
    _check(endpoint)
    yield endpoint


def _check(endpoint: Endpoint) -> None:
    """Check that the key is accepted and the model exists, free of charge."""
    import anthropic

    with anthropic.Anthropic(
        max_retries=2,
        http_client=opened(anthropic.DefaultHttpxClient, endpoint.url, endpoint.model.api),
    ) as client:
        retrieve = partial(client.models.retrieve, endpoint.model.name)
        looked_up(retrieve, anthropic.APIError, endpoint)


REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}


def connect(endpoint: Endpoint) -> "AbstractAsyncContextManager[AsyncAnthropic]":
    """Return the official client without its own retries, because ours counts every attempt."""
    import anthropic

    http = anthropic.DefaultAsyncHttpxClient
    return client_of(anthropic.AsyncAnthropic, http, endpoint, limited=True)


def failures() -> type[Exception]:
    """Return the exception class of a failed attempt."""
    import anthropic

    return anthropic.APIError


def body(request: Request) -> Body:
    """Return a request's JSON, without the temperature and seed that Anthropic refuses.

    The system prompt is marked for the cache, because all requests of a kind share it.
    """
    sampling = request.sampling
    thinks = request.model.startswith(ALWAYS_THINKS)
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
    stops = [text for text in sampling.stop if text.strip()]  # Anthropic refuses white space alone
    if stops:
        values["stop_sequences"] = stops
    if request.model.startswith(THINKS_UNLESS_TOLD):
        values["thinking"] = {"type": "disabled"}
    if config := _output_config(request):
        values["output_config"] = config
    return values


def _output_config(request: Request) -> Body:
    config: Body = {}
    if not request.model.startswith(WITHOUT_EFFORT):
        config["effort"] = "low"
    if schema := answer_schema(request.sampling):
        config["format"] = {"type": "json_schema", "schema": schema}
    return config


async def send(client: "AsyncAnthropic", body: Body) -> Reply:
    """Send one attempt, and return the reply."""
    return await post(client, "/v1/messages", body)


def read(payload: Payload) -> Answer:
    """Read a message. Anthropic's input tokens exclude tokens read from or written to the cache."""
    text = "".join(part["text"] for part in payload["content"] if part["type"] == "text")
    reason = payload["stop_reason"]
    return Answer(text, REASONS.get(reason, str(reason)), _usage(payload.get("usage"), text))


def _usage(counts: object, text: str) -> Usage | None:
    """Read the token counts; None if counts are missing or impossible."""
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


MAX_BATCH_REQUESTS = 100_000
MAX_BATCH_BYTES = 256 * 10**6
PAGE = 1000
UPLOAD_SECONDS = 600.0
OUR_MISTAKES = (
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "billing_error",
    "request_too_large",
)


def connect_to_batches(endpoint: Endpoint) -> "AbstractContextManager[Anthropic]":
    """Return the client without its own retries, because a batch created twice is billed twice."""
    import anthropic

    http = anthropic.DefaultHttpxClient
    return client_of(anthropic.Anthropic, http, endpoint, seconds=UPLOAD_SECONDS)


def batch_entry(attempt: Attempt) -> Entry:
    """Return an attempt as an entry of a batch."""
    return {"custom_id": attempt.id, "params": body(attempt.request)}


def create_batch(client: "Anthropic", tag: str, entries: Sequence[Entry], *, again: bool) -> Job:
    """Submit a batch."""
    return _job(client.messages.batches.create(requests=list(entries)))  # type: ignore[arg-type]


def find_batch(client: "Anthropic", tag: str, ids: Set[str], others: Set[str]) -> Job | None:
    """Find a batch among those with the same number of requests; None if there is none.

    An ended batch is identified by the custom_ids of its results. An unfinished batch is returned
    as `guessed`. Waiting for another program's batch costs only time; submitting twice costs money.
    """
    for made in client.messages.batches.list(limit=PAGE):
        if made.id in others or made.archived_at or _size(made) != len(ids):
            continue
        job = _job(made)
        if not job.ended:
            return replace(job, guessed=True)
        if any(line.custom_id in ids for line in batch_results(client, job)):
            return job
    return None


def _size(batch: "MessageBatch") -> int:
    counts = batch.request_counts
    ended = counts.succeeded + counts.errored + counts.canceled + counts.expired
    return counts.processing + ended


def batch_status(client: "Anthropic", job_id: str) -> Job:
    """Return the state of a batch."""
    return _job(client.messages.batches.retrieve(job_id))


def cancel_batch(client: "Anthropic", job_id: str) -> None:
    """Stop a batch; requests that have begun are still answered."""
    client.messages.batches.cancel(job_id)


def batch_results(client: "Anthropic", job: Job) -> Iterator[Line]:
    """Yield one line for each request."""
    with closing(client.messages.batches.results(job.id)) as rows:
        for row in rows:
            yield _line(row)


def _line(row: "MessageBatchIndividualResponse") -> Line:
    name, result = row.custom_id, row.result
    if result.type == "succeeded":
        return Line(name, result.message.model_dump(mode="json"))
    if result.type == "errored":
        error = result.error.error
        told = f"{error.type}: {error.message}"
        ours = error.type in OUR_MISTAKES
        return unanswered(name, told, retry=not ours, status=400 if ours else 0)
    return unanswered(name, result.type, retry=True)


def _job(batch: "MessageBatch") -> Job:
    counts = batch.request_counts
    return Job(
        id=batch.id,
        ended=batch.processing_status == "ended",
        cut_short=bool(counts.canceled or counts.expired),
    )


def cached_and_written(model: Model, prompt: PromptTokens, *, warm: bool) -> tuple[int, int]:
    """Return the tokens read from the cache and written to it, for the marked instructions.

    `warm`: True if a prompt of the same kind was answered shortly before.
    """
    if prompt.shared < cache_minimum(model.name):
        return 0, 0
    return (prompt.shared, 0) if warm else (0, prompt.shared)


def cache_minimum(name: str) -> int:
    """Return the minimum number of tokens that a model caches."""
    found = (n for prefix, n in CACHE_MINIMA.items() if name.startswith(prefix))
    return next(found, CACHE_MINIMUM)


APIS: dict[str, ProviderApi] = {"anthropic": ProviderApi(connect, failures, body, send, read)}
BATCHES = BatchApi(
    max_requests=MAX_BATCH_REQUESTS,
    max_bytes=MAX_BATCH_BYTES,
    connect=connect_to_batches,
    entry=batch_entry,
    create=create_batch,
    find=find_batch,
    status=batch_status,
    cancel=cancel_batch,
    results=batch_results,
)
