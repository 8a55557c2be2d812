"""Anthropic's message batches: one call carries all requests.

A batch takes no name of ours. What tells it is its number of requests while it is under way, and
the custom_ids of its results once it has ended.
"""

from collections.abc import Iterator, Sequence, Set
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from typing import TYPE_CHECKING

from distill.core.api_keys import key_of
from distill.core.requests import Attempt, Endpoint
from distill.llm.batches.jobs import Entry, Job, Line, unanswered
from distill.llm.providers.anthropic import body
from distill.llm.providers.transport import opened, timeout
from distill.llm.providers.wire import NO_KEY

if TYPE_CHECKING:
    from anthropic import Anthropic
    from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

MOST_REQUESTS = 100_000
MOST_BYTES = 256 * 10**6
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


def connect(endpoint: Endpoint) -> "AbstractContextManager[Anthropic]":
    """The client, which does not retry by itself: a second creation would be a second bill."""
    import anthropic

    return anthropic.Anthropic(
        base_url=endpoint.url,
        api_key=key_of(endpoint) or NO_KEY,
        max_retries=0,
        timeout=timeout(UPLOAD_SECONDS),
        http_client=opened(anthropic.DefaultHttpxClient, endpoint.url, endpoint.model.api),
    )


def entry(attempt: Attempt) -> Entry:
    """A request of the batch."""
    return {"custom_id": attempt.id, "params": body(attempt.request)}


def create(client: "Anthropic", tag: str, entries: Sequence[Entry], *, again: bool) -> Job:
    """Submit."""
    return _job(client.messages.batches.create(requests=list(entries)))  # type: ignore[arg-type]


def find(client: "Anthropic", tag: str, ids: Set[str], others: Set[str]) -> Job | None:
    """One that has ended is told by its custom_ids. Of those under way one of the same size is
    taken for it until they are seen: waiting costs time, making it twice costs money."""
    for made in client.messages.batches.list(limit=PAGE):
        if made.id in others or made.archived_at or _size(made) != len(ids):
            continue
        job = _job(made)
        if not job.ended:
            return replace(job, guessed=True)
        if any(line.custom_id in ids for line in results(client, job)):
            return job
    return None


def _size(batch: "MessageBatch") -> int:
    counts = batch.request_counts
    ended = counts.succeeded + counts.errored + counts.canceled + counts.expired
    return counts.processing + ended


def look(client: "Anthropic", job_id: str) -> Job:
    """How far it is."""
    return _job(client.messages.batches.retrieve(job_id))


def cancel(client: "Anthropic", job_id: str) -> None:
    """Requests that have begun are answered still."""
    client.messages.batches.cancel(job_id)


def results(client: "Anthropic", job: Job) -> Iterator[Line]:
    """One line for each request."""
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
