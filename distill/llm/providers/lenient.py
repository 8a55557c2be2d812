"""Answers as servers really write them in, one form out: endings, thoughts, fences, counts.

Servers that speak OpenAI's protocol differ in what they put into it: other words for an ending,
thoughts before the answer, JSON in a code fence, content in parts, counts that leave something out.
"""

import json
import re
from typing import Any

from distill.core.requests import Usage
from distill.llm.providers.wire import Payload

STOPPED = {"stop", "eos", "eos_token", "stop_sequence", "end_turn", "end", "complete", "completed"}
CUT = {"length", "max_tokens", "max_output_tokens", "token_limit", "model_length"}
FILTERED = {"content_filter", "content_filtered", "safety", "sensitive", "prohibited_content"}
# Faults on the way to the model, which another try may not meet.
PASSING = {"error", "network_error", "insufficient_system_resource", "abort", "cancelled"}
MAX_TOKENS = 100_000_000  # of an answer with its prompt: more is no count of tokens

_MARKS = r"think|thinking|thought|thoughts|reasoning|reflection"
_OPEN = re.compile(rf"\s*(?:<(?:{_MARKS})>|\[THINK\])", re.IGNORECASE)
_CLOSE = re.compile(rf"</(?:{_MARKS})>|\[/THINK\]", re.IGNORECASE)
_MARK = re.compile(rf"</?(?:{_MARKS})>", re.IGNORECASE)
_FINAL, _MESSAGE = "<|channel|>final", "<|message|>"
_FENCE = re.compile(r"```[\w+-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_SPECIAL = re.compile(r"<\|(?:end|return)\|>\s*\Z")


class PassingFault(ValueError):
    """An answer that says itself that something on the way failed."""


def ending(reason: object, text: str) -> str:
    """The word for an answer's end: "stop", "length", "content_filter", or the server's own.

    Raises PassingFault where the server says that it failed on the way. An answer without a reason
    is judged by its text.
    """
    word = str(reason or "").strip().lower()
    if word in PASSING or not (word or text):
        raise PassingFault(f"the answer ended by {word or 'nothing'!r}")
    if word in STOPPED or not word:
        return "stop"
    if word in CUT:
        return "length"
    return "content_filter" if word in FILTERED else word


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


def without_thoughts(text: str) -> str:
    """A text without what a model thought before it; "" where it never stopped thinking."""
    if "<" not in text and "[" not in text:
        return text
    answer = text
    if (final := text.rfind(_FINAL)) >= 0:
        answer = _SPECIAL.sub("", text[final + len(_FINAL) :].removeprefix(_MESSAGE))
    while opened := _OPEN.match(answer):
        closed = _CLOSE.search(answer, opened.end())
        if closed is None:
            return ""
        answer = answer[closed.end() :].lstrip()
    # The chat template of some models opens the thought, so that the answer only closes it.
    first = _MARK.search(answer)
    return answer[first.end() :].lstrip() if first and first[0].startswith("</") else answer


def json_of(text: str) -> str:
    """The JSON in an answer that was to be JSON: in a code fence, or between other words.

    Gives the text as it is where no object or list is found.
    """
    start, end = text.find("{"), text.rfind("}")
    inner = text[start : end + 1] if 0 <= start < end else ""
    for part in (text, *_FENCE.findall(text), inner):
        if _is_json(part):
            return str(part).strip()
    return text


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def token_count(value: object) -> int | None:
    """A count of tokens; None for what is none: negative, endless, a truth value, not there."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    whole = value == value and abs(value) <= MAX_TOKENS and value == int(value)
    return int(value) if whole and value >= 0 else None


def usage_of(counts: object, text: str) -> Usage | None:
    """OpenAI's counts, in which the prompt's and the answer's are totals; None where none are told.

    A total above both means that reasoning was left out of the answer's: the rest is added.
    """
    if not isinstance(counts, dict):
        return None
    prompt = token_count(counts.get("prompt_tokens"))
    completion = token_count(counts.get("completion_tokens"))
    if not prompt or completion is None or (text and not completion):
        return None
    completion = max(completion, (token_count(counts.get("total_tokens")) or 0) - prompt)
    read, made = (_details(counts, f"{name}_tokens_details") for name in ("prompt", "completion"))
    told = read.get("cached_tokens", counts.get("prompt_cache_hit_tokens"))  # DeepSeek's name
    cached = min(token_count(told) or 0, prompt)
    written = min(token_count(read.get("cache_write_tokens")) or 0, prompt - cached)
    reasoning = min(token_count(made.get("reasoning_tokens")) or 0, completion)
    return Usage(prompt, completion, cached, written, reasoning)


def _details(counts: Payload, name: str) -> Payload:
    details = counts.get(name)
    return details if isinstance(details, dict) else {}
