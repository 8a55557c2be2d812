"""The check of the user's consent against the planned bill, before anything is sent.

A key in the environment is not consent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from distill.core.errors import DistillError, InputError
from distill.core.model_ref import AUTO, WITHOUT_KEY, key_names
from distill.core.numbers import exact_dollars
from distill.estimate.costs import CostEstimate
from distill.store import Store
from distill.task import Task

Agree = Callable[[CostEstimate], bool]


@dataclass(frozen=True, slots=True)
class Consent:
    """The user's consent to the bill of a call.

    `max_usd`: the maximum bill in USD; None for the rest of `budget.usd`.
    `agree`: a function that asks the user about an estimate above `budget.ask_above_usd`; None if
        nobody can be asked.
    """

    max_usd: Decimal | None = Decimal(0)
    agree: Agree | None = None

    @property
    def is_given(self) -> bool:
        """True if the consent allows any bill."""
        return self.max_usd is None or self.max_usd > 0


NO_CONSENT = Consent()
WHOLE_BUDGET = Consent(max_usd=None)


class NotAgreed(InputError):
    """A planned bill without consent; nothing was sent."""


class Declined(DistillError):
    """The user's refusal to pay the estimated cost of a run."""

    def __init__(self, task: str, usd: Decimal) -> None:
        super().__init__(
            f"declined: nothing was sent, and the estimated {exact_dollars(usd)} were not spent. "
            f"`distill plan {task}` shows each cost."
        )


def check_consent(task: Task, left: CostEstimate, consent: Consent) -> None:
    """Check the consent, and ask the user if the estimate is above `budget.ask_above_usd`.

    The user is not asked if `consent.agree` is None, or if the plan bills nothing. Raises NotAgreed
    if the estimate is above the consent. Raises Declined if the user's answer is no.
    """
    if not left.worst_usd:
        return
    usd, most = left.expected_usd, consent.max_usd
    if not consent.is_given:
        raise NotAgreed(
            f"{task.name}: {left.words}. Nothing was sent: a key in the environment is not "
            f"consent, and without a terminal you cannot be asked. {_ways(task, left)}"
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
    """List the ways to continue, as a sentence."""
    ways = [
        f"--yes allows bills up to budget.usd ({exact_dollars(left.budget_usd)})",
        "--max-usd N allows bills up to N, which must cover the estimate",
    ]
    if left.price is not None:
        file, keys = task.folder / "task.toml", " and ".join(key_names())
        ways.append(f'teacher.model = "{WITHOUT_KEY}" in {file} costs nothing')
        ways.append(f'"{AUTO}" in a new run (--new) with {keys} unset costs nothing, either')
    return f"To continue: {'; '.join(ways)}."


def limit_usd(task: Task, store: Store, run_id: str, consent: Consent) -> Decimal:
    """Return the maximum total bill of the run, in USD, at the end of the call.

    The limit is the lower of `budget.usd` and (earlier bills + `max_usd`). Bills that arrive late
    for batches and fine-tuning jobs of earlier calls count against it.
    """
    if consent.max_usd is None:
        return task.spec.budget.usd
    store.settle_lost()
    return min(task.spec.budget.usd, store.committed_usd(run_id) + consent.max_usd)
