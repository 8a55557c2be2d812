"""A ledger in memory, for what needs none in a store."""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import count

from distill.core.requests import Attempt, AttemptOutcome, Completion, Request


class Books:
    """Gives out `requests`, keeps every outcome, and counts what was begun."""

    def __init__(self, requests: Sequence[Request], worst_usd: Decimal = Decimal(0)) -> None:
        self.requests = deque(requests)
        self.worst_usd = worst_usd
        self.outcomes: list[AttemptOutcome] = []
        self.begun: list[Attempt] = []
        self._ids = count()

    def turn(
        self, outcomes: Sequence[AttemptOutcome], again: Sequence[Request], wanted: int
    ) -> Sequence[Attempt]:
        self.outcomes.extend(outcomes)
        self.requests.extendleft(again)
        number = min(max(wanted, 0), len(self.requests))
        begun = [
            Attempt(str(next(self._ids)), self.requests.popleft(), self.worst_usd)
            for _ in range(number)
        ]
        self.begun += begun
        return begun

    @property
    def completions(self) -> list[Completion]:
        """What was answered."""
        return [row.completion for row in self.outcomes if row.completion is not None]
