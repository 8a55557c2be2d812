"""Put on PYTHONPATH of every child that a test starts: leaving loopback raises, in children too."""

import ipaddress
import sys
from typing import Any


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: only addresses of this machine may be connected to."""
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    host = str(arguments[1][0])
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise PermissionError(f"a test tried to reach {host}")


def install() -> None:
    """Hooks cannot be taken away again: once is enough."""
    sys.addaudithook(refuse)


if __name__ == "sitecustomize":
    install()
