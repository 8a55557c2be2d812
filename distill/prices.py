"""What an answer costs: USD as Decimal, never float.

A model that we serve has no price per token: its answers cost the time of the machine. The price of
an hour is the task's `machine.usd_per_hour`, an assumption that every report shows.
"""

from decimal import Decimal

SECONDS_PER_HOUR = 3600
USD_PLACES = Decimal("0.000000000001")


def machine_share(usd_per_hour: Decimal, seconds: float, in_flight: int) -> Decimal:
    """USD of one answer that took `seconds` while the machine worked on `in_flight` at a time."""
    hours = Decimal(str(seconds)) / SECONDS_PER_HOUR
    return (usd_per_hour * hours / in_flight).quantize(USD_PLACES)


def machine_usd(usd_per_hour: Decimal, seconds: float) -> Decimal:
    """USD of `seconds` of the whole machine."""
    return machine_share(usd_per_hour, seconds, 1)


def usd_per_1k(usd_per_hour: Decimal, requests_per_s: float) -> Decimal:
    """USD of 1,000 requests on a machine that is always busy: 1000 ÷ requests/s seconds of it."""
    return machine_usd(usd_per_hour, 1000 / requests_per_s)
