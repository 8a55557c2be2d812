"""Lenient reading of answers: finish reasons, thoughts, JSON in fences, and token counts.

Servers fill the fields of OpenAI's protocol differently. Finish reasons have other words. Thoughts
come before the answer. JSON is in a code fence. Content is in parts. Token counts are incomplete.
"""

from typing import Any

from distill.core.finish_reasons import ending_of, says_nothing
from distill.core.requests import Usage
from distill.llm.providers.wire import Payload

MAX_TOKENS = 100_000_000  # per answer with its prompt: a higher number is not a count


class PassingFault(ValueError):
    """The error that an answer reports a temporary failure of the server."""


def ending(reason: object, text: str) -> str:
    """Return the finish reason: "stop", "length", "content_filter", or the server's own word.

    Without a reason, the text decides. Raises PassingFault if the server reports a temporary
    failure.
    """
    word = str(reason or "").strip()
    kind = ending_of(word)
    if kind == "passing" or not (word or text):
        raise PassingFault(f"the answer ended by {word or 'nothing'!r}")
    if says_nothing(word) and text:
        return "stop"
    return kind or word


def content_text(content: object) -> str:
    """Return the text of a message, joined if it comes in parts; "" if there is none."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, dict) and _is_text(part))
    return "".join(text for text in parts if isinstance(text, str))


def _is_text(part: dict[str, Any]) -> bool:
    return part.get("type", "text") in ("text", "output_text")


def token_count(value: object) -> int | None:
    """Return a count of tokens.

    None if the value is missing, negative, fractional, infinite, over MAX_TOKENS or a boolean.
    """
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    whole = value == value and abs(value) <= MAX_TOKENS and value == int(value)
    return int(value) if whole and value >= 0 else None


def usage_of(counts: object, text: str) -> Usage | None:
    """Read OpenAI's token counts of prompt, answer, cache and reasoning; None if missing.

    The answer's count should include reasoning, but may not. Reasoning is added if a total is above
    the sum of both counts, or if the reasoning count is above the answer's.
    """
    if not isinstance(counts, dict):
        return None
    prompt, completion = _both(counts)
    if not prompt or completion is None or (text and not completion):
        return None
    read, made = (_details(counts, f"{name}_tokens_details") for name in ("prompt", "completion"))
    reasoning = token_count(made.get("reasoning_tokens", counts.get("reasoning_tokens"))) or 0
    completion += reasoning if reasoning > completion else 0
    # The names used by OpenAI, by DeepSeek, and by Moonshot and Together.
    told = next(
        (
            one
            for one in (
                read.get("cached_tokens"),
                counts.get("prompt_cache_hit_tokens"),
                counts.get("cached_tokens"),
            )
            if one is not None
        ),
        None,
    )
    cached = min(token_count(told) or 0, prompt)
    written = min(token_count(read.get("cache_write_tokens")) or 0, prompt - cached)
    return Usage(prompt, completion, cached, written, min(reasoning, completion))


def _both(counts: Payload) -> tuple[int | None, int | None]:
    """Return the tokens of prompt and answer; a missing count is the rest of the total."""
    prompt, completion = (
        token_count(counts.get(name, counts.get(other)))
        for name, other in (
            ("prompt_tokens", "input_tokens"),
            ("completion_tokens", "output_tokens"),
        )
    )
    total = token_count(counts.get("total_tokens")) or 0
    if not prompt and completion and total > completion:
        prompt = total - completion
    if prompt and total > prompt:
        completion = max(completion or 0, total - prompt)
    return prompt, completion


def _details(counts: Payload, name: str) -> Payload:
    details = counts.get(name)
    return details if isinstance(details, dict) else {}
