"""Requests in, completions out, through a provider's batches: at half the price, within a day.

A batch is written down before it is sent, under a tag that finds it again at the provider. What
has no answer when its batch has ended (it failed, ran out of time, was cancelled) is unanswered
again, and goes into another.
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
from distill.core.requests import Attempt, Endpoint
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
LATE_SECONDS = 600.0  # in which the file of a batch that has ended should be named
# A creation whose answer was lost may take a moment to show in the provider's list.
LOST_ANSWER_SECONDS = 3.0
NO_BATCH = (
    "the account of the key in {key} has no such batch: set the key that it was made with, or give "
    "it up with `distill cancel TASK --forget`"
)

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class BatchScope:
    """What goes through batches: the requests of one purpose of a run, to the teacher or the judge
    that the task names, within its budget."""

    run_id: str
    purpose: str
    teacher: str
    budget_usd: Decimal


@contextmanager
def batch_runner(
    store: Store, what: BatchScope, endpoint: Endpoint, on_answers: OnAnswers, note: Note
) -> Iterator["BatchRunner"]:
    """The way through a provider's batches, for as long as its client is open. `on_answers` is
    told what was stored, `note` what happened besides."""
    assert endpoint.batch_price is not None
    cheaper = replace(endpoint, price=endpoint.batch_price)
    ledger = SpendLedger(store, what.run_id, cheaper, what.budget_usd)
    ledger.ask(store.unanswered(what.run_id, what.purpose), on_answers)
    backend = batch_api(endpoint.model.api)
    assert backend is not None, "the caller asks a provider that takes batches"
    results = BatchResults(store, ledger, cheaper, note)
    with backend.connect(endpoint) as client:
        yield BatchRunner(store, ledger, what, results, backend, client, backend.max_requests)


@dataclass
class BatchRunner:
    """The requests of one purpose on their way through batches of `most` at most. `sends`: what was
    written down and is not at the provider is wanted there."""

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
        """Submit what has no answer and fetch what comes, until all is answered or, when it is
        not to wait, nothing can be done but that. How many requests are out then.

        Raises BudgetReached when nothing is out and the budget does not carry more, DistillError
        when requests are refused for good. What came back is stored by then.
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
        """Fetch what is out of this purpose, and submit nothing."""
        while True:
            came = self.fetch_ended()
            if not self.count_out():
                return
            self._pause(came)

    def cancel(self) -> int:
        """Stop every batch of the teacher, but wait for one that may be another's, and fetch what
        was answered. How many there were."""
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
                f"{job_id} may be another program's, which shows when it has ended: it is not "
                "stopped but waited for (`distill cancel --forget` gives its answers up)"
            )
        elif job_id:
            self._call(partial(self.backend.cancel, self.client, job_id))

    def count_out(self) -> int:
        """How many of the purpose's requests are out, in batches of any run."""
        return count_out(self.store, self.what.run_id, self.what.purpose)

    def fetch_ended(self) -> bool:
        """Store what has come of every batch that is out. True when something had."""
        came = [self._fetch(batch) for batch in self._batches()]
        if self.results.dearer:
            raise DistillError(self.results.dearer)
        if self.results.refused:
            raise DistillError(
                f"{len(self.results.refused)} requests were refused in a batch, for example:\n"
                f"{self.results.refused[0]}\nEverything that was answered is stored."
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
        """True while answers that a provider says it has may still come. Raises DistillError after
        LATE_SECONDS: to submit them again would be to pay for them again."""
        since = self.late_since.setdefault(job.id, monotonic())
        if monotonic() - since < LATE_SECONDS:
            return True
        raise DistillError(
            f"{job.id} has ended, but its provider names no file with the answers. Nothing of it "
            "is submitted again. The same command looks again; `distill cancel --forget` gives the "
            "answers up."
        )

    def _taken_back(self, batch: Batch, job: Job) -> None:
        """The provider took none of it: because too much is waiting there, or because of us."""
        if job.too_long and (size := len(ids_of(self.store, batch))) > 1:
            self.most = max(min(self.most, size) // 2, 1)
            self.results.note(f"too much is waiting there: {self.most} requests a batch from now")
        else:
            self.results.refused.append(job.problem)
        self.results.drop(batch, job.problem)

    def _batches(self) -> list[Batch]:
        """What is out at this teacher, of any run."""
        return [row for row in open_batches(self.store) if row.teacher == self.what.teacher]

    # submitting

    def _submit(self) -> None:
        """Batch after batch, until nothing is unanswered that the budget carries."""
        self.ledger.ask(self.store.unanswered(self.what.run_id, self.what.purpose))
        while written := self._write_down():
            for batch, entries in written:
                self._create(batch, entries)
                self.results.note(f"a batch of {len(entries)} requests is submitted")

    def _write_down(self) -> list[tuple[Batch, list[Entry]]]:
        """The next batches, with all that they carry."""
        try:
            with self.store.transaction():
                attempts = self.ledger.turn([], [], self.most)
                return [self._batch(part) for part in _parts(attempts, self.backend)]
        except BudgetReached:
            if self.count_out():
                return []  # what is out may cost less than it can, and leave room
            raise

    def _batch(self, part: Sequence[tuple[Attempt, Entry]]) -> tuple[Batch, list[Entry]]:
        what, now = self.what, datetime.now(UTC)
        tag = secrets.token_hex(TAG_BYTES)
        batch = Batch(tag, what.run_id, what.purpose, what.teacher, now)
        add_batch(self.store, batch, [attempt for attempt, _ in part])
        return batch, [entry for _, entry in part]

    def _create(self, batch: Batch, entries: Sequence[Entry], *, again: bool = False) -> str:
        """Submit a batch that is not at the provider; its id there. When an answer is lost, look
        before trying again: two creations are two bills."""
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
        """The provider's id of a batch. One that was written down and perhaps not sent is looked
        for there; if it never came there, it is sent now when it is wanted now, else dropped."""
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

    # what may fail on the way

    def _call(self, act: Callable[[], Made]) -> Made:
        """What may be done twice, until it succeeds. Raises DistillError when it does not."""
        for tries in count(1):
            try:
                return act()
            except self._errors() as error:
                self._wait_or_raise(error, tries)
        raise AssertionError("unreachable")

    def _errors(self) -> tuple[type[Exception], ...]:
        import httpx2

        # A result that is cut off while it is read is the transport's error, not the client's.
        api = self.results.endpoint.model.api
        return provider_api(api).failures(), httpx2.TransportError, json.JSONDecodeError

    def _wait_or_raise(self, error: Exception, tries: int, *, at_least: float = 0.0) -> None:
        failure = explain(error, self.results.endpoint, absent=NO_BATCH)
        if not failure.retry or tries >= TRIES:
            raise DistillError(f"{failure.message}\nThe same command goes on.") from error
        sleep(max(delay(tries, failure.wait_s), at_least))

    def _pause(self, came: bool) -> None:
        """Longer from look to look, while nothing comes."""
        grown = min(2 * self.pause_s, LONGEST_PAUSE_SECONDS)
        self.pause_s = FIRST_PAUSE_SECONDS if came else grown
        sleep(self.pause_s)


def _parts(attempts: Sequence[Attempt], backend: BatchApi) -> Iterator[list[tuple[Attempt, Entry]]]:
    """Attempts with their entries, in parts of no more bytes than a batch takes."""
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
