"""The asynchronous online client: many requests at a time, through the official clients.

The ledger records every attempt before the attempt is sent. Every answer is in the ledger within
FLUSH_SECONDS of its arrival. The official clients' own retries are off; this client retries. Each
retry is an attempt of its own. The ledger works in a thread, one turn at a time: it records the
outcomes, then begins further attempts.
"""

import asyncio
import json
import random
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import monotonic, perf_counter
from typing import Any, Protocol

from distill.core.errors import DistillError
from distill.core.requests import Attempt, AttemptOutcome, Endpoint, Request
from distill.llm.completions import answered, other_model, refused
from distill.llm.failures import (
    LIMITED,
    Failure,
    dearer_tier,
    explain,
    said_by,
    too_slow,
    unreadable,
    without_choices,
)
from distill.llm.models import provider_api
from distill.llm.providers.concessions import (
    NO_CONCESSIONS,
    Concessions,
    adapted,
    concede,
    refuses_otherwise,
)
from distill.llm.providers.transport import AnswerTooLarge
from distill.llm.providers.wire import MALFORMED_RESPONSE, Body, ProviderApi, Reply, tier_of
from distill.llm.rate_limit import AdaptiveRateLimiter

Note = Callable[[str], None]

FLUSH_SECONDS = 0.1
TRIES = 6
TRIES_WHEN_LIMITED = 40
TRIES_ON_OUR_OWN_SERVER = 3  # no other load: a request that fails three times is broken
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 60.0
# Before and after every request a client makes a system call for each idle connection. A client
# with 50 connections spends a third of its time on these calls.
CONNECTIONS_OF_A_CLIENT = 8
OTHERS_ANSWERED = 10  # other answers while one request keeps failing: that request is at fault
MANY_LEFT_OUT = 20  # refused requests: the minimum to conclude that all share one cause
ASKED = 120  # characters of a request that a message shows
ATTEMPT_SECONDS = 900.0  # a whole attempt: a server may send one byte a second forever
MOST_CLIENTS = 32  # opening a client takes a few ms


class Ledger(Protocol):
    """The record of attempts and outcomes; its methods run in a thread."""

    def turn(
        self, outcomes: Sequence[AttemptOutcome], again: Sequence[Request], wanted: int
    ) -> Sequence[Attempt]:
        """Record the outcomes and begin at most `wanted` further attempts, in one transaction.

        Returns the attempts. The requests of `again` come first. Fewer attempts begin if no request
        is left, or if the budget covers no more until pending attempts are settled.
        """


