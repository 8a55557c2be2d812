"""The context of a run, which is passed to every stage."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from distill.core.progress import Progress
from distill.store import Store, open_store
from distill.task import Task


@dataclass(frozen=True, slots=True)
class Context:
    """The context of a run.

    `folder`: the folder of the run's files.
    `database`: the path of the task's store.
    `progress`: the reporter of progress to the user.
    `detach`: True to return instead of waiting for batches.
    `limit_usd`: the maximum total bill of the run by the user's consent; None for the task's
        budget.
    """

    task: Task
    run_id: str
    folder: Path
    database: Path
    progress: Progress
    detach: bool = False
    limit_usd: Decimal | None = None

    @property
    def budget_usd(self) -> Decimal:
        """The maximum total bill of the run in USD: the task's budget or the consent, if lower."""
        budget = self.task.spec.budget.usd
        return budget if self.limit_usd is None else min(budget, self.limit_usd)

    @property
    def is_limited(self) -> bool:
        """True if the consent is lower than the task's budget."""
        return self.budget_usd < self.task.spec.budget.usd

    def store(self) -> AbstractContextManager[Store]:
        """Open the task's store for a `with` block."""
        return open_store(self.database)

    def log(self, name: str) -> Path:
        """Return the path of the log of a child process."""
        return self.folder / "logs" / f"{name}.log"
