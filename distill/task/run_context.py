"""The context of a run, which every stage gets."""

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

    - folder, database: places of the run's files and of the task's store
    - progress: receiver of messages to the user
    - detach: True to return instead of waiting for batches
    - limit_usd: the most that the run may have been billed at the end; None for the task's budget
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
        """USD that the run may have been billed: the task's budget, or less by the consent."""
        budget = self.task.spec.budget.usd
        return budget if self.limit_usd is None else min(budget, self.limit_usd)

    @property
    def is_limited(self) -> bool:
        """True if the consent covers less than the task's budget."""
        return self.budget_usd < self.task.spec.budget.usd

    def store(self) -> AbstractContextManager[Store]:
        """Hold the task's store open."""
        return open_store(self.database)

    def log(self, name: str) -> Path:
        """Return the path of a child process's log."""
        return self.folder / "logs" / f"{name}.log"
