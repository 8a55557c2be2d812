"""The reading of whole logs, as a stream of calls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from distill.core.errors import InputError
from distill.task.logs import BrokenLine, LoggedCall, UnusableCall
from distill.task.logs.rows import rows_of
from distill.task.logs.shapes import calls_of

MOST_BROKEN = 0.01  # share of the lines
ENOUGH = 1000  # broken lines after which reading ends early if they are too many
KNOWN = (
    "known are stored completions and requests with responses of OpenAI, chat JSON lines, "
    "LiteLLM_SpendLogs, observations of Langfuse, Helicone's export with bodies, and spans of "
    "OpenTelemetry"
)


@dataclass
class Broken:
    """The broken lines of logs: their number, and the message on the first."""

    lines: int = 0
    count: int = 0
    first: str = ""

    def add(self, message: str) -> None:
        """Add a broken line."""
        self.count += 1
        self.first = self.first or message

    def check(self) -> None:
        """Raise InputError, with the first broken line, if more than 1 % are broken."""
        if self.count > MOST_BROKEN * self.lines:
            more = f" {self.count:,} of {self.lines:,} lines are broken." if self.count > 1 else ""
            raise InputError(
                f"{self.first}.{more} Nothing was imported: correct or remove "
                f"{'such lines' if self.count > 1 else 'the line'}"
            )


def read_calls(
    paths: Sequence[Path], broken: Broken, encoding: str = ""
) -> Iterator[LoggedCall | UnusableCall]:
    """Yield the calls of logs one by one, and count the lines that cannot be read in `broken`.

    `encoding`: the encoding of CSV files, if it is not UTF-8. Raises InputError for a file that
    cannot be read, and for more than 1 % broken lines.
    """
    for path in paths:
        for found in rows_of(path, encoding):
            broken.lines += 1
            if isinstance(found, BrokenLine):
                broken.add(found.message)
                if broken.count >= ENOUGH:
                    broken.check()
                continue
            place, row = found
            try:
                calls = calls_of(row, place)
                if calls is None:
                    broken.add(f"{place}: no logged call: {KNOWN}")
                    continue
                yield from list(calls)
            except RecursionError:
                broken.add(f"{place}: nested too deeply")
    broken.check()
