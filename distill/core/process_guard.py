"""Guard that runs a command and ends its process group when the command or the parent ends.

Usage: `python -m distill.core.process_guard COMMAND…`. Standard input is a pipe that the parent
keeps open and never writes to. When the parent ends, even by kill -9, the pipe closes, and the
guard ends the command. The exit code is the command's, or 128 + signal if a signal ended it.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

GRACE_SECONDS, POLL_SECONDS = 10.0, 0.1


def main(command: Sequence[str]) -> int:
    """Run `command` until it or the parent ends, and return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: end_group(child))
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    ended = os.pidfd_open(child.pid)
    ready, _, _ = select.select([sys.stdin, ended], [], [])
    if ended not in ready:
        end_group(child)
    code = child.wait()
    end_left_behind()
    return 128 - code if code < 0 else code


def end_group(child: subprocess.Popen[bytes]) -> None:
    """End every process of the group, including this one.

    Sends SIGTERM, then SIGKILL once the command has ended, at the latest after GRACE_SECONDS.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    try:
        child.wait(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        os.killpg(0, signal.SIGKILL)


def end_left_behind() -> None:
    """End the processes that a finished command left in the group.

    Sends SIGTERM, and after GRACE_SECONDS SIGKILL to those still running.
    """
    import psutil

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    until = monotonic() + GRACE_SECONDS
    while left := [one for one in psutil.process_iter() if _is_left(one)]:
        if monotonic() > until:
            for one in left:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            return
        sleep(POLL_SECONDS)


def _is_left(process: "psutil.Process") -> bool:
    """True if another process of this group is still running."""
    import psutil

    try:
        ours = process.pid != os.getpid() and os.getpgid(process.pid) == os.getpgrp()
        return ours and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ProcessLookupError):
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
