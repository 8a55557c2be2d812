"""The exception classes of the tool.

Only `cli.main` turns an error into a message and an exit code.
"""

from decimal import Decimal
from pathlib import Path


class DistillError(Exception):
    """A failure to report to the user; the message names the failure, the place and the remedy."""

    exit_code = 1


class InputError(DistillError):
    """An unusable input: an argument, a task file, or a store that another process has locked."""

    exit_code = 2


class TrainingEnded(DistillError):
    """The end of a fine-tuning job without a student; `usd` is the job's bill."""

    def __init__(self, message: str, usd: Decimal = Decimal(0)) -> None:
        super().__init__(message)
        self.usd = usd


class ChildError(DistillError):
    """A child process (server, trainer) that ended or was not ready in time."""

    def __init__(
        self, what: str, exit_code: int | None, log: Path, *, tail_lines: int = 20
    ) -> None:
        ended = "was not ready in time" if exit_code is None else f"ended with code {exit_code}"
        super().__init__(f"{what} {ended}. The last lines of {log}:\n{log_tail(log, tail_lines)}")


def log_tail(log: Path, lines: int) -> str:
    """Return the last `lines` lines of a log; a remark if the log is missing or empty."""
    if not log.exists():
        return "(the log was never written)"
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(text[-lines:]) or "(the log is empty)"
