"""Start the stand-in provider in a process of its own, without paying for its imports each time.

`running(Settings(...))` is `distill.rehearsal.provider.running` with another way to start: a
process for each worker of pytest imports the stand-in once, and every provider is a fork of it.
Tests of how the stand-in itself starts and ends use `distill.rehearsal.provider.running`.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event

from distill.rehearsal.provider import END_SECONDS, READY_SECONDS, Bill, Settings, StandIn
from tests.support.forked import Child, parent_of_forks

MESSAGE_BYTES = 65_536
LOOK_AGAIN_SECONDS = 0.003


@contextmanager
def running(settings: Settings) -> Iterator[StandIn]:
    """A provider in a process of its own, ended when the block is left or this process dies."""
    stdin, hold = os.pipe()
    ready, stdout = os.pipe()
    process = _fork(settings, [stdin, stdout])
    os.close(stdin)
    os.close(stdout)
    try:
        yield StandIn(_url(ready))
    finally:
        os.close(hold)
        os.close(ready)
        _wait(process)


def wait_for_bill(
    provider: StandIn,
    reached: Callable[[Bill], bool],
    child: "subprocess.Popen[bytes] | Child | None" = None,
) -> None:
    """Wait until the provider's bill has come so far, or the child that asks it has ended."""
    while not reached(provider.bill()):
        if child is None:
            Event().wait(LOOK_AGAIN_SECONDS)
            continue
        with suppress(subprocess.TimeoutExpired):
            child.wait(LOOK_AGAIN_SECONDS)
            return


def _url(ready: int) -> str:
    """The address that the provider prints when it is ready."""
    found, _, _ = select.select([ready], [], [], READY_SECONDS)
    line = os.read(ready, MESSAGE_BYTES) if found else b""
    assert line, "the provider did not start"
    url: str = json.loads(line)["url"]
    return url


def _wait(process: int) -> None:
    """Wait for a provider to end; end one that does not."""
    ended, _, _ = select.select([process], [], [], END_SECONDS)
    if not ended:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        select.select([process], [], [])
    os.close(process)


def _fork(settings: Settings, streams: list[int]) -> int:
    """Fork a provider that reads and writes the streams; a file descriptor of its process."""
    parent = parent_of_forks("tests.support.provider")
    socket.send_fds(parent, [json.dumps(settings.options()).encode()], streams)
    _, (process, *_), _, _ = socket.recv_fds(parent, MESSAGE_BYTES, 1)
    return process


def _serve_forks(connection: socket.socket) -> None:
    """Fork a provider for each message, until nobody can send one any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks by their ids
    while True:
        message, streams, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 2)
        if not message:
            return
        if not (pid := os.fork()):
            connection.close()
            _become_provider(json.loads(message), streams)
        process = os.pidfd_open(pid)
        socket.send_fds(connection, [b"forked"], [process])
        for descriptor in (process, *streams):
            os.close(descriptor)


def _become_provider(options: list[str], streams: list[int]) -> None:
    """Serve with the streams as standard input and output, then end this process."""
    from distill.rehearsal.provider.__main__ import main

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    code = 1
    try:
        code = main(options)
    finally:
        os._exit(code)


if __name__ == "__main__":
    import distill.rehearsal.provider.__main__  # noqa: F401 so that no fork has to

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _serve_forks(socket.socket(fileno=int(sys.argv[1])))
