"""The results of an ended batch, recorded in the ledger by custom_id, in any order.

Results may be read again after a crash. An attempt that already has an outcome keeps it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice

from distill.core.requests import Attempt, AttemptOutcome, Endpoint
from distill.llm.batches.jobs import Job, Line
from distill.llm.client import OTHERS_ANSWERED
from distill.llm.completions import answered, refused
from distill.llm.failures import Failure, dearer_tier, unreadable
from distill.llm.ledger import SpendLedger
from distill.llm.models import provider_api
from distill.llm.providers.wire import MALFORMED_RESPONSE, tier_of
from distill.store import Store
from distill.store.batches import Batch, add_event, attempts_out, ids_of

PAGE = 1000
ROUNDS = 5  # failed batches after which a request's failure is permanent

Note = Callable[[str], None]


@dataclass
class BatchResults:
    """The converter of result lines into outcomes.

    `refused`: the reasons why requests are not retried.
    `dearer`: the message on answers in a service tier that was not requested, or "".
    `rounds`: the number of failed batches, by request id.
    `answers`: the number of answers.
    """

    store: Store
    ledger: SpendLedger
    endpoint: Endpoint
    note: Note
    refused: list[str] = field(default_factory=list)
    dearer: str = ""
    rounds: Counter[str] = field(default_factory=Counter)
    answers: int = 0

    def settle(self, batch: Batch, job: Job, lines: Iterable[Line]) -> None:
        """Store the outcomes and close the batch.

        If the job has only unknown custom_ids, it is another program's: the batch is marked
        "mistaken" instead.
        """
        out, ids = attempts_out(self.store, batch), ids_of(self.store, batch)
        seen: Counter[str] = Counter()
        strangers = broken = 0
        for page in _pages(lines):
            seen.update(line.custom_id for line in page if line.custom_id in ids)
            broken += sum(not line.custom_id for line in page)
            strangers += sum(bool(line.custom_id) and line.custom_id not in ids for line in page)
            ours = [line for line in page if line.custom_id in out]
            read = sorted(_first(ours), key=lambda line: line.payload is None)
            self._turn([self._outcome(batch, out.pop(row.custom_id), row) for row in read])
        if strangers and not seen:
            add_event(self.store, batch, "mistaken", job.id)
            return
        self._tell(strangers, sum(n - 1 for n in seen.values()), broken)
        self._close(batch, job, list(out.values()))

    def drop(self, batch: Batch, why: str) -> None:
        """Close a batch whose requests never ran."""
        rest = attempts_out(self.store, batch).values()
        with self.store.transaction():
            self._turn([AttemptOutcome(attempt, failure=why) for attempt in rest])
            add_event(self.store, batch, "closed", why)

    def _close(self, batch: Batch, job: Job, missing: list[Attempt]) -> None:
        """Close the batch and record the requests without a line.

        Such a request never ran if the batch was cut short. Otherwise it may be billed.
        """
        why = "its batch was cut short" if job.cut_short else "its batch came back without it"
        billed = not job.cut_short
        failure = Failure(billed, True, False, None, why)
        outcomes = [self._failed_again(row, failure) for row in missing]
        with self.store.transaction():
            self._turn(outcomes)
            add_event(self.store, batch, "closed", "cut short" if job.cut_short else "ended")

    def _outcome(self, batch: Batch, attempt: Attempt, line: Line) -> AttemptOutcome:
        if line.failure is not None or line.payload is None:
            return self._without_answer(attempt, line.failure or _nothing(self.endpoint))
        try:
            answer = provider_api(self.endpoint.model.api).read(line.payload)
            self.dearer = self.dearer or dearer_tier(tier_of(answer), self.endpoint)
            waited = max((datetime.now(UTC) - batch.written).total_seconds(), 0.0)
            outcome = answered(attempt, answer, waited, self.endpoint)
        except MALFORMED_RESPONSE:
            text = json.dumps(line.payload)
            return self._without_answer(attempt, unreadable(text, self.endpoint))
        self.answers += 1
        return outcome

    def _without_answer(self, attempt: Attempt, failure: Failure) -> AttemptOutcome:
        if failure.row:
            return refused(attempt, failure)
        if failure.retry:
            return self._failed_again(attempt, failure)
        if failure.unclear and self.answers >= OTHERS_ANSWERED:
            return refused(attempt, replace(failure, row="refused_row"))
        self.refused.append(failure.message)
        return AttemptOutcome(attempt, failure=failure.message, maybe_billed=failure.maybe_billed)

    def _failed_again(self, attempt: Attempt, failure: Failure) -> AttemptOutcome:
        """Return a failed outcome for a retry in the next batch.

        After ROUNDS failures the request is left out, or stops the run if too few others were
        answered.
        """
        self.rounds[attempt.request_id] += 1
        if self.rounds[attempt.request_id] >= ROUNDS:
            why = f"{ROUNDS} batches returned no answer to a request: {failure.message}"
            if self.answers >= OTHERS_ANSWERED:
                return refused(attempt, replace(failure, row="no_answer", message=why))
            self.refused.append(why)
        return AttemptOutcome(attempt, failure=failure.message, maybe_billed=failure.maybe_billed)

    def _turn(self, outcomes: list[AttemptOutcome]) -> None:
        self.ledger.turn(outcomes, [], 0)

    def _tell(self, strangers: int, twice: int, broken: int) -> None:
        if broken:
            self.note(f"{broken} result lines cannot be read; their requests are sent again")
        if strangers:
            self.note(f"{strangers} result lines have unknown ids and are ignored")
        if twice:
            self.note(f"{twice} result lines are duplicates and are ignored")


def _first(lines: Iterable[Line]) -> Iterable[Line]:
    """Keep the first of the lines with the same id."""
    return {line.custom_id: line for line in reversed(list(lines))}.values()


def _nothing(endpoint: Endpoint) -> Failure:
    return unreadable("", endpoint)


def _pages(lines: Iterable[Line]) -> Iterator[list[Line]]:
    source = iter(lines)
    while page := list(islice(source, PAGE)):
        yield page
