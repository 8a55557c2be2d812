"""The share of the processors that other processes take, against processes that burn one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import psutil
import pytest

from distill.core import processors
from distill.core.processors import Counters, Quota, is_disturbed, others_share, quota_of, watched
from tests.support.strangers import BURN, stranger, taken, wait_until_burnt

NOISE = 0.05  # counters tick, and are not read in one moment


@contextmanager
def child() -> Iterator[psutil.Process]:
    """The same as a child of ours."""
    with subprocess.Popen([sys.executable, "-c", BURN]) as process:
        yield psutil.Process(process.pid)
        process.kill()


def test_what_a_stranger_takes_is_counted() -> None:
    cores = len(os.sched_getaffinity(0))
    with stranger() as process:
        wait_until_burnt(process)  # it has started
        began = monotonic(), taken(process)
        with watched() as watch:
            assert watch.others_cpu is None
            wait_until_burnt(process)
        burnt, seconds = taken(process) - began[1], monotonic() - began[0]
    assert watch.others_cpu is not None
    assert watch.others_cpu >= burnt / (seconds * cores) - NOISE


@pytest.mark.slow("it burns processor time to measure it")
def test_what_we_and_our_children_take_is_not_counted() -> None:
    """However busy others are: what they have is at most what we leave."""
    cores, this = len(os.sched_getaffinity(0)), psutil.Process()
    with child() as process:
        wait_until_burnt(process)
        began = monotonic(), taken(process) + taken(this)
        with watched() as watch:
            wait_until_burnt(process)
        ours, seconds = taken(process) + taken(this) - began[1], monotonic() - began[0]
    assert watch.others_cpu is not None
    assert watch.others_cpu <= 1 - ours / (seconds * cores) + NOISE


def test_a_child_that_ends_in_the_block_was_ours() -> None:
    cores, this = len(os.sched_getaffinity(0)), psutil.Process()
    own = taken(this)
    with watched() as watch:
        began = monotonic()
        with child() as process:
            wait_until_burnt(process)
            burnt = taken(process)
        seconds = monotonic() - began
    ours = burnt + taken(this) - own
    assert watch.others_cpu is not None
    assert watch.others_cpu <= 1 - ours / (seconds * cores) + NOISE


def test_a_block_that_fails_is_measured_and_fails() -> None:
    with pytest.raises(KeyError), watched() as watch:
        raise KeyError
    assert watch.others_cpu is None, "too short"


BEFORE = Counters(100.0, 1000.0, 200.0, 300.0)


def after(everybody: float, ours: float, *, group: float = 0.0, seconds: float = 10.0) -> Counters:
    return Counters(100.0 + seconds, 1000.0 + everybody, 200.0 + ours, 300.0 + group)


@pytest.mark.parametrize(
    ("everybody", "ours", "share"),
    [
        (20.0, 20.0, 0.0),
        (20.0, 10.0, 0.5),  # one of two processors for all of the time
        (12.0, 10.0, 0.1),
        (19.9, 20.1, 0.0),  # readings a moment apart
        (50.0, 10.0, 1.0),
    ],
)
def test_the_share_is_what_is_not_ours(everybody: float, ours: float, share: float) -> None:
    assert others_share(BEFORE, after(everybody, ours), 2) == pytest.approx(share)


def test_what_cannot_be_told_is_not_known() -> None:
    assert others_share(BEFORE, after(0.1, 0.0, seconds=0.4), 2) is None
    assert others_share(BEFORE, after(0.0, 5.0), 2) is None, "the kernel counts nothing"
    assert not is_disturbed(None)
    assert not is_disturbed(processors.DISTURBED_FROM)
    assert is_disturbed(processors.DISTURBED_FROM + 0.01)


@pytest.mark.parametrize(
    ("everybody", "group", "share"),
    [
        (400.0, 20.0, 0.0),  # 38 of 64 processors are others', none of the two that are ours
        (40.0, 30.0, 0.5),  # somebody in the same container took one
        (640.0, 20.0, 0.0),  # all are taken, and we have what we may have
        (640.0, 10.0, 0.5),  # all are taken, and we have half of it
    ],
)
def test_with_a_quota_others_take_what_we_may_have(
    everybody: float, group: float, share: float
) -> None:
    quota = Quota(2.0, Path())
    ours = min(group, 20.0)
    found = others_share(BEFORE, after(everybody, ours, group=group), 64, quota)
    assert found == pytest.approx(share)


def groups_of(folder: Path, line: str) -> Path:
    path = folder / "cgroup"
    path.write_text(f"{line}\n", encoding="ascii")
    return path


def test_the_tightest_quota_of_the_second_version_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a.slice" / "b.service"
    inner.mkdir(parents=True)
    (tmp_path / "a.slice" / "cpu.max").write_text("400000 100000\n", encoding="ascii")
    (inner / "cpu.max").write_text("150000 100000\n", encoding="ascii")
    (inner / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n", encoding="ascii")
    found = quota_of(tmp_path, groups_of(tmp_path, "0::/a.slice/b.service"))
    assert found is not None
    assert (found.processors, found.seconds()) == (1.5, 2.5)
    (inner / "cpu.max").write_text("max 100000\n", encoding="ascii")
    found = quota_of(tmp_path, groups_of(tmp_path, "0::/a.slice/b.service"))
    assert found is not None
    assert (found.processors, found.seconds()) == (4.0, 0.0)


def test_a_quota_of_the_first_version_counts(tmp_path: Path) -> None:
    inner = tmp_path / "cpu,cpuacct" / "docker" / "1"
    inner.mkdir(parents=True)
    for name, value in (("cpu.cfs_quota_us", "50000"), ("cpu.cfs_period_us", "100000")):
        (inner / name).write_text(value, encoding="ascii")
    (inner / "cpuacct.usage").write_text("1500000000\n", encoding="ascii")
    found = quota_of(tmp_path, groups_of(tmp_path, "4:cpu,cpuacct:/docker/1"))
    assert found is not None
    assert (found.processors, found.seconds()) == (0.5, 1.5)
    (inner / "cpu.cfs_quota_us").write_text("-1", encoding="ascii")
    assert quota_of(tmp_path, groups_of(tmp_path, "4:cpu,cpuacct:/docker/1")) is None
    assert quota_of(tmp_path, tmp_path / "nothing") is None
