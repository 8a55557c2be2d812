"""Batches: requests that a provider answers within a day at half the price.

A backend is a module that does what `BatchBackend` says, through the official client. It never
retries: a second creation would be a second bill, so whoever calls looks first whether the first
one was made.
"""

from collections.abc import Iterator, Sequence, Set
from contextlib import AbstractContextManager
from typing import Any, Protocol

from distill.core.requests import Api, Attempt, Endpoint
from distill.llm.batches import anthropic, openai
from distill.llm.batches.jobs import Entry, Job, Line


class BatchBackend(Protocol):
    """What a provider's batches offer. Every method but `entry` raises the client's own errors."""

    @property
    def MOST_REQUESTS(self) -> int:
        """Requests that a batch takes."""

    @property
    def MOST_BYTES(self) -> int:
        """Bytes of JSON that a batch takes."""

    def connect(self, endpoint: Endpoint) -> AbstractContextManager[Any]:
        """The official client."""

    def entry(self, attempt: Attempt) -> Entry:
        """An attempt as the batch carries it, under the attempt's id."""

    def create(self, client: Any, tag: str, entries: Sequence[Entry], *, again: bool) -> Job:
        """Submit; `again` when an earlier try may have come half of the way."""

    def find(self, client: Any, tag: str, ids: Set[str], others: Set[str]) -> Job | None:
        """The batch that was made under the tag, of entries with these ids; it is none of
        `others`. None when there is none; `guessed` when it is not sure whose it is."""

    def look(self, client: Any, job_id: str) -> Job:
        """How far it is."""

    def cancel(self, client: Any, job_id: str) -> None:
        """Stop it; what is answered by then is kept, and billed. One that has ended stays so."""

    def results(self, client: Any, job: Job) -> Iterator[Line]:
        """What came back of a job that has ended, in any order."""


BATCHES: dict[Api, BatchBackend] = {"openai": openai, "anthropic": anthropic}
