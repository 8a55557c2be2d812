"""Processes that burn a processor and are nobody of ours."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

# Burns a processor, for ten minutes at most.
BURN = "import time; until = time.monotonic() + 600\nwhile time.monotonic() < until: pass"
STRANGER = f"""
import subprocess, sys
burner = subprocess.Popen([sys.executable, "-c", {BURN!r}], stdout=subprocess.DEVNULL)
print(burner.pid)
"""
BURNT = 1.0  # processor seconds


@contextmanager
def stranger() -> Iterator[psutil.Process]:
    """A burning process whose parent has ended, for as long as the block lasts."""
    told = subprocess.run([sys.executable, "-c", STRANGER], stdout=subprocess.PIPE, check=True)
    process = psutil.Process(int(told.stdout))
    try:
        yield process
    finally:
        os.kill(process.pid, signal.SIGKILL)


def taken(process: psutil.Process) -> float:
    """The processor seconds of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def wait_until_burnt(process: psutil.Process) -> None:
    """Burn, too, until a process has taken a second more."""
    until = taken(process) + BURNT
    while taken(process) < until:
        pass
