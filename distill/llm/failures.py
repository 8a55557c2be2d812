"""The classification of failed attempts: retry, possible bill, and message for the user.

Providers bill answers. A refused request, or one that was never received, is not billed. A request
whose answer was lost in transit may be billed.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from distill.core.api_keys import key_of
from distill.core.requests import Endpoint

RETRY_AFTER_CAP_SECONDS = 120.0
LIMITED = (429, 503, 529)
RETRIED = (408, 409, 429)
NOT_IMPLEMENTED = 501  # a server without this protocol, or with a model that does not speak it
# A proxy stopped waiting, but the model may have answered. 520 and 524 are Cloudflare's statuses
# for a connection that broke, or timed out, after the request was sent.
MAYBE_BILLED = (408, 502, 504, 520, 524)
NOT_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "ProxyError")
NOT_READ = ("AnswerTooLarge", "DecodingError")
NO_CREDIT = ("insufficient_quota", "credit balance", "enforced_spend_limit_reached", "billing")
ADVICE = {
    400: "the model does not support this request: see the reason above",
    401: "the key in {key} is not accepted: set another one",
    403: "the key in {key} lacks the permission for this request: set another one",
    422: "the model does not support this request: see the reason above",
}
UNCLEAR = (400, 422)
ABOUT_ONE_ROW = (400, 403, 413, 422, 451)
TOO_LARGE = 413  # status of one request that is too large, whatever the message
ROW_WORDS = {
    "content_filter": re.compile(
        r"content[ _]?filter|content management policy|responsibleaipolicy|content[ _]?policy"
        r"|contentpolicyviolation|safety (?:system|filter|setting|check|polic|guard|reason)"
        r"|safety_check|moderation|flagged|data_?inspection_?failed|(?:sensitive|prohibited"
        r"|inappropriate|disallowed|unsafe|harmful|forbidden|illegal) (?:content|word|text|input"
        r"|material)|prohibited_content|usage (?:polic|guideline)|content exists risk|guardrail"
        r"|jailbreak|risk ?control|(?:prompt|content|input|response|message)[^.]{0,40} blocked"
        r"|blocked (?:by|for|due)[^.]{0,40}(?:content|safety|policy|filter)"
        r"|unavailable for legal reasons|敏感|不安全|违规|有害"
    ),
    "context_length": re.compile(
        r"context[ _](?:length|window|size|limit)|maximum context|exceed\w*[^.]{0,40} context"
        r"|exceed_context|string_above_max_length|string too long|max_prompt_tokens"
        r"|longer than the maximum model length|maximum input length"
        r"|(?:prompt|inputs?|messages?|request|text|conversation)\b[^.]{0,40} too (?:long|large)"
        r"|too many (?:input |prompt )?tokens|token limit exceeded|exceeds? the token limit"
        r"|(?:input|prompt|message|request)[^.]{0,60}exceed[^.]{0,60}(?:token|length|limit)"
        r"|reduce (?:the|your) (?:length|size|prompt|input|message)|reduce your message"
        r"|(?:input|prompt)\w*\W[^.]{0,60}(?:tokens? must|must (?:be|have))[^.]{0,20}"
        r"(?:<|less|fewer|at most)|range of input length|(?:input|prompt) length should"
    ),
    "invalid_prompt": re.compile(r"invalid[_ ]prompt"),
}
KEY = re.compile(r"\b(sk|key)-[\w*-]{4,}")
SHOWN = 300
NO_MODEL = "there is no such model for this key: check teacher.model"


@dataclass(frozen=True, slots=True)
class Failure:
    """The classification of a failed attempt.

    `limited`: True if the provider asks for a lower rate.
    `wait_s`: the seconds that the provider asks the client to wait, or None.
    `row`: the finish reason of a request that was refused for its own content; "" for others.
    `unclear`: True if the cause may lie in this request alone or in all requests.
    """

    maybe_billed: bool
    retry: bool
    limited: bool
    wait_s: float | None
    message: str
    row: str = ""
    unclear: bool = False


def explain(error: Exception, endpoint: Endpoint, *, absent: str = NO_MODEL) -> Failure:
    """Classify an exception of an official client.

    `absent`: the advice for status 404. Keys are removed from every message.
    """
    status = getattr(error, "status_code", None)
    where = endpoint.url or endpoint.model.name
    text = without_keys(said_by(error), endpoint)[:SHOWN]
    if status is None:
        cause = error.__cause__
        sent = type(cause).__name__ not in NOT_SENT
        why = f" ({without_keys(str(cause), endpoint)[:SHOWN]})" if cause and str(cause) else ""
        what = (
            "sent an unreadable answer" if type(cause).__name__ in NOT_READ else "cannot be reached"
        )
        return Failure(sent, True, False, None, f"{where} {what}: {text}{why}")
    message = f"{where} refused a request to {endpoint.model.name} ({status}): {text}"
    if any(word in f"{text} {getattr(error, 'code', '')}".lower() for word in NO_CREDIT):
        return Failure(
            False,
            False,
            False,
            None,
            f"{message}\nThe account has no credit left: add some, and run the same command again.",
        )
    if is_retried(status):
        wait = _wait(getattr(error, "response").headers)  # noqa: B009 - of any client's class
        return Failure(status in MAYBE_BILLED, True, status in LIMITED, wait, message)
    if row := row_reason(status, f"{text} {getattr(error, 'code', '')}"):
        return Failure(False, False, False, None, message, row)
    if 300 <= status < 400:
        message += "\n" + _redirected(error)
    elif advice := (ADVICE | {404: absent}).get(status):
        message += "\n" + advice.format(key=endpoint.key_variable or "no variable")
    return Failure(False, False, False, None, message, unclear=status in UNCLEAR)


def said_by(error: Exception) -> str:
    """Return the full text of a server's error, with the body if the client's message lacks it."""
    message, body = str(getattr(error, "message", error)), getattr(error, "body", None)
    if not body:
        return message
    told = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)
    inner = body.get("message") if isinstance(body, dict) else None
    return message if inner and str(inner) in message else f"{message}: {told}"


def row_reason(status: int, text: str) -> str:
    """Return the finish reason for a request that a server refuses for its own content.

    Returns "" for any other refusal.
    """
    if status not in ABOUT_ONE_ROW:
        return ""
    lowered = text.lower()
    found = next((name for name, words in ROW_WORDS.items() if words.search(lowered)), "")
    return found or ("context_length" if status == TOO_LARGE else "")


def _redirected(error: Exception) -> str:
    headers = getattr(getattr(error, "response", None), "headers", {})
    return (
        f"The server redirects to {headers.get('location', 'another address')}. Prompts do not "
        "follow redirects: if the new address is right, write it into the task."
    )


def too_slow(seconds: float, endpoint: Endpoint) -> Failure:
    """Return the failure of an attempt that was given up after `seconds`."""
    where = endpoint.url or endpoint.model.name
    return Failure(True, True, False, None, f"{where} had not answered after {seconds:.0f} s")


def without_choices(payload: object, failure: Failure) -> Failure:
    """Return the failure, as this request's own ("no_choices") if the answer has empty choices."""
    if not isinstance(payload, dict) or "choices" not in payload or payload["choices"]:
        return failure
    return replace(failure, row="no_choices")


