"""Names and addresses of hosts: which of them is this machine."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

LOCAL = "localhost,127.0.0.1,::1,0.0.0.0"
_PROXY = re.compile(r"^(?:https?|all)_proxy$", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """True for an address that only this machine reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, and any but this one may lead elsewhere
        return host == "localhost"


def is_here(host: str) -> bool:
    """True for an address under which a client reaches this machine: 0.0.0.0 is one, which servers
    print as theirs."""
    try:
        address = ip_address(host)
    except ValueError:
        return is_loopback(host)
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


@contextmanager
def loopback_without_proxy() -> Iterator[None]:
    """Clients that are made in the block ask this machine without a proxy of the environment."""
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
    """The names of the environment's proxies."""
    return [name for name in os.environ if _PROXY.match(name)]


@contextmanager
def without_proxies() -> Iterator[None]:
    """Clients that are made in the block know no proxy: Anthropic's looks for them whatever it is
    told."""
    hidden = {name: os.environ.pop(name) for name in proxy_variables()}
    try:
        yield
    finally:
        os.environ |= hidden
