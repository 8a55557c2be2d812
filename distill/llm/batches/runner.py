"""Completions through a provider's batches, at half the price and within a day.

A batch is recorded before it is submitted, under a tag by which it can be found at the provider. A
request goes into another batch if its batch failed, expired or was cancelled without an answer.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import count
from time import monotonic, sleep
from typing import Any, TypeVar

from distill.core.errors import DistillError
from distill.core.purpose import Purpose
from distill.core.requests import Attempt, Endpoint, Request
from distill.llm.batches import BatchApi
from distill.llm.batches.jobs import Entry, Job
from distill.llm.batches.results import BatchResults, Note
from distill.llm.client import TRIES, delay
from distill.llm.failures import explain
from distill.llm.ledger import BudgetReached, OnAnswers, SpendLedger
from distill.llm.models import batch_api, provider_api
from distill.store import Store
from distill.store.batches import (
    Batch,
    add_batch,
    add_event,
    attempts_out,
    count_out,
    guessed_jobs,
    ids_of,
    known_jobs,
    open_batches,
)

TAG_BYTES = 12
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
LATE_SECONDS = 600.0  # an ended batch should list its result files within this time
# After a lost response, a new batch takes a moment to appear in the provider's list.
LOST_ANSWER_SECONDS = 3.0
NO_BATCH = (
    "the account of the key in {key} has no such batch: set the key that submitted the batch, or "
    "give its answers up with `distill cancel TASK --forget`"
)

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class BatchScope:
    """The scope of a batch run: the requests of one purpose of a run, within its budget.

    `purpose`: None if batches are only to be stopped.
    `teacher`: the name of the teacher or judge that the requests go to.
    """

    run_id: str
    purpose: Purpose | None
    teacher: str
    budget_usd: Decimal

    def unanswered(self, store: Store) -> Iterator[Request]:
        """Yield the unanswered requests that are not in a batch."""
        return iter(()) if self.purpose is None else store.unanswered(self.run_id, self.purpose)

    def count_out(self, store: Store) -> int:
        """Return the number of requests that are pending in batches of any run."""
        return 0 if self.purpose is None else count_out(store, self.run_id, self.purpose)


@contextmanager
def batch_runner(
    store: Store, what: BatchScope, endpoint: Endpoint, on_answers: OnAnswers, note: Note
) -> Iterator["BatchRunner"]:
    """Yield a runner of a provider's batches, and close its client after the block.

    `on_answers` is called with stored answers. `note` is called with messages for the user.
    """
    assert endpoint.batch_price is not None
    cheaper = replace(endpoint, price=endpoint.batch_price)
    ledger = SpendLedger(store, what.run_id, cheaper, what.budget_usd)
    ledger.ask(what.unanswered(store), on_answers)
    backend = batch_api(endpoint.model.api)
    assert backend is not None, "the caller asks a provider that takes batches"
    results = BatchResults(store, ledger, cheaper, note)
    with backend.connect(endpoint) as client:
        yield BatchRunner(store, ledger, what, results, backend, client, backend.max_requests)


@dataclass
class BatchRunner:
    """The requests of one purpose, in batches of at most `most` requests.

    `sends`: True to submit recorded batches that never reached the provider.
    """

    store: Store
    ledger: SpendLedger
    what: BatchScope
    results: BatchResults
    backend: BatchApi
    client: Any
    most: int
    sends: bool = False
    pause_s: float = field(default=FIRST_PAUSE_SECONDS)
    late_since: dict[str, float] = field(default_factory=dict)

    def complete(self, *, wait: bool) -> int:
        """Submit unanswered requests and fetch results; return the number of pending requests.

        With `wait`, loop until all requests are answered; otherwise fetch and submit once.

        Raises BudgetReached if nothing is pending and the budget does not cover more. Raises
        DistillError if requests are refused for good. Available results are stored before an error
        is raised.
        """
        self.sends = True
        while True:
            came = self.fetch_ended()
            self._submit()
            out = self.count_out()
            if not (out and wait):
                return out
            self._pause(came)

    def wait(self) -> None:
        """Wait until no request of this purpose is pending; store the results, submit nothing."""
        while True:
            came = self.fetch_ended()
            if not self.count_out():
                return
            self._pause(came)

    def cancel(self) -> int:
        """Stop every batch of the teacher and fetch its answers; return the number of batches.

        A batch that may belong to another program is awaited, not stopped.
        """
        seen: set[str] = set()
        while batches := self._batches():
            for batch in batches:
                if batch.tag not in seen:
                    self._stop(batch)
                seen.add(batch.tag)
            self._pause(self.fetch_ended())
        return len(seen)

    def _stop(self, batch: Batch) -> None:
        job_id = self._job_id(batch)
        if job_id in guessed_jobs(self.store):
            self.results.note(
                f"batch {job_id} may belong to another program; its results will tell. It is "
                "awaited, not stopped. Give its answers up with `distill cancel --forget`."
            )
        elif job_id:
            self._call(partial(self.backend.cancel, self.client, job_id))

    def count_out(self) -> int:
        """Return the number of this purpose's requests that are pending in batches of any run."""
        return self.what.count_out(self.store)

    def fetch_ended(self) -> bool:
        """Store the results of every ended batch; return True if there were any.

        Raises DistillError if requests were refused, or if the service tier was not the requested
        one.
        """
        came = [self._fetch(batch) for batch in self._batches()]
        if self.results.dearer:
            raise DistillError(self.results.dearer)
        if self.results.refused:
            raise DistillError(
                f"{len(self.results.refused)} requests were refused in a batch, for example:\n"
                f"{self.results.refused[0]}\nAll answers are stored."
            )
        return any(came)

    def _fetch(self, batch: Batch) -> bool:
        job_id = self._job_id(batch)
        if job_id is None:
            return True
        job = self._call(lambda: self.backend.status(self.client, job_id))
        if not job.ended or (job.late and self._waits_for(job)):
            return False
        if job.problem:
            self._taken_back(batch, job)
        else:
            self._call(
                lambda: self.results.settle(batch, job, self.backend.results(self.client, job))
            )
        return True

    def _waits_for(self, job: Job) -> bool:
        """True while the results of a late batch may still become available.

        Raises DistillError after LATE_SECONDS. The requests are not submitted again, because both
        batches would be billed.
        """
        since = self.late_since.setdefault(job.id, monotonic())
        if monotonic() - since < LATE_SECONDS:
            return True
        raise DistillError(
            f"batch {job.id} has ended, but its provider lists no result file. Its requests are "
            "not submitted again. Run the same command to check again, or give up the answers with "
            "`distill cancel --forget`."
        )

    def _taken_back(self, batch: Batch, job: Job) -> None:
        """Record a batch that the provider rejected: its queue is full, or the batch is invalid."""
        if job.too_long and (size := len(ids_of(self.store, batch))) > 1:
            self.most = max(min(self.most, size) // 2, 1)
            self.results.note(
                f"the provider's queue is full: at most {self.most} requests per batch from now on"
            )
        else:
            self.results.refused.append(job.problem)
        self.results.drop(batch, job.problem)

    def _batches(self) -> list[Batch]:
        """Return the open batches of this teacher, of any run."""
        return [row for row in open_batches(self.store) if row.teacher == self.what.teacher]

    # submission

    def _submit(self) -> None:
        """Submit batches until no unanswered request is left that the budget covers."""
        self.ledger.ask(self.what.unanswered(self.store))
        while written := self._write_down():
            for batch, entries in written:
                self._create(batch, entries)
                self.results.note(f"a batch of {len(entries)} requests is submitted")

    def _write_down(self) -> list[tuple[Batch, list[Entry]]]:
        """Record and return the next batches, with their entries."""
        try:
            with self.store.transaction():
                attempts = self.ledger.turn([], [], self.most)
                return [self._batch(part) for part in _parts(attempts, self.backend)]
        except BudgetReached:
            if self.count_out():
                return []  # pending requests may cost less than reserved, and leave room
            raise

    def _batch(self, part: Sequence[tuple[Attempt, Entry]]) -> tuple[Batch, list[Entry]]:
        what, now = self.what, datetime.now(UTC)
        assert what.purpose is not None, "without a purpose there is no request"
        tag = secrets.token_hex(TAG_BYTES)
        batch = Batch(tag, what.run_id, what.purpose, what.teacher, now)
        add_batch(self.store, batch, [attempt for attempt, _ in part])
        return batch, [entry for _, entry in part]

    def _create(self, batch: Batch, entries: Sequence[Entry], *, again: bool = False) -> str:
        """Submit a batch that the provider does not have yet, and return the provider's id.

        After a lost response, the provider's list is searched before a retry. A batch that is
        submitted twice is billed twice.
        """
        for tries in count(1):
            try:
                job = self.backend.create(self.client, batch.tag, entries, again=again)
                break
            except self._errors() as error:
                self._wait_or_raise(error, tries, at_least=LOST_ANSWER_SECONDS)
            again = True
            if found := self._find(batch):
                job = found
                break
        return self._identified(batch, job)

    def _identified(self, batch: Batch, job: Job) -> str:
        add_event(self.store, batch, "guessed" if job.guessed else "submitted", job.id)
        return job.id

    def _job_id(self, batch: Batch) -> str | None:
        """Return the provider's id of a batch; None if the batch is dropped.

        A batch without a stored id is searched for in the provider's list. If the provider does not
        have it, the batch is submitted, provided that `sends` is set and run and purpose match. Any
        other batch is dropped, since it was never submitted.
        """
        if batch.job_id:
            return batch.job_id
        if job := self._find(batch):
            return self._identified(batch, job)
        ours = (batch.run_id, batch.purpose) == (self.what.run_id, self.what.purpose)
        if self.sends and ours:
            rest = attempts_out(self.store, batch).values()
            return self._create(batch, [self.backend.entry(row) for row in rest], again=True)
        self.results.drop(batch, "it was never sent")
        return None

    def _find(self, batch: Batch) -> Job | None:
        ids, others = ids_of(self.store, batch), known_jobs(self.store)
        return self._call(lambda: self.backend.find(self.client, batch.tag, ids, others))

    # errors and retries

    def _call(self, act: Callable[[], Made]) -> Made:
        """Retry an idempotent call until it succeeds. Raises DistillError after the last retry."""
        for tries in count(1):
            try:
                return act()
            except self._errors() as error:
                self._wait_or_raise(error, tries)
        raise AssertionError("unreachable")

    def _errors(self) -> tuple[type[Exception], ...]:
        import httpx2

        # A result that is cut off while being read raises an error of the transport.
        api = self.results.endpoint.model.api
        return provider_api(api).failures(), httpx2.TransportError, json.JSONDecodeError

    def _wait_or_raise(self, error: Exception, tries: int, *, at_least: float = 0.0) -> None:
        failure = explain(error, self.results.endpoint, absent=NO_BATCH)
        if not failure.retry or tries >= TRIES:
            raise DistillError(f"{failure.message}\nRun the same command to continue.") from error
        sleep(max(delay(tries, failure.wait_s), at_least))

    def _pause(self, came: bool) -> None:
        """Sleep between polls, longer each time until a result arrives."""
        grown = min(2 * self.pause_s, LONGEST_PAUSE_SECONDS)
        self.pause_s = FIRST_PAUSE_SECONDS if came else grown
        sleep(self.pause_s)


def _parts(attempts: Sequence[Attempt], backend: BatchApi) -> Iterator[list[tuple[Attempt, Entry]]]:
    """Split attempts, with their entries, into parts within a batch's maximum bytes."""
    part: list[tuple[Attempt, Entry]] = []
    size = 0
    for attempt in attempts:
        entry = backend.entry(attempt)
        added = len(json.dumps(entry, ensure_ascii=False).encode()) + 1
        if part and size + added > backend.max_bytes:
            yield part
            part, size = [], 0
        part.append((attempt, entry))
        size += added
    if part:
        yield part
