"""Names and addresses of hosts: which of them is this machine."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """True for an address that only this machine reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, and any but this one may lead elsewhere
        return host == "localhost"
