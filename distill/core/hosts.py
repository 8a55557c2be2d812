"""Checks of host names and addresses, and context managers that bypass proxies."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

LOCAL = "localhost,127.0.0.1,::1,0.0.0.0"
_PROXY = re.compile(r"^(?:https?|all)_proxy$", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """True if the host is a loopback address, which only this machine can reach."""
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name: only "localhost" surely means this machine
        return host == "localhost"


def is_here(host: str) -> bool:
    """True if a client that connects to the host reaches this machine.

    0.0.0.0 counts, since servers print it as their address.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return is_loopback(host)
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


@contextmanager
def loopback_without_proxy() -> Iterator[None]:
    """Set `no_proxy` in the block, so that clients made there reach this machine directly."""
    before = os.environ.get("no_proxy")
    others = before or os.environ.get("NO_PROXY", "")
    os.environ["no_proxy"] = f"{others},{LOCAL}".lstrip(",")
    try:
        yield
    finally:
        if before is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = before


def proxy_variables() -> list[str]:
    """List the environment's proxy variables."""
    return [name for name in os.environ if _PROXY.match(name)]


@contextmanager
def without_proxies() -> Iterator[None]:
    """Remove the proxy variables from the environment in the block.

    Anthropic's client reads these variables even if its options forbid it.
    """
    hidden = {name: os.environ.pop(name) for name in proxy_variables()}
    try:
        yield
    finally:
        os.environ |= hidden
