"""Measurement of the processor time that other processes use during a timed block.

Only the processors that this process may use count. Our processes are this one and its descendants,
such as servers and trainers. Steal time, which a virtual machine's host gives to other machines,
counts as other processes' time.
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

# Share of the processors; docs/money.md gives the slowdown of a server at this share.
DISTURBED_FROM = 0.1
LEAST_SECONDS = 0.5  # the kernel counts processor time in steps of 10 ms
CGROUPS, GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


@dataclass(slots=True)
class Watch:
    """A measurement of the processors that other processes use during a `with` block.

    `others_cpu`: their share of the processors, 0 to 1. None until the block ends, for a block
    under LEAST_SECONDS, and without kernel counters.
    """

    others_cpu: float | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """The CPU limit of a control group: a number of processors, and the group's folder."""

    processors: float
    folder: Path

    def seconds(self) -> float:
        """Return the group's processor seconds so far; 0 if the kernel does not count them."""
        with suppress(OSError, ValueError):
            return int((self.folder / "cpuacct.usage").read_text(encoding="ascii")) / 1e9
        with suppress(OSError, ValueError, KeyError):
            lines = (self.folder / "cpu.stat").read_text(encoding="ascii").splitlines()
            return int(dict(line.split() for line in lines)["usage_usec"]) / 1e6
        return 0.0


@dataclass(frozen=True, slots=True)
class Counters:
    """A reading of the clock and of the processor time, in seconds.

    `clock`: the time of a monotonic clock.
    `everybody`: the processor time of all processes on our processors.
    `ours`: the processor time of our processes.
    `group`: the processor time of our control group; 0 without a quota.
    """

    clock: float
    everybody: float
    ours: float
    group: float = 0.0


@contextmanager
def watched() -> Iterator[Watch]:
    """Measure the share of the processors that other processes use during the block."""
    quota, usable = quota_of(CGROUPS), os.sched_getaffinity(0)
    watch, known = Watch(), _our_processes(())
    before = _counters(known, usable, quota)
    try:
        yield watch
    finally:
        after = _counters(_our_processes(known), usable, quota)
        watch.others_cpu = others_share(before, after, len(usable), quota)


def is_disturbed(others_cpu: float | None) -> bool:
    """True if the share makes a timing invalid; False for an unknown share."""
    return others_cpu is not None and others_cpu > DISTURBED_FROM


def others_share(
    before: Counters, after: Counters, processors: int, quota: Quota | None = None
) -> float | None:
    """Return the share of the processors that others used between two readings, 0 to 1.

    Under a quota, others count only if they run in our control group or leave us fewer processors
    than the quota. Returns None for less than LEAST_SECONDS, and without kernel counters.
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
    """Return the lowest quota of this process's control groups under `root`; None without one.

    `groups`: the file that lists the control groups. Source: Linux documentation,
    admin-guide/cgroup-v2.rst (`cpu.max`) and scheduler/sched-bwc.rst.
    """
    lines = groups.read_text(encoding="utf-8").splitlines() if groups.exists() else []
    found = [
        quota for line in lines for folder in _folders(root, line) for quota in _quotas(folder)
    ]
    return min(found, key=lambda quota: quota.processors, default=None)


def _folders(root: Path, line: str) -> Iterator[Path]:
    """Yield the folders of a control group and of its parents; none without CPU control.

    `line` is a line such as `0::/a/b` or `3:cpu,cpuacct:/a/b` of /proc/self/cgroup.
    """
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
    """Sum the busy seconds of the usable processors.

    Waiting for a disk counts as idle. Interrupt time is left out.
    """
    import psutil

    times = psutil.cpu_times(percpu=True)
    busy = (
        row.user + row.nice + row.system + getattr(row, "steal", 0.0)
        for number, row in enumerate(times)
        if number in usable
    )
    return float(sum(busy))


def _our_processes(known: "tuple[psutil.Process, ...]") -> "tuple[psutil.Process, ...]":
    """Return this process, its descendants, and the `known` processes.

    A known process stays ours after its parent has ended.
    """
    import psutil

    this = psutil.Process()
    return tuple(dict.fromkeys((this, *known, *this.children(recursive=True))))


def _taken(process: "psutil.Process") -> float:
    """Return the processor seconds of a process and of its ended children.

    Returns 0 for an ended process, because its parent's seconds include its own.
    """
    import psutil

    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        ended = times.children_user + times.children_system
        return float(times.user + times.system + ended)
    return 0.0
