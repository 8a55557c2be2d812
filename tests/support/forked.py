"""Run a module's `main` in processes of their own, without paying for its imports each time: a
process for each worker of pytest imports it once, and every child is a fork of that.

The module's `IMPORTS` are the names of modules that `distill` imports where it first uses them.
"""

import atexit
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.open_store import close_stores

MESSAGE_BYTES = 1_000_000


@dataclass
class Child:
    """A process that has been forked."""

    parent: socket.socket
    descriptor: int
    code: int | None = None

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.code is None:
            signal.pidfd_send_signal(self.descriptor, number)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, -n for the signal n, once it has ended. Raises TimeoutExpired."""
        if self.code is None:
            ended, _, _ = select.select([self.descriptor], [], [], timeout)
            if not ended:
                raise subprocess.TimeoutExpired("a forked child", timeout or 0.0)
            os.close(self.descriptor)
            self.code = int(self.parent.recv(MESSAGE_BYTES))
        return self.code


_last: dict[str, Child] = {}


def start(module: str, arguments: Sequence[str]) -> Child:
    """Start `main(arguments)` of a module in this process's environment. One runs at a time: what a
    failed test has left is killed."""
    if module in _last:
        _last[module].send_signal(signal.SIGKILL)
        _last[module].wait()
    close_stores()
    parent = parent_of_forks("tests.support.forked", module)
    parent.send(json.dumps([list(arguments), dict(os.environ)]).encode())
    _, (descriptor, *_), _, _ = socket.recv_fds(parent, MESSAGE_BYTES, 1)
    _last[module] = Child(parent, descriptor)
    return _last[module]


def run(module: str, arguments: Sequence[str]) -> int:
    """The exit code of `main(arguments)` of a module."""
    return start(module, arguments).wait()


@cache
def parent_of_forks(module: str, *arguments: str) -> socket.socket:
    """The connection to this worker's process that runs a module and forks; it ends with us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_BYTES)
    with theirs:
        parent = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            cwd=Path(__file__).parents[2],
        )

    def end() -> None:
        ours.close()
        parent.wait()

    atexit.register(end)
    return ours


def _serve(connection: socket.socket, module: str) -> None:
    """Fork a child for each message and tell its end, until nobody can send one any more."""
    found = importlib.import_module(module)
    for name in found.IMPORTS:
        importlib.import_module(name)
    while message := connection.recv(MESSAGE_BYTES):
        arguments, environment = json.loads(message)
        if not (pid := os.fork()):
            connection.close()
            os.environ.clear()
            os.environ.update(environment)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            found.main(arguments)
            os._exit(0)
        descriptor = os.pidfd_open(pid)
        socket.send_fds(connection, [b"forked"], [descriptor])
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
