"""What a call may be billed: the user's consent, held against the plan before anything is sent.

In: a consent, and the plan of what is left to be paid. Out: the most that the run may have been
billed when the call ends, or an error. A key in the environment agrees to nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from distill.core.errors import DistillError, InputError
from distill.core.model_ref import AUTO, WITHOUT_KEY, key_variables
from distill.estimate.costs import CostEstimate, dollars
from distill.store import Store
from distill.task import Task

Agree = Callable[[CostEstimate], bool]


@dataclass(frozen=True, slots=True)
class Consent:
    """What a call may be billed: at most `max_usd`, None for what `budget.usd` leaves. `agree` asks
    the user about an estimate above `budget.ask_above_usd`; None asks nobody."""

    max_usd: Decimal | None = Decimal(0)
    agree: Agree | None = None

    @property
    def is_given(self) -> bool:
        """May anything be billed?"""
        return self.max_usd is None or self.max_usd > 0


NO_CONSENT = Consent()
WHOLE_BUDGET = Consent(max_usd=None)


class NotAgreed(InputError):
    """Something would be billed that nobody agreed to; nothing was sent."""


class Declined(DistillError):
    """The user does not want to pay what the run is estimated to cost."""

    def __init__(self, task: str, usd: Decimal) -> None:
        super().__init__(
            f"declined: the estimated {dollars(usd)} were not spent, nothing was asked. "
            f"`distill plan {task}` shows what they are for."
        )


def check_consent(task: Task, left: CostEstimate, consent: Consent) -> None:
    """Ask the user, where somebody is there and the estimate is above `budget.ask_above_usd`.

    Raises NotAgreed for an estimate that nobody agreed to, Declined for an answer of no. Does
    nothing for a plan of which nothing is billed.
    """
    if not left.worst_usd:
        return
    usd, most = left.expected_usd, consent.max_usd
    if not consent.is_given:
        raise NotAgreed(
            f"{task.name}: {left.words}. Nothing was sent: a key in the environment is no consent, "
            f"and there is no terminal to ask at. {_ways(task, left)}"
        )
    if most is not None and usd > most:
        raise NotAgreed(
            f"{task.name}: {left.words}. Nothing was sent: the estimate is above --max-usd {most}. "
            f"{_ways(task, left)}"
        )
    asked = usd > task.spec.budget.ask_above_usd
    if asked and consent.agree is not None and not consent.agree(left):
        raise Declined(task.name, usd)


def _ways(task: Task, left: CostEstimate) -> str:
    """How to go on."""
    ways = [
        f"--yes spends up to budget.usd ({dollars(left.budget_usd)})",
        "--max-usd N spends at most N, where the estimate is no more than that",
    ]
    if left.price is not None:
        file, keys = task.folder / "task.toml", " and ".join(key_variables().values())
        ways.append(f'teacher.model = "{WITHOUT_KEY}" in {file} sends no bill')
        ways.append(f'nor does "{AUTO}" in a new run (--new) with {keys} unset')
    return f"To go on: {'; '.join(ways)}."


def limit_usd(task: Task, store: Store, run_id: str, consent: Consent) -> Decimal:
    """USD that the run may have been billed when the call ends: `budget.usd`, or what it was billed
    before the call and `max_usd` more. What batches and trainings of earlier calls still bring is a
    part of these."""
    if consent.max_usd is None:
        return task.spec.budget.usd
    store.settle_lost()
    return min(task.spec.budget.usd, store.committed_usd(run_id) + consent.max_usd)
