"""Batches: requests that a provider answers within a day at half the price.

The functions of a `BatchApi` go through the official client and never retry. A second creation
would be a second bill, so the caller looks first whether the first one was made.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from distill.core.requests import Attempt, Endpoint
from distill.llm.batches.jobs import Entry, Job, Line


class CreateBatch(Protocol):
    """Submits a batch; `again` after a try that may have come half of the way."""

    def __call__(self, client: Any, tag: str, entries: Sequence[Entry], *, again: bool) -> Job: ...


@dataclass(frozen=True, slots=True)
class BatchApi:
    """The batches of a provider. Every function but `entry` raises the client's own errors.

    max_requests, max_bytes: requests and bytes of JSON that a batch takes.
    connect: opens the official client.
    entry: writes an attempt as the batch carries it, under the attempt's id.
    find(client, tag, ids, others): finds the batch that was made under the tag, of entries with
        these ids, and none of `others`. None if there is none; `guessed` if it may be another's.
    status: tells how far a job is.
    cancel: stops a job. Answers that it has by then are kept and billed; an ended job stays.
    results: reads the lines of a job that has ended, in any order.
    """

    max_requests: int
    max_bytes: int
    connect: Callable[[Endpoint], AbstractContextManager[Any]]
    entry: Callable[[Attempt], Entry]
    create: CreateBatch
    find: Callable[..., Job | None]
    status: Callable[[Any, str], Job]
    cancel: Callable[[Any, str], None]
    results: Callable[[Any, Job], Iterator[Line]]