def complete_all(endpoint: Endpoint, ledger: Ledger, note: Note = lambda text: None) -> None:
    """Send the ledger's requests, `endpoint.in_flight` at a time, until none are left.

    Raises DistillError if a request is refused for good, or if the server cannot be reached.
    Before an error is raised, requests in flight are awaited and their outcomes are stored. After
    Ctrl-C, requests that may be billed are awaited. `note` is called once for each message about
    the server.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_OnlineRun(endpoint, ledger, note=note).all())


@dataclass
class _OnlineRun:
    """The state of one call of `complete_all`."""

    endpoint: Endpoint
    ledger: Ledger
    outcomes: list[AttemptOutcome] = field(default_factory=list)
    out: dict[str, Attempt] = field(default_factory=dict)
    again: list[tuple[float, Request]] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)
    failure: str = ""
    note: Note = lambda text: None
    concessions: Concessions = NO_CONCESSIONS
    sent: int = 0
    answered: list[int] = field(default_factory=list)  # sending positions of answered requests
    sent_at_first: dict[str, int] = field(default_factory=dict)  # `sent` at the first failure
    left_out: int = 0
    is_exhausted: bool = False  # the ledger gave fewer attempts than were wanted
    has_compared: bool = False  # the model of an answer with the requested one
    stopping: bool = False
    turning: "asyncio.Task[int] | None" = None

    @cached_property
    def api(self) -> ProviderApi:
        """The protocol of the endpoint."""
        return provider_api(self.endpoint.model.api)

    async def all(self) -> None:
        self.ready: asyncio.Queue[Attempt] = asyncio.Queue()
        self.wake = asyncio.Event()
        self.pace = AdaptiveRateLimiter(self.endpoint.in_flight)
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(self.api.connect(self.endpoint))
                for _ in range(clients_for(self.endpoint.in_flight))
            ]
            workers = [
                asyncio.create_task(self._work(clients[number % len(clients)]))
                for number in range(self.endpoint.in_flight)
            ]
            try:
                await self._keep_books(workers)
            except asyncio.CancelledError:
                await self._wind_up()
                raise
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
        if self.failure:
            raise DistillError(self.failure)

    async def _keep_books(self, workers: "Sequence[asyncio.Task[None]]") -> None:
        """Run ledger turns until no request is pending or waiting and the ledger begins no more."""
        while True:
            begun = await self._turn()
            waiting = bool(self.again) and not self.stopping
            if not (begun or self.out or self.outcomes or waiting):
                return
            for worker in workers:
                if worker.done():
                    worker.result()
            # In Python 3.11 `wait_for` loses a Ctrl-C that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self.wake.wait()
            self.wake.clear()

    async def _turn(self) -> int:
        """Run a ledger turn, shielded from interrupts; return the number of attempts begun."""
        self.turning = asyncio.create_task(self._turn_now())
        return await asyncio.shield(self.turning)

    async def _turn_now(self) -> int:
        outcomes, self.outcomes = self.outcomes, []
        enough = self.stopping or self.ready.qsize() > self.endpoint.in_flight // 2
        wanted = 0 if enough else 2 * self.endpoint.in_flight - len(self.out)
        due = self._due(wanted)
        if not outcomes and wanted <= 0:
            return 0
        again = [request for _, request in due]
        begun = await asyncio.to_thread(self.ledger.turn, outcomes, again, wanted)
        if wanted > 0:
            self.is_exhausted = len(begun) < wanted
        # A request stays in `again` until here, so that no other one is taken for the last.
        self.again = [entry for entry in self.again if entry not in due] if due else self.again
        for attempt in begun:
            self.out[attempt.id] = attempt
            self.ready.put_nowait(attempt)
        return len(begun)

    def _due(self, most: int) -> list[tuple[float, Request]]:
        now = monotonic()
        return [entry for entry in self.again if entry[0] <= now][: max(most, 0)]

    async def _wind_up(self) -> None:
        """Stop sending after an interrupt, and wait for the requests that may be billed."""
        self._stop()
        if self.turning:
            await self.turning
        if waiting := sum(attempt.worst_usd > 0 for attempt in self.out.values()):
            self.note(
                f"waiting for {waiting} requests that may be billed; Ctrl-C again abandons them"
            )
        while any(attempt.worst_usd for attempt in self.out.values()):
            await asyncio.sleep(FLUSH_SECONDS)
        await self._turn()

    def _stop(self) -> None:
        """Stop sending, and drop the queued attempts."""
        self.stopping = True
        self.pace.end()

    async def _work(self, client: Any) -> None:
        while True:
            attempt = await self.ready.get()
            sampling = attempt.request.sampling
            await self.pace.admit(sampling.max_tokens + prompt_tokens(attempt.request))
            try:
                self._settle(await self._ask(client, attempt))
            finally:
                await self.pace.done()

    def _settle(self, outcome: AttemptOutcome) -> None:
        self.outcomes.append(outcome)
        del self.out[outcome.attempt.id]
        if self.ready.qsize() < self.endpoint.in_flight // 2 or not self.out:
            self.wake.set()

    async def _ask(self, client: Any, attempt: Attempt) -> AttemptOutcome:
        if self.stopping:
            return AttemptOutcome(attempt, failure="not sent")
        body = adapted(self.api.body(attempt.request), self.concessions)
        self.sent += 1
        place = self.sent
        start = perf_counter()
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                reply: Reply = await self.api.send(client, body)
        except self.api.failures() as error:
            return self._failed(attempt, error, body)
        except AnswerTooLarge as error:
            return self._again(attempt, unreadable(str(error), self.endpoint))
        except TimeoutError:
            return self._again(attempt, too_slow(ATTEMPT_SECONDS, self.endpoint))
        seconds = perf_counter() - start
        self.pace.took(reply.headers)
        return self._read(attempt, reply, seconds, place)

    def _read(self, attempt: Attempt, reply: Reply, seconds: float, place: int) -> AttemptOutcome:
        payload = None
        try:
            payload = json.loads(reply.text)
            answer = self.api.read(payload)
            in_flight = self.endpoint.in_flight
            outcome = answered(attempt, answer, seconds, self.endpoint, in_flight=in_flight)
        except MALFORMED_RESPONSE:
            failure = unreadable(reply.text, self.endpoint)
            return self._again(attempt, without_choices(payload, failure))
        if problem := dearer_tier(tier_of(answer), self.endpoint):
            self.failure = self.failure or problem
            self._stop()
        insort(self.answered, place)
        self._compare_models(attempt.request, payload)
        return outcome

    def _compare_models(self, request: Request, payload: Any) -> None:
        """Tell the user once if the server answers with another model than the requested one."""
        if self.has_compared or self.endpoint.model.is_local:
            return
        self.has_compared = True
        asked = str(self.api.body(request).get("model", ""))
        if asked and (other := other_model(payload, asked)):
            self.note(
                f"{self.endpoint.model.name}: the server reports the model {other}, not {asked}; "
                f"prices and report use {asked}: check the name if this is not an alias"
            )

    def _failed(self, attempt: Attempt, error: Exception, body: Body) -> AttemptOutcome:
        failure = explain(error, self.endpoint)
        if not failure.row and self._concedes(error, body):
            self.again.append((monotonic(), attempt.request))
            return AttemptOutcome(attempt, failure=failure.message)
        if failure.limited:
            response = getattr(error, "response", None)
            status = getattr(error, "status_code", None)
            headers = response.headers if response is not None else {}
            self.pace.refused(failure.wait_s, headers, busy=status != LIMITED[0])
        return self._again(attempt, failure)

    def _again(self, attempt: Attempt, failure: Failure) -> AttemptOutcome:
        """Schedule a retry, leave the request out, or stop the run; return the outcome."""
        self.tries[attempt.request_id] += 1
        self.sent_at_first.setdefault(attempt.request_id, self.sent)
        tries = self.tries[attempt.request_id]
        if failure.unclear and len(self.answered) >= OTHERS_ANSWERED:
            failure = replace(failure, retry=True)  # the answered requests had the same parameters
        most = TRIES_WHEN_LIMITED if failure.limited else TRIES
        most = TRIES_ON_OUR_OWN_SERVER if self.endpoint.model.is_local else most
        if failure.retry and tries < most:
            self.again.append((monotonic() + delay(tries, failure.wait_s), attempt.request))
        elif failure.row:
            return self._left_out(attempt, failure)
        elif failure.retry and self._fails_alone(attempt, failure):
            row = "refused_row" if failure.unclear else "no_answer"
            return self._left_out(attempt, replace(failure, row=row))
        else:
            last = attempt.request.messages[-1].content
            self.failure = self.failure or f"{failure.message}\n{_asked(last)}"
            self._stop()
        return AttemptOutcome(attempt, failure=failure.message, maybe_billed=failure.maybe_billed)

    def _fails_alone(self, attempt: Attempt, failure: Failure) -> bool:
        """True if only this request fails, which rules out an outage.

        Then OTHERS_ANSWERED requests that were sent after its first failure are answered, or it is
        the last request.
        """
        if self.endpoint.model.is_local or failure.limited or len(self.answered) < OTHERS_ANSWERED:
            return False
        # During an outage, answers to requests that were sent before it may still arrive.
        first = self.sent_at_first[attempt.request_id]
        since = len(self.answered) - bisect_right(self.answered, first)
        is_last = self.is_exhausted and set(self.out) == {attempt.id} and not self.again
        return since >= OTHERS_ANSWERED or is_last

    def _left_out(self, attempt: Attempt, failure: Failure) -> AttemptOutcome:
        """Leave out one request, or stop the run if most are refused; return the outcome."""
        self.left_out += 1
        if self.left_out >= MANY_LEFT_OUT and self.left_out > len(self.answered):
            self.failure = self.failure or (
                f"{self.left_out} requests were refused for their content, and only "
                f"{len(self.answered)} were answered: check the prompts, or choose another "
                f"teacher.model. The last refusal:\n{failure.message}"
            )
            self._stop()
        return refused(attempt, failure)

    def _concedes(self, error: Exception, body: Body) -> bool:
        """True if the request can be sent again in a changed form that the server may accept."""
        status = getattr(error, "status_code", None)
        if self.endpoint.model.api != "compatible" or status not in (400, 422):
            return False
        if refuses_otherwise(body, self.concessions):
            return True  # sent before the latest concession
        conceded = concede(said_by(error), body, self.concessions)
        if conceded is None:
            return False
        self.concessions = conceded
        self.note(f"{self.endpoint.model.name}: {conceded.words}")
        return True


def _asked(text: str) -> str:
    """Identify a request by the end of its prompt, which is the input."""
    line = " ".join(text.split())
    return f"The request ends in {line[-ASKED:]!r}."


def clients_for(in_flight: int) -> int:
    """Return the number of clients that share the requests in flight, at most MOST_CLIENTS."""
    return min(-(-in_flight // CONNECTIONS_OF_A_CLIENT), MOST_CLIENTS)


def delay(tries: int, wait_s: float | None) -> float:
    """Return the seconds until the next try: the longer of `wait_s` and an exponential backoff.

    The backoff is jittered, so that requests that failed together are not retried together.
    """
    backoff = min(FIRST_DELAY_SECONDS * 2.0 ** (tries - 1), LONGEST_DELAY_SECONDS)
    return max(wait_s or 0.0, backoff * random.uniform(0.5, 1.0))


def prompt_tokens(request: Request) -> int:
    """Estimate the tokens of a prompt at four characters each, for rate limits only."""
    return sum(len(turn.content) for turn in request.messages) // 4
