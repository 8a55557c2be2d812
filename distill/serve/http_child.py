"""HTTP servers as child processes: their port, address, health and end."""

import os
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from distill.core.errors import ChildError, DistillError, InputError
from distill.core.hosts import is_loopback
from distill.core.processes import running
from distill.core.requests import Endpoint, Model, ServerProcess
from distill.pricing.token_prices import MachinePrice

if TYPE_CHECKING:
    from distill.serve import ServerSettings

KEY_VARIABLE = "VLLM_API_KEY"  # the environment variable that vLLM reads
START_SECONDS = 300.0
POLL_SECONDS = 0.25
LAST_WORDS_SECONDS = 3.0


@contextmanager
def serving(
    who: str,
    command: Callable[[int], Sequence[str]],
    environment: Mapping[str, str],
    model: Model,
    settings: "ServerSettings",
) -> Iterator[Endpoint]:
    """Run a server during the block, which begins once the server is healthy; yield its endpoint.

    `who`: the server's name in messages. `command`: returns the command for a port.
    Raises ChildError, with the end of the log, if the server is not healthy in time or ends early.
    Raises InputError if the port is taken.
    """
    if settings.port:
        _check_free(settings.host, settings.port)
    port = settings.port or free_port()
    with running(command(port), settings.log, environment) as child:
        began = monotonic()
        _wait_until_healthy(child, settings.host, port, who, settings.log)
        started = ServerProcess(child.pid, monotonic() - began)
        url = f"http://{reached_at(settings.host)}:{port}/v1"
        price = MachinePrice(settings.usd_per_hour, settings.in_flight)
        key = None if is_loopback(settings.host) else KEY_VARIABLE
        try:
            yield Endpoint(url, model, settings.in_flight, price, key, server=started)
        except DistillError as error:
            if (code := _ended(child)) is not None:
                raise ChildError(who, code, settings.log) from error
            raise


def key_for(host: str) -> str:
    """Return the key that a server needs from clients; "" on loopback, even if one is set."""
    return "" if is_loopback(host) else os.environ.get(KEY_VARIABLE, "")


def free_port() -> int:
    """Return a free port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _check_free(host: str, port: int) -> None:
    """Raise InputError if a server already listens, since it would be taken for the new server."""
    with suppress(OSError), socket.create_connection((reached_at(host).strip("[]"), port), 2):
        raise InputError(f"port {port} of {host} is taken: choose another, or omit --port")


def _wait_until_healthy(
    child: subprocess.Popen[bytes], host: str, port: int, who: str, log: Path
) -> None:
    """Wait until a server answers. Raises ChildError if it ends, or is not healthy in time."""
    for _ in range(int(START_SECONDS / POLL_SECONDS)):
        try:
            code = child.wait(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if is_healthy(reached_at(host), port):
                return
        else:
            raise ChildError(who, code, log)
    raise ChildError(who, None, log)


def _ended(child: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code of a server that has ended or ends soon; None if it keeps running."""
    with suppress(subprocess.TimeoutExpired):
        return child.wait(timeout=LAST_WORDS_SECONDS)
    return None


def reached_at(host: str) -> str:
    """Return the address at which this machine reaches a server, in the form for a URL.

    0.0.0.0 and ::, which mean all addresses, become loopback.
    """
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


def is_healthy(host: str, port: int) -> bool:
    try:
        # A proxy in the environment must not get requests to loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{host}:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
