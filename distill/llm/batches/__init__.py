"""Batches: requests that a provider answers within a day at half the price.

The functions of a `BatchApi` use the official client and never retry. A batch that is created twice
is billed twice. Before a retry, the caller therefore checks whether the first call succeeded.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from distill.core.requests import Attempt, Endpoint
from distill.llm.batches.jobs import Entry, Job, Line


class CreateBatch(Protocol):
    """A function that submits a batch; `again`: True if an earlier try may have half succeeded."""

    def __call__(self, client: Any, tag: str, entries: Sequence[Entry], *, again: bool) -> Job: ...


@dataclass(frozen=True, slots=True)
class BatchApi:
    """The batch API of a provider. Every function except `entry` raises the client's own errors.

    `max_requests`, `max_bytes`: the maximum number of requests, and of bytes of JSON, in a batch.
    `connect`: opens the official client.
    `entry`: returns an attempt as an entry of the batch, under the attempt's id.
    `create`: submits a batch.
    `find(client, tag, ids, others)`: finds a batch by its tag or by its entries' ids; None if there
        is none. Jobs in `others` are excluded. The job is `guessed` if it may belong to another
        program.
    `status`: returns the state of a job.
    `cancel`: stops a job; does nothing if it has ended. Existing answers are kept and billed.
    `results`: yields the lines of an ended job, in any order.
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
