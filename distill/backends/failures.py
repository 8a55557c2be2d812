"""An attempt that failed → whether it may have been billed, whether to try again, what to say.

Providers bill answers. A request that was refused, or never reached them, is not billed; one whose
answer was lost on the way may be.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from distill.backends.keys import key_of
from distill.records import Endpoint

RETRY_AFTER_CAP_SECONDS = 120.0
LIMITED = (429, 503, 529)
RETRIED = (408, 409, 429)
# Something between us and the model gave up waiting: the model may have answered. 520 and 524 are
# Cloudflare's for a connection that broke or took too long after the request was sent.
MAYBE_BILLED = (408, 502, 504, 520, 524)
NOT_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "ProxyError")
NO_CREDIT = ("insufficient_quota", "credit balance", "enforced_spend_limit_reached", "billing")
ADVICE = {
    400: "the request is not what the model takes",
    401: "the key in {key} is not accepted: set another one",
    403: "the key in {key} may not do this",
    422: "the request is not what the model takes",
}
KEY = re.compile(r"\b(sk|key)-[\w*-]{4,}")
SHOWN = 300
NO_MODEL = "there is no such model for this key: check teacher.model"


@dataclass(frozen=True, slots=True)
class Failure:
    """`limited`: the provider asks to go slower; `wait_s`: the seconds it asks to wait."""

    maybe_billed: bool
    retry: bool
    limited: bool
    wait_s: float | None
    message: str


def explain(error: Exception, endpoint: Endpoint, *, absent: str = NO_MODEL) -> Failure:
    """What an official client's exception means; `absent` says what a 404 means here. Keys are cut
    out of every message."""
    status = getattr(error, "status_code", None)
    where = endpoint.url or endpoint.model.name
    text = without_keys(str(getattr(error, "message", error)), endpoint)[:SHOWN]
    if status is None:
        sent = type(error.__cause__).__name__ not in NOT_SENT
        return Failure(sent, True, False, None, f"{where} cannot be reached: {text}")
    message = f"{where} refused a request to {endpoint.model.name} ({status}): {text}"
    if any(word in f"{text} {getattr(error, 'code', '')}".lower() for word in NO_CREDIT):
        return Failure(False, False, False, None, f"{message}\nThe account has no credit left.")
    if is_retried(status):
        wait = _wait(getattr(error, "response").headers)  # noqa: B009 - of any client's class
        return Failure(status in MAYBE_BILLED, True, status in LIMITED, wait, message)
    if advice := (ADVICE | {404: absent}).get(status):
        message += "\n" + advice.format(key=endpoint.key_variable or "no variable")
    return Failure(False, False, False, None, message)


def is_retried(status: int) -> bool:
    """May an attempt that ended so succeed later, unchanged?"""
    return status in RETRIED or status >= 500


def unreadable(text: str, endpoint: Endpoint) -> Failure:
    """A status of 200 with something else than an answer: a proxy's page, a cut text."""
    start = without_keys(" ".join(text.split()), endpoint)[:SHOWN]
    message = f"{endpoint.url or endpoint.model.name} answered what is no answer: {start!r}"
    return Failure(True, True, False, None, message)


def without_keys(text: str, endpoint: Endpoint) -> str:
    """A text without the endpoint's key, and without what looks like one."""
    key = key_of(endpoint)
    return KEY.sub("[key]", text.replace(key, "[key]") if key else text)


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds from Retry-After, which providers give in seconds, in milliseconds, or as a time;
    capped. None where there is none that can be waited for."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _seconds(headers.get(name, ""))
        if seconds is not None:
            return min(seconds * unit, RETRY_AFTER_CAP_SECONDS)
    return None


def _seconds(text: str) -> float | None:
    """A number, or the seconds until an HTTP date; None for anything else, NaN too."""
    try:
        number = float(text)
    except ValueError:
        return _seconds_until(text)
    return max(number, 0.0) if math.isfinite(number) else None


def _seconds_until(text: str) -> float | None:
    try:
        at = parsedate_to_datetime(text)
        return max((at - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):  # also a date without a zone
        return None
