"""Child processes with a log file that end with this process."""

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

GUARD_SECONDS = 15.0
LOG = logging.getLogger("distill")
SECRET = re.compile(
    r"(?:KEYS?|TOKEN|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|CREDENTIALS?|(?:^|_)(?:AUTH|PAT))(?:_|$)",
    re.IGNORECASE,
)


@contextmanager
def running(
    command: Sequence[str], log: Path, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command as a guarded child process, in a process group of its own.

    The child appends its output to `log`. The whole group ends with the block, even after an
    exception. The child does not inherit keys or passwords from the environment.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    LOG.debug("starting %s; its log is %s", Path(command[0]).name, log)
    guard = [sys.executable, "-m", "distill.core.process_guard", *command]
    with log.open("ab") as output:
        child = subprocess.Popen(
            guard,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_without_secrets(os.environ) | dict(env),
            start_new_session=True,
        )
        try:
            yield child
        finally:
            _end(child)


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without keys and passwords, which servers and trainers do not need."""
    return {name: value for name, value in environment.items() if not SECRET.search(name)}


def memory_mib(process: int) -> float:
    """Return the memory of a process and all its descendants, in MiB.

    Shared memory is divided equally among the processes that share it (Linux's PSS).
    """
    import psutil

    found = psutil.Process(process)
    family = [found, *found.children(recursive=True)]
    return float(sum(one.memory_full_info().pss for one in family)) / 2**20


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child's group by closing the guard's pipe, or by SIGKILL after GUARD_SECONDS."""
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(timeout=GUARD_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
