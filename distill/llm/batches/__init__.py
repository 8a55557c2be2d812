"""Batches: requests that a provider answers within a day at half the price.

The functions of a `BatchApi` go through the official client and never retry. A second creation
would be a second bill, so the caller first checks whether the first creation succeeded.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from distill.core.requests import Attempt, Endpoint
from distill.llm.batches.jobs import Entry, Job, Line


class CreateBatch(Protocol):
    """Submits a batch. `again`: an earlier try may have succeeded in part."""

    def __call__(self, client: Any, tag: str, entries: Sequence[Entry], *, again: bool) -> Job: ...


@dataclass(frozen=True, slots=True)
class BatchApi:
    """The batches of a provider. Every function but `entry` raises the client's own errors.

    `max_requests`, `max_bytes`: the requests and the bytes of JSON that a batch takes.
    `connect`: opens the official client.
    `entry`: writes an attempt in the form of the batch, under the attempt's id.
    `create`: submits a batch.
    `find(client, tag, ids, others)`: finds a batch by its tag or by its entries' ids. The job found
        is none of `others`, and `guessed` if it may be another program's. None if there is no such
        batch.
    `status`: reports the state of a job.
    `cancel`: stops a job. Answers that exist by then are kept and billed. An ended job stays.
    `results`: reads the lines of an ended job, in any order.
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
