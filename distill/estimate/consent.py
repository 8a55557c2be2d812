"""The user's consent to a bill, checked against the plan before anything is sent.

In: a consent, and the plan of the payments that are left. Out: the max USD that the run may have
been billed when the call ends, or an error. A key in the environment is not consent.
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
    """The user's consent to the bill of a call.

    `max_usd`: the max USD; None for all that `budget.usd` leaves.
    `agree`: asks the user about an estimate above `budget.ask_above_usd`; None asks nobody.
    """

    max_usd: Decimal | None = Decimal(0)
    agree: Agree | None = None

    @property
    def is_given(self) -> bool:
        """True if anything may be billed."""
        return self.max_usd is None or self.max_usd > 0


NO_CONSENT = Consent()
WHOLE_BUDGET = Consent(max_usd=None)


class NotAgreed(InputError):
    """A bill without consent; nothing was sent."""


class Declined(DistillError):
    """The user's refusal to pay the estimated cost of a run."""

    def __init__(self, task: str, usd: Decimal) -> None:
        super().__init__(
            f"declined: the estimated {dollars(usd)} were not spent, nothing was asked. "
            f"`distill plan {task}` shows what they are for."
        )


def check_consent(task: Task, left: CostEstimate, consent: Consent) -> None:
    """Check the consent, and ask the user if the estimate is above `budget.ask_above_usd`.

    Nobody is asked without `consent.agree`. Raises NotAgreed if the consent does not cover the
    estimate. Raises Declined if the user's answer is no. Does nothing if the plan bills nothing.
    """
    if not left.worst_usd:
        return
    usd, most = left.expected_usd, consent.max_usd
    if not consent.is_given:
        raise NotAgreed(
            f"{task.name}: {left.words}. Nothing was sent: a key in the environment is not "
            f"consent, and there is no terminal to ask at. {_ways(task, left)}"
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
    """List the ways to go on, as a sentence."""
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
    """Return the max USD that the run may have been billed when the call ends.

    The limit is `budget.usd`, or the USD billed before the call plus `max_usd` if that is less.
    Later bills for batches and trainings of earlier calls count against this limit.
    """
    if consent.max_usd is None:
        return task.spec.budget.usd
    store.settle_lost()
    return min(task.spec.budget.usd, store.committed_usd(run_id) + consent.max_usd)
