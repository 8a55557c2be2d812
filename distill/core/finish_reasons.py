"""Mapping of the finish reasons of servers and models to the tool's own.

Servers use different words ("stop", "eos_token", "STOP", "<|im_end|>", "FINISH_REASON_STOP") for
four meanings: complete, truncated, filtered and failed. A finish reason is recognised by its parts.
"""

import re
from functools import lru_cache
from typing import Literal

Ending = Literal["stop", "length", "content_filter", "passing", ""]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The first match counts: "rate_limit" has a word of "passing" and a word of "length".
_KINDS: tuple[tuple[Ending, frozenset[str]], ...] = (
    (
        "content_filter",
        _words("filter filtered safety sensitive prohibited blocked blocklist moderation moderated")
        | _words("guardrail guardrails recitation spii toxic policy copyright harmful"),
    ),
    (
        "passing",
        _words("error errors network rate resource abort aborted cancel cancelled canceled timeout")
        | _words("failed failure overloaded unavailable interrupted disconnected malformed"),
    ),
    ("length", _words("length max limit truncated budget window")),
    (
        "stop",
        _words("stop stopped eos eot eom end ended endoftext finish finished complete completed")
        | _words("completion done success succeeded natural normal ok s im"),
    ),
)
_PREFIX = re.compile(r"(?:finish|stop|done)_?reason_?")
_NOTHING = _words("none null unknown unspecified undefined nan") | {""}
# The tool's own finish reasons, and servers' finish reasons of answers without text.
_OTHERS = _words("refusal tool_calls tool_use function_call pause_turn no_choices context_length")
_OTHERS |= _words("invalid_prompt no_answer refused_row")


@lru_cache(maxsize=1024)
def ending_of(reason: str) -> Ending:
    """Return the kind of a finish reason; "" if the reason is unknown or one of the tool's own."""
    if reason in _OTHERS:
        return ""
    words = set(_parts(reason))
    return next((kind for kind, known in _KINDS if words & known), "")


def says_nothing(reason: str) -> bool:
    """True if a finish reason such as "unknown" does not say whether the answer is complete."""
    return set(_parts(reason)) <= _NOTHING


def _parts(reason: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", reason)  # maxTokens
    word = "_".join(re.findall(r"[a-z0-9]+", spaced.lower()))
    return _PREFIX.sub("", word).split("_")
