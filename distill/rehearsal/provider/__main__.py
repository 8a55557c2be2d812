"""`python -m distill.rehearsal.provider --seeds FILE`: the stand-in as a process.

It prints one JSON line {"url": …} when it is ready. It serves until SIGTERM or SIGINT. It also ends
when its standard input is a pipe that the parent closes.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from distill.rehearsal.provider import Settings, app, faults
from distill.rehearsal.provider.endpoint import CUT
from distill.rehearsal.provider.state import ProviderState

BACKLOG = 2048


class _Protocol(HttpToolsProtocol):
    """An HTTP protocol whose handlers can close the connection without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # The key CUT is not in the type of the scope.
        cast("dict[str, Any]", self.scope)[CUT] = self.transport.abort


class _Server(uvicorn.Server):
    """A server that prints its address once it listens, and leaves signals to `_serve`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        assert sockets is not None
        host, port = sockets[0].getsockname()
        sys.stdout.write(json.dumps({"url": f"http://{host}:{port}"}) + "\n")
        sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, or until the parent closes standard input; return 0."""
    settings = _settings(arguments)
    world = ProviderState(settings)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", settings.port))
    config = uvicorn.Config(
        app.build(world),
        http=_Protocol,
        loop="uvloop",
        lifespan="off",
        ws="none",
        access_log=False,
        log_level="warning",
        backlog=BACKLOG,
        server_header=False,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(_Server(config), listener))
    return 0


async def _serve(server: _Server, listener: socket.socket) -> None:
    def end() -> None:
        # Without `force_exit` it would wait for the clients of a "hang" fault.
        server.should_exit = server.force_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            end()

    mode = os.fstat(sys.stdin.fileno()).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        loop.add_reader(sys.stdin, read)
    await server.serve(sockets=[listener])


def _settings(arguments: Sequence[str] | None) -> Settings:
    parser = argparse.ArgumentParser(prog="distill.rehearsal.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seeds", type=Path, required=True, metavar="FILE")
    parser.add_argument("--random-seed", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--requests-per-second", type=float, metavar="R")
    parser.add_argument("--no-rate-headers", dest="rate_headers", action="store_false")
    parser.add_argument("--rate-windows", action="store_true")
    parser.add_argument("--fault", dest="faults", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--batch-seconds", type=float, default=1.0, metavar="S")
    given: dict[str, Any] = vars(parser.parse_args(arguments))
    try:
        given["faults"] = dict(faults.parse(option) for option in given["faults"])
        faults.check(given["faults"])
    except ValueError as error:
        parser.error(str(error))
    return Settings(**given)


if __name__ == "__main__":
    sys.exit(main())
