"""Checks of host names and addresses, and contexts without proxies."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

LOCAL = "localhost,127.0.0.1,::1,0.0.0.0"
_PROXY = re.compile(r"^(?:https?|all)_proxy$", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """True if only this machine can reach the address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name: only "localhost" is sure to be this machine
        return host == "localhost"


def is_here(host: str) -> bool:
    """True if a client reaches this machine under the address.

    0.0.0.0 counts, since servers print it as their own address.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return is_loopback(host)
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


@contextmanager
def loopback_without_proxy() -> Iterator[None]:
    """Hold `no_proxy` so that clients made in the block reach this machine without a proxy."""
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
    """Hold the environment without proxy variables for clients made in the block.

    Anthropic's client reads these variables whatever its options are.
    """
    hidden = {name: os.environ.pop(name) for name in proxy_variables()}
    try:
        yield
    finally:
        os.environ |= hidden
