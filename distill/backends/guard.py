"""Runs a command and ends its whole process group when the command or the parent ends, however.

`python -m distill.backends.guard COMMAND…`: standard input is a pipe that the parent holds open and
never writes to; when the parent is gone, even by kill -9, the pipe ends, and so does the command.
Exit code: the command's own, negative signals as 128 + signal.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence

GRACE_SECONDS = 10.0


def main(command: Sequence[str]) -> int:
    """Run `command` until it ends or the parent does."""
    signal.signal(signal.SIGTERM, lambda *_: end_group(child))
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    ended = os.pidfd_open(child.pid)
    ready, _, _ = select.select([sys.stdin, ended], [], [])
    if ended not in ready:
        end_group(child)
    code = child.wait()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)  # what the command has left behind
    return 128 - code if code < 0 else code


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Ask every process of the group to end, then make them; this process is one of them."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    try:
        child.wait(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
