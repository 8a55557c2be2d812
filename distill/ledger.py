"""What may be sent, what was sent, what it cost: every attempt is in the store before it goes out,
with the most that it can cost reserved against the budget, and its outcome is there after.
"""

import secrets
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import islice

from distill.backends.worst_case import worst_case
from distill.errors import DistillError
from distill.records import Attempt, Completion, Endpoint, Outcome, Request
from distill.store import Store

ATTEMPT_ID_BYTES = 12

OnAnswers = Callable[[Sequence[Completion]], None]


class BudgetReached(DistillError):
    """The next request could pass the budget."""

    def __init__(self, budget_usd: Decimal, committed_usd: Decimal, next_usd: Decimal) -> None:
        super().__init__(
            f"the budget is reached: ${committed_usd:.4f} of ${budget_usd} are spent or may have "
            f"been billed, and the next request could cost ${next_usd:.4f}.\n"
            "Everything that was paid for is stored. Raise budget.usd in task.toml and run again: "
            "it reuses every answer."
        )


class StoreLedger:
    """The ledger of one run's requests of one purpose, kept in the store."""

    def __init__(self, store: Store, run_id: str, endpoint: Endpoint, budget_usd: Decimal) -> None:
        self._store, self._run_id = store, run_id
        self._endpoint, self._budget_usd = endpoint, budget_usd
        self._settled_usd = store.committed_usd(run_id)
        self._reserved: dict[str, Decimal] = {}
        self._held: deque[Request] = deque()
        self._requests: Iterator[Request] = iter(())
        self._on_answers: OnAnswers = lambda answers: None

    def ask(self, requests: Iterator[Request], on_answers: OnAnswers) -> "StoreLedger":
        """This ledger, to go through `requests`; `on_answers` is called after they are stored."""
        self._requests, self._on_answers = requests, on_answers
        return self

    def turn(
        self, outcomes: Sequence[Outcome], again: Sequence[Request], wanted: int
    ) -> Sequence[Attempt]:
        """Settle and begin, in one transaction. Raises BudgetReached when nothing is out and the
        next request does not fit any more."""
        answers = [row.completion for row in outcomes if row.completion is not None]
        self._held.extend(again)
        with self._store.transaction():
            self._store.add_completions(answers)
            self._store.add_outcomes(outcomes)
            for outcome in outcomes:
                if self._reserved.pop(outcome.attempt.id):
                    self._settled_usd += outcome.usd
            begun = list(islice(self._begin(), max(wanted, 0)))
            self._store.add_attempts(self._run_id, begun)
        if answers:
            self._on_answers(answers)
        if self._held and wanted > 0 and not (begun or self._reserved):
            raise self._reached(self._held[0])
        return begun

    def _begin(self) -> Iterator[Attempt]:
        """Attempts for as long as their worst case fits beside everything that is out."""
        while (request := self._next()) is not None:
            worst = self._worst(request)
            if worst and self._committed_usd + worst > self._budget_usd:
                return
            self._held.popleft()
            attempt = Attempt(secrets.token_hex(ATTEMPT_ID_BYTES), request, worst)
            self._reserved[attempt.id] = worst
            yield attempt

    def _next(self) -> Request | None:
        """The next request, which stays held until it is begun."""
        if not self._held:
            self._held.extend(islice(self._requests, 1))
        return self._held[0] if self._held else None

    @property
    def _committed_usd(self) -> Decimal:
        return self._settled_usd + sum(self._reserved.values(), Decimal(0))

    def _worst(self, request: Request) -> Decimal:
        return self._endpoint.price.worst(*worst_case(self._endpoint.model, request))

    def _reached(self, request: Request) -> BudgetReached:
        return BudgetReached(self._budget_usd, self._settled_usd, self._worst(request))
