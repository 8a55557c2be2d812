"""The one error tree. `cli.main` turns it into a message and an exit code; nothing else does."""

from decimal import Decimal
from pathlib import Path


class DistillError(Exception):
    """Something failed that the user must know of; the message says what, where and what to do."""

    exit_code = 1


class InputError(DistillError):
    """What the user gave cannot be used: arguments, a task's files, a store held elsewhere."""

    exit_code = 2


class TrainingEnded(DistillError):
    """A training at a provider ended without a student, and was billed `usd`."""

    def __init__(self, message: str, usd: Decimal = Decimal(0)) -> None:
        super().__init__(message)
        self.usd = usd


class ChildError(DistillError):
    """A child process (server, trainer) ended or did not get ready."""

    def __init__(
        self, what: str, exit_code: int | None, log: Path, *, tail_lines: int = 20
    ) -> None:
        ended = "did not get ready in time" if exit_code is None else f"ended with code {exit_code}"
        super().__init__(f"{what} {ended}. The last lines of {log}:\n{log_tail(log, tail_lines)}")


def log_tail(log: Path, lines: int) -> str:
    """The last `lines` lines of a log, or a word that there is none."""
    if not log.exists():
        return "(the log was never written)"
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(text[-lines:]) or "(the log is empty)"
