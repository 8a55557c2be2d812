"""The spend ledger: stores every attempt before it is sent, and its outcome afterwards.

The maximum cost of an attempt is reserved from the budget before the attempt is sent.
"""

import secrets
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from distill.core.errors import DistillError
from distill.core.requests import Attempt, AttemptOutcome, Completion, Endpoint, Request
from distill.llm.tokens import worst_case
from distill.pricing.token_prices import USD_PLACES
from distill.store import Store
from distill.store.batches import reserved_usd
from distill.task.answer_json import inputs_of, json_object, label_of

ATTEMPT_ID_BYTES = 12
SHOWN = 200

OnAnswers = Callable[[Sequence[Completion]], None]


def is_valid_answer(request: Request, answer: Completion) -> bool:
    """True if the answer has the requested form: a choice, a JSON object, or a non-empty text."""
    if answer.problem:
        return False
    if request.sampling.schema:
        return json_object(answer.text) is not None
    choices = [choice.strip() for choice in request.sampling.choices]
    if choices:
        return label_of(answer.text) in choices
    return any(inputs_of(answer.text, listed=bool(request.sampling.inputs)))


@dataclass(frozen=True, slots=True)
class Bound:
    """A budget's name, and the advice on how to raise the budget."""

    name: str
    how: str


BUDGET = Bound("the budget", "Raise budget.usd in task.toml and run again")
CONSENT = Bound(
    "the cost agreed to for this call",
    "Run again and agree to more (--yes, or a higher --max-usd)",
)


class BudgetReached(DistillError):
    """The error that the next request could exceed the budget.

    `more`: a sentence on the answers that a higher budget would buy, or "".
    """

    def __init__(
        self,
        budget_usd: Decimal,
        committed_usd: Decimal,
        next_usd: Decimal,
        more: str = "",
        bound: Bound = BUDGET,
    ) -> None:
        super().__init__(
            f"{bound.name} is reached: ${committed_usd:.4f} of ${budget_usd} are spent or may have "
            f"been billed, and the next request could cost ${next_usd:.4f}.\n{more}"
            f"Every paid answer is stored. {bound.how}: the run reuses the stored answers."
        )
        self._reached = (budget_usd, committed_usd, next_usd)
        self._more, self._bound = more, bound

    def buying(self, missing: int, mean_usd: Decimal | None) -> "BudgetReached":
        """Return a copy of this error that adds the number and cost of the missing answers."""
        about = "" if mean_usd is None else f", about ${missing * mean_usd:.4f} at the mean so far"
        more = f"A higher limit buys {missing:,} more answers{about}.\n"
        return BudgetReached(*self._reached, more, self._bound)

    def by(self, bound: Bound) -> "BudgetReached":
        """Return a copy of this error that names another bound."""
        return BudgetReached(*self._reached, self._more, bound)


class UnusableAnswers(DistillError):
    """The error that none of a teacher's first answers is usable."""

    def __init__(self, answers: Sequence[Completion]) -> None:
        shown = "\n".join(f"  {row.problem or row.text[:SHOWN]!r}" for row in answers[:3])
        super().__init__(
            f"none of the first {len(answers)} answers can be used; three of them:\n{shown}\n"
            "They are stored, and no further request was sent. Check the prompts, or choose "
            "another teacher.model. If the server was at fault, fix it and run with --ask-again."
        )


