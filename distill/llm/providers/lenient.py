"""Answers as servers really write them in, one form out: endings, thoughts, fences, counts.

Servers that speak OpenAI's protocol differ in what they put into it: other words for an ending,
thoughts before the answer, JSON in a code fence, content in parts, counts that leave something out.
"""

from typing import Any

from distill.core.finish_reasons import ending_of, says_nothing
from distill.core.requests import Usage
from distill.llm.providers.wire import Payload

MAX_TOKENS = 100_000_000  # of an answer with its prompt: more is no count of tokens


class PassingFault(ValueError):
    """An answer that says itself that something on the way failed."""


def ending(reason: object, text: str) -> str:
    """The word for an answer's end: "stop", "length", "content_filter", or the server's own.

    Raises PassingFault where the server says that it failed on the way. An answer without a reason
    is judged by its text.
    """
    word = str(reason or "").strip()
    kind = ending_of(word)
    if kind == "passing" or not (word or text):
        raise PassingFault(f"the answer ended by {word or 'nothing'!r}")
    if says_nothing(word) and text:
        return "stop"
    return kind or word


def content_text(content: object) -> str:
    """The text of a message: as it is, or joined from its parts; "" for none."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, dict) and _is_text(part))
    return "".join(text for text in parts if isinstance(text, str))


def _is_text(part: dict[str, Any]) -> bool:
    return part.get("type", "text") in ("text", "output_text")


def token_count(value: object) -> int | None:
    """A count of tokens; None for what is none: negative, endless, a truth value, not there."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    whole = value == value and abs(value) <= MAX_TOKENS and value == int(value)
    return int(value) if whole and value >= 0 else None


def usage_of(counts: object, text: str) -> Usage | None:
    """OpenAI's counts, in which the prompt's and the answer's are totals; None where none are told.

    Reasoning may be left out of the answer's: where a total is above both, or where there is more
    reasoning than answer, it is added.
    """
    if not isinstance(counts, dict):
        return None
    prompt, completion = _both(counts)
    if not prompt or completion is None or (text and not completion):
        return None
    read, made = (_details(counts, f"{name}_tokens_details") for name in ("prompt", "completion"))
    reasoning = token_count(made.get("reasoning_tokens", counts.get("reasoning_tokens"))) or 0
    completion += reasoning if reasoning > completion else 0
    # The names of OpenAI, of DeepSeek, and of Moonshot and Together.
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
    """The prompt's and the answer's tokens; one that is missing is the rest of the total."""
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
