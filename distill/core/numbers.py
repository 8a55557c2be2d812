"""Numbers in words for people: whole percent, dollars, spans of time. At most 3 digits count.

A bill is compared with a budget, so its cents are exact (`exact_dollars`).
"""

from decimal import Decimal
from math import ceil

DAYS_PER_MONTH = 365 / 12
MONTHS_FROM_DAYS = 90
YEARS_FROM_DAYS = 730
MOST_YEARS = 100
BILLION, MILLION = 1_000_000_000, 1_000_000


def percent(share: float) -> str:
    """Format a share as whole percent, 0 and 100 only if exact: "75 %", "under 1 %"."""
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def dollars(usd: Decimal) -> str:
    """Format USD with at most 3 digits that count: "$73", "$2.40", "under 1 cent", "-$5"."""
    if usd < 0:
        return f"-{dollars(-usd)}"
    if usd == 0:
        return "$0"
    if usd < Decimal("0.01"):
        return "under 1 cent"
    if round(usd, 2) < 10:
        return f"${usd:.2f}".removesuffix(".00")
    return f"${large(usd)}"


def exact_dollars(usd: Decimal) -> str:
    """Format a bill in USD: to the cent, below $1 to a hundredth of a cent: "$2.40", "$0.0315"."""
    return f"${usd:,.2f}" if usd >= 1 or not usd else f"${usd:.4f}"


def large(amount: Decimal | int) -> str:
    """Format an amount from 10 on with 3 digits that count: "73", "1,240", "12.4 million"."""
    found = Decimal(f"{amount:.3g}")
    for size, word in ((BILLION, "billion"), (MILLION, "million")):
        if found >= size:
            return f"{found / size:.3g} {word}"
    return f"{found:,.0f}"


def span(days: float | None) -> str:
    """Format days as an end: "within a day", "after 14 months"; "never" for None."""
    if days is None:
        return "never"
    if days < 1:
        return "within a day"
    return f"after {_length(days)}"


def _length(days: float) -> str:
    if days <= MONTHS_FROM_DAYS:
        return _counted(ceil(days), "day")
    if days <= YEARS_FROM_DAYS:
        return _counted(ceil(days / DAYS_PER_MONTH), "month")
    years = ceil(days / 365)
    return _counted(years, "year") if years <= MOST_YEARS else "over 100 years"


def latency(seconds: float) -> str:
    """Format seconds with at most 2 digits that count: "13 ms", "0.7 s", "under 1 ms"."""
    if seconds < 0.001:
        return "under 1 ms"
    if seconds < 0.1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