class SpendLedger:
    """The ledger of one purpose of a run, kept in the store."""

    def __init__(self, store: Store, run_id: str, endpoint: Endpoint, budget_usd: Decimal) -> None:
        self._store, self._run_id = store, run_id
        self._endpoint, self._budget_usd = endpoint, budget_usd
        self._settled_usd = store.committed_usd(run_id)
        self._in_batches = dict(reserved_usd(store, run_id))
        self._first_look = 0
        self._overrun = Decimal(1)  # the highest ratio of a bill to the worst case
        self.remarks: dict[str, None] = {}  # remarks on odd answers, each once
        self._useless: list[Completion] = []
        self._reserved: dict[str, Decimal] = {}
        self._reserved_usd = sum(self._in_batches.values(), store.trainings_out_usd(run_id))
        self._held: deque[Request] = deque()
        self._requests: Iterator[Request] = iter(())
        self._on_answers: OnAnswers = lambda answers: None

    def ask(
        self,
        requests: Iterator[Request],
        on_answers: OnAnswers | None = None,
        *,
        first_look: int = 0,
    ) -> "SpendLedger":
        """Replace the requests to send, and return this ledger.

        `on_answers`: called after answers are stored.
        `first_look`: the number of first answers, at least one of which must be usable; 0 for no
            check. If none is usable, no further attempt begins.
        """
        self._requests, self._on_answers = requests, on_answers or self._on_answers
        self._held.clear()
        self._first_look = first_look
        return self

    def turn(
        self, outcomes: Sequence[AttemptOutcome], again: Sequence[Request], wanted: int
    ) -> Sequence[Attempt]:
        """Record outcomes and begin attempts, in one transaction; return the attempts.

        Raises BudgetReached if nothing is pending and the budget does not cover the next request.
        Raises UnusableAnswers if nothing is pending and none of the first answers is usable.
        """
        answers = [row.completion for row in outcomes if row.completion is not None]
        self._held.extend(again)
        with self._store.transaction():
            self._store.add_completions(answers)
            self._store.add_outcomes(outcomes)
            for outcome in outcomes:
                self._settle(outcome)
            begun = list(islice(self._begin(), self._room(wanted)))
            self._store.add_attempts(self._run_id, begun)
        if answers:
            self._on_answers(answers)
        if not self._reserved and wanted > 0:
            self._stop_if_useless()
            if self._held:
                raise self._reached(self._held[0])
        return begun

    def _settle(self, outcome: AttemptOutcome) -> None:
        """Book an outcome's cost, unless the attempt belongs to another run's batch."""
        name = outcome.attempt.id
        reserved = self._reserved.pop(name, None) or self._in_batches.pop(name, Decimal(0))
        self._reserved_usd -= reserved
        self._remember(outcome)
        if reserved:
            self._settled_usd += outcome.usd
        if self._first_look and outcome.completion is not None:
            if is_valid_answer(outcome.attempt.request, outcome.completion):
                self._first_look = 0
            else:
                self._useless.append(outcome.completion)

    def _remember(self, outcome: AttemptOutcome) -> None:
        """Keep an answer's remark. After a bill above the worst case, reserve more per request."""
        if outcome.remark:
            self.remarks[outcome.remark] = None
        worst = outcome.attempt.worst_usd
        if worst and outcome.completion is not None:
            self._overrun = max(self._overrun, outcome.usd / worst)

    def _room(self, wanted: int) -> int:
        """Return the number of attempts to begin: `wanted`, or fewer during the first look."""
        if self._first_look:
            wanted = min(wanted, self._first_look - len(self._useless) - len(self._reserved))
        return max(wanted, 0)

    def _stop_if_useless(self) -> None:
        if self._first_look and len(self._useless) >= self._first_look:
            raise UnusableAnswers(self._useless)

    def _begin(self) -> Iterator[Attempt]:
        """Yield new attempts while the budget covers their worst case on top of all other costs."""
        while (request := self._next()) is not None:
            worst = self.worst(request)
            committed = self._settled_usd + self._reserved_usd
            if worst and committed + worst > self._budget_usd:
                return
            self._held.popleft()
            attempt = Attempt(secrets.token_hex(ATTEMPT_ID_BYTES), request, worst)
            self._reserved[attempt.id] = worst
            self._reserved_usd += worst
            yield attempt

    def _next(self) -> Request | None:
        """Return the next request without removing it from the queue; None after the last."""
        if not self._held:
            self._held.extend(islice(self._requests, 1))
        return self._held[0] if self._held else None

    def worst(self, request: Request) -> Decimal:
        """Return the maximum cost of a request in USD."""
        worst = self._endpoint.price.worst(*worst_case(self._endpoint.model, request))
        return worst if self._overrun == 1 else (worst * self._overrun).quantize(USD_PLACES)

    def _reached(self, request: Request) -> BudgetReached:
        return BudgetReached(self._budget_usd, self._settled_usd, self.worst(request))
