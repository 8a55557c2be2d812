"""Progress of a run, as bars or lines on standard error and as events in `events.jsonl`.

Without a terminal, a line per step replaces the bars. `distill status` reads the events.
"""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

EVENT_SECONDS = 1.0
LOG = logging.getLogger("distill")
LOG.setLevel(logging.INFO)

Advance = Callable[[int], None]


@dataclass
class Progress:
    """A reporter of a run's steps: bars or lines for the user, and events in a file.

    `events`: the file to which events are appended.
    `say`: a function that prints a line.
    `bars`: the progress bars; None without a terminal.
    """

    events: Path
    say: Callable[[str], None]
    bars: "Bars | None" = None

    @contextmanager
    def step(self, stage: str, name: str, total: int | None = None) -> Iterator[Advance]:
        """Report the block as a step of a stage; the block calls `advance(n)` per `n` items done.

        `total`: the number of items; None if unknown.
        """
        step = _Step(self, stage, name, total)
        step.event("begin")
        try:
            yield step.advance
        except BaseException as error:
            step.event("failed", error=type(error).__name__)
            raise
        else:
            step.event("end")
            self.say(step.line())
        finally:
            step.close()

    def note(self, stage: str, text: str) -> None:
        """Print a remark and append it to the events."""
        self.write({"stage": stage, "event": "note", "text": text})
        self.say(f"{stage}: {text}")

    def write(self, event: dict[str, Any]) -> None:
        """Append an event with the current time."""
        self.events.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds")} | event)
        with self.events.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


@dataclass
class _Step:
    progress: Progress
    stage: str
    name: str
    total: int | None
    done: int = 0
    began: float = field(default_factory=monotonic)
    told: float = 0.0
    bar: Any = None

    def __post_init__(self) -> None:
        if self.progress.bars is not None:
            title = f"{self.stage}: {self.name}"
            self.bar = self.progress.bars.add_task(title, total=self.total)

    def advance(self, n: int) -> None:
        self.done += n
        if self.progress.bars is not None:
            self.progress.bars.update(self.bar, completed=self.done)
        if monotonic() - self.told >= EVENT_SECONDS:
            self.told = monotonic()
            self.event("progress")

    def event(self, event: str, **more: object) -> None:
        self.progress.write(
            {
                "stage": self.stage,
                "step": self.name,
                "event": event,
                "done": self.done,
                "total": self.total,
                "seconds": round(monotonic() - self.began, 1),
                **more,
            }
        )

    def line(self) -> str:
        count = f" {self.done}" if self.done else ""
        return f"{self.stage}: {self.name}{count} in {monotonic() - self.began:.0f} s"

    def close(self) -> None:
        if self.progress.bars is not None:
            self.progress.bars.remove_task(self.bar)


def tells() -> bool:
    """True if progress and remarks are shown; errors and results always are."""
    return LOG.isEnabledFor(logging.INFO)


@contextmanager
def loudness(*, quiet: bool, verbose: bool) -> Iterator[None]:
    """Show no progress within the block (`quiet`), or each detail, too (`verbose`)."""
    before, handler = LOG.level, logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    if verbose:
        LOG.addHandler(handler)
    LOG.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(before)


def _nothing(line: str) -> None:
    """Say nothing."""


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


@contextmanager
def shown(events: Path) -> Iterator[Progress]:
    """Provide a reporter that writes to standard error: bars on a terminal, otherwise lines.

    Both are left out with --quiet.
    """
    if not tells():
        yield Progress(events, _nothing)
        return
    if not sys.stderr.isatty():
        yield Progress(events, _say)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        yield Progress(events, lambda line: bars.console.print(line, markup=False), bars)
