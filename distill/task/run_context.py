"""The context of a run: what every stage is given."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from distill.core.progress import Progress
from distill.store import Store, open_store
from distill.task import Task


@dataclass(frozen=True, slots=True)
class Context:
    """What every stage is given: the task, its run, where things lie, whom to tell, whether the
    user leaves instead of waiting for batches, and the most that the run may have been billed when
    the call ends (`limit_usd`; None for the task's budget)."""

    task: Task
    run_id: str
    folder: Path
    database: Path
    progress: Progress
    detach: bool = False
    limit_usd: Decimal | None = None

    @property
    def budget_usd(self) -> Decimal:
        """USD that the run may have been billed: the task's budget, or less by the consent."""
        budget = self.task.spec.budget.usd
        return budget if self.limit_usd is None else min(budget, self.limit_usd)

    @property
    def is_limited(self) -> bool:
        """Does the consent carry less than the task's budget?"""
        return self.budget_usd < self.task.spec.budget.usd

    def store(self) -> AbstractContextManager[Store]:
        """The task's store, for as long as the block lasts."""
        return open_store(self.database)

    def log(self, name: str) -> Path:
        """The log file of a child process."""
        return self.folder / "logs" / f"{name}.log"
