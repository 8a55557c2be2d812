"""The exception classes of the tool.

Only `cli.main` turns an error into a message and an exit code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

MOST_SHOWN = 20  # problems of a file in a message
MOST_LINES = 5  # further lines with the same problem in a message
# A message that begins so makes a sentence with its place, and a remedy that begins so is no order.
VERBS = ("is ", "has ", "does ", "cannot ", "equals ")
SUGGESTIONS = ("known", "did you mean")
T = TypeVar("T")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of an input: what is wrong, where, and the remedy.

    `file`, `key`, `fix`: "" if unknown. `line`: None if unknown.
    """

    message: str
    file: str = ""
    line: int | None = None
    key: str = ""
    fix: str = ""

    @classmethod
    def at(cls, place: str, message: str, fix: str = "") -> "Problem":
        """Return a problem at a place: `rows.csv:12`, or a file without lines."""
        file, _, line = place.rpartition(":")
        if file and line.isdecimal():
            return cls(message, file, int(line), fix=fix)
        return cls(message, place, fix=fix)

    def __str__(self) -> str:
        return self.with_lines([])

    def with_lines(self, lines: Sequence[int]) -> str:
        """Return the problem as one line, with the further lines of the file that have it."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        told = f"{place}{' ' if self.message.startswith(VERBS) else ': '}" if place else ""
        told += self.message
        if self.fix:
            told += f"{'; ' if self.fix.startswith(SUGGESTIONS) else ': '}{self.fix}"
        return f"{told}{also_in(lines)}"


def also_in(lines: Sequence[int]) -> str:
    """Return the end of a message that names further lines, as in " (also in lines 3, 5)"."""
    if not lines:
        return ""
    named = ", ".join(str(line) for line in lines[:MOST_LINES])
    more = len(lines) - MOST_LINES
    rest = f" and {more:,} more" if more > 0 else ""
    return f" (also in {'line' if len(lines) == 1 else 'lines'} {named}{rest})"


class DistillError(Exception):
    """A failure to report to the user; the message names the failure, the place and the remedy."""

    exit_code = 1

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems, at least one."""
        return (Problem(str(self)),)

    @property
    def lines(self) -> list[str]:
        """The message of each problem for the user."""
        return [str(self)]


class InputError(DistillError):
    """An unusable input: an argument, a task file, or a store that another process has locked."""

    exit_code = 2


class InvalidInput(InputError):
    """One or more problems of the user's files or settings.

    The message has a line for each problem. Equal problems of a file share a line.
    """

    def __init__(self, *problems: Problem) -> None:
        self._problems = problems
        super().__init__("\n".join(self.lines))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems, at least one."""
        return self._problems

    @property
    def lines(self) -> list[str]:
        """The message of each problem: of each file the first MOST_SHOWN."""
        return [problem.with_lines(others) for problem, others in self.grouped]

    @property
    def grouped(self) -> list[tuple[Problem, list[int]]]:
        """The problems, each with the further lines that have it.

        Of each file the first MOST_SHOWN; the number of the others is the message of one more.
        """
        groups: dict[str, dict[tuple[str, str], list[Problem]]] = {}
        for problem in self._problems:
            same = groups.setdefault(problem.file, {})
            same.setdefault((problem.message, problem.fix), []).append(problem)
        found: list[tuple[Problem, list[int]]] = []
        for file, of_file in groups.items():
            for equal in list(of_file.values())[:MOST_SHOWN]:
                others = [one.line for one in equal[1:] if one.line is not None]
                found.append((equal[0], others))
            if more := sum(map(len, list(of_file.values())[MOST_SHOWN:])):
                found.append((Problem(f"and {more:,} more", file), []))
        return found


class KeyMissing(InvalidInput):
    """A key that is not set, or that its provider does not accept."""

    exit_code = 4


class Gathered:
    """The problems of several checks, for one error with all of them."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def of(self, check: Callable[[], T], otherwise: Other) -> T | Other:
        """Return the result of a check, or `otherwise` if the check finds problems."""
        try:
            return check()
        except InvalidInput as error:
            self._problems += error.problems
            return otherwise

    def add(self, problem: Problem) -> None:
        """Add a problem."""
        self._problems.append(problem)

    def check(self) -> None:
        """Raise InvalidInput if there are problems."""
        if self._problems:
            raise InvalidInput(*dict.fromkeys(self._problems))


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