def is_retried(status: int) -> bool:
    """True if the unchanged request may succeed later, after this HTTP status."""
    return status in RETRIED or (status >= 500 and status != NOT_IMPLEMENTED)


def unreadable(text: str, endpoint: Endpoint) -> Failure:
    """Return the failure of a response that is not an answer, like a proxy's page or cut JSON."""
    start = without_keys(" ".join(text.split()), endpoint)[:SHOWN]
    message = (
        f"{endpoint.url or endpoint.model.name} sent something that is not an answer: {start!r}"
    )
    return Failure(True, True, False, None, message)


def dearer_tier(tier: str, endpoint: Endpoint) -> str:
    """Return the message for an answer in a service tier that was not requested.

    "" if the tier costs no more than was reserved. An answer in a more expensive tier is kept, and
    no further request is sent.
    """
    if endpoint.price.covers(tier):
        return ""
    return (
        f"{endpoint.url or endpoint.model.name} answered in service tier {tier!r}, not in the "
        "requested 'default': that tier costs more than was reserved, or its price is not known. "
        "The answers are stored. Correct the tier in the settings of the key's project, and run "
        "the same command to continue."
    )


def without_keys(text: str, endpoint: Endpoint) -> str:
    """Return a text without the endpoint's key and without other strings that look like keys."""
    key = key_of(endpoint)
    return KEY.sub("[key]", text.replace(key, "[key]") if key else text)


def _wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After, at most RETRY_AFTER_CAP_SECONDS.

    Providers write seconds, milliseconds or a time. None if the header is missing or unusable.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _seconds(headers.get(name, ""))
        if seconds is not None:
            return min(seconds * unit, RETRY_AFTER_CAP_SECONDS)
    return None


def _seconds(text: str) -> float | None:
    """Parse a number or an HTTP date as seconds from now; None for other text and for NaN."""
    try:
        number = float(text)
    except ValueError:
        return _seconds_until(text)
    return max(number, 0.0) if math.isfinite(number) else None


def _seconds_until(text: str) -> float | None:
    try:
        at = parsedate_to_datetime(text)
        return max((at - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
        return None
