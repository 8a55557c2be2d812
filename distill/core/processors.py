"""A block that is timed → the share of this machine's processors that other processes took in it.

Counted are the processors that this process may use. Our own processes are this one and all that
descend from it, a server or a trainer among them. Time that the host of a virtual machine gave to
others counts as theirs.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

# Of the processors. docs/money.md says how much slower a server was beside so much.
DISTURBED_FROM = 0.1
LEAST_SECONDS = 0.5  # the kernel counts in hundredths of a second
CGROUPS, GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


@dataclass(slots=True)
class Watch:
    """The share of the processors that others took, 0 to 1. None before the block has ended, and
    where it was too short or the kernel counts nothing."""

    others_cpu: float | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit that the control group of this process has: processors, and the group's files."""

    processors: float
    folder: Path

    def seconds(self) -> float:
        """Processor seconds that the group took so far; 0 where it does not count them."""
        with suppress(OSError, ValueError):
            return int((self.folder / "cpuacct.usage").read_text(encoding="ascii")) / 1e9
        with suppress(OSError, ValueError, KeyError):
            lines = (self.folder / "cpu.stat").read_text(encoding="ascii").splitlines()
            return int(dict(line.split() for line in lines)["usage_usec"]) / 1e6
        return 0.0


@dataclass(frozen=True, slots=True)
class Counters:
    """Seconds on the clock, and processor seconds so far: of everybody on our processors, of our
    processes, and of our control group (0 without a quota)."""

    clock: float
    everybody: float
    ours: float
    group: float = 0.0


@contextmanager
def watched() -> Iterator[Watch]:
    """Measure what other processes take for as long as the block lasts."""
    quota, usable = quota_of(CGROUPS), os.sched_getaffinity(0)
    watch, known = Watch(), _our_processes(())
    before = _counters(known, usable, quota)
    try:
        yield watch
    finally:
        after = _counters(_our_processes(known), usable, quota)
        watch.others_cpu = others_share(before, after, len(usable), quota)


def is_disturbed(others_cpu: float | None) -> bool:
    """Whether others took so much that a time says nothing; an unknown share does not show it."""
    return others_cpu is not None and others_cpu > DISTURBED_FROM


def others_share(
    before: Counters, after: Counters, processors: int, quota: Quota | None = None
) -> float | None:
    """The share of the processors that others took between two readings, 0 to 1. With a quota they
    take something from us within our control group, or where too few processors are left for it.
    """
    seconds, everybody = after.clock - before.clock, after.everybody - before.everybody
    if seconds < LEAST_SECONDS or everybody <= 0:
        return None
    ours = after.ours - before.ours
    others, room = everybody - ours, float(processors)
    if quota is not None and quota.processors < processors:
        room = quota.processors
        beyond = others - (processors - room) * seconds
        others = max(beyond, after.group - before.group - ours)
    return min(max(others / (room * seconds), 0.0), 1.0)


def quota_of(root: Path, groups: Path = GROUPS) -> Quota | None:
    """The tightest quota of this process's control groups under `root`; None without one. `groups`
    names them.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst (`cpu.max`), scheduler/sched-bwc.rst.
    """
    lines = groups.read_text(encoding="utf-8").splitlines() if groups.exists() else []
    found = [
        quota for line in lines for folder in _folders(root, line) for quota in _quotas(folder)
    ]
    return min(found, key=lambda quota: quota.processors, default=None)


def _folders(root: Path, line: str) -> Iterator[Path]:
    """A group's folder and those of the groups that it is in: `0::/a/b`, `3:cpu,cpuacct:/a/b`."""
    _, controllers, path = line.split(":", 2)
    if not controllers or "cpu" in controllers.split(","):
        top = root / controllers
        inner = top / path.strip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(top))


def _quotas(folder: Path) -> Iterator[Quota]:
    with suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            yield Quota(int(quota) / int(period), folder)
    with suppress(OSError, ValueError):
        quota, period = (
            (folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii")
            for name in ("quota", "period")
        )
        if int(quota) > 0:
            yield Quota(int(quota) / int(period), folder)


def _counters(
    ours: "tuple[psutil.Process, ...]", usable: set[int], quota: Quota | None
) -> Counters:
    group = quota.seconds() if quota else 0.0
    return Counters(monotonic(), _everybody(usable), sum(map(_taken, ours)), group)


def _everybody(usable: set[int]) -> float:
    """Waiting for a disk is idling; what the kernel does for interrupts is nobody's."""
    import psutil

    times = psutil.cpu_times(percpu=True)
    busy = (
        row.user + row.nice + row.system + getattr(row, "steal", 0.0)
        for number, row in enumerate(times)
        if number in usable
    )
    return float(sum(busy))


def _our_processes(known: "tuple[psutil.Process, ...]") -> "tuple[psutil.Process, ...]":
    """This process and its descendants; those `known` before stay ours when their parent ends."""
    import psutil

    this = psutil.Process()
    return tuple(dict.fromkeys((this, *known, *this.children(recursive=True))))


def _taken(process: "psutil.Process") -> float:
    """Processor seconds of a process and of its children that have ended; 0 of one that has ended
    itself, whose parent has them."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        ended = times.children_user + times.children_system
        return float(times.user + times.system + ended)
    return 0.0
