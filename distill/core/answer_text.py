"""Extraction of the final text or JSON from a model's raw answer.

Reasoning, special tokens and code fences are removed. The result is stored and scored.
"""

import json
import re
from dataclasses import replace
from typing import Any

from distill.core.requests import Completion, Request
from distill.core.text import replace_lone_surrogates

# Names of tags around reasoning, with or without a prefix such as "seed:".
_THOUGHT = (
    r"(?:\w{1,12}:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad"
    r"|antthinking|inner_monologue|chain_of_thought)"
)
_OPENED = (
    rf"<{_THOUGHT}(?:\s[^<>]{{0,80}})?>|\[THINK(?:ING)?\]|◁think▷|<unused94>(?:thought)?"
    r"|<\|(?:begin_of_thought|start_thinking|thinking|think)\|>|<\|channel>thought"
)
_CLOSED = (
    rf"</{_THOUGHT}\s?>|\[/THINK(?:ING)?\]|◁/think▷|<unused95>"
    r"|<\|(?:end_of_thought|end_thinking|/thinking|/think)\|>|<channel\|>"
)
_OPEN = re.compile(rf"\s*(?:{_OPENED})", re.IGNORECASE)
_CLOSE = re.compile(_CLOSED, re.IGNORECASE)
THOUGHT = re.compile(rf"(?:{_OPENED})|(?P<closes>{_CLOSED})", re.IGNORECASE)
_FINAL, _MESSAGE = "<|channel|>final", "<|message|>"
# Some servers write the final channel without its special tokens.
_BARE_FINAL = re.compile(r"\A\s*analysis(?=\S).*?assistant\s*final(?=\S)", re.DOTALL)
# Tags around the answer that follows the reasoning.
_ANSWER = re.compile(
    r"\A\s*(?:<answer>(.*)</answer>|<\|begin_of_solution\|>(.*)<\|end_of_solution\|>"
    r"|<\|start_response\|>(.*)<\|end_response\|>)\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_FENCE = re.compile(
    r"(?:(?<!`)`{3,8}(?!`)|~{3})[ \t]{0,8}[\w+-]{0,20}[ \t]{0,8}\r?\n(.*?)(?:`{3}|~{3})",
    re.DOTALL,
)
# End-of-message tokens that some servers leave in the text.
_ENDS = re.compile(
    r"\s*(?:<\|(?:end|return|im_end|eot_id|eom_id|eot|endoftext|end_of_text|end_of_turn|call"
    r"|end_of_turn_token)\|>|</s>|<end_of_turn>|<eos>|<turn\|>|<\uff5cend▁of▁sentence\uff5c>)\s*\Z",
    re.IGNORECASE,
)
_MOST_ENDS = 4
_MOST_STARTS = 20  # max positions of a text at which to try to parse JSON
_COMMA = re.compile(r",(\s*[\]}])")
_DECODER = json.JSONDecoder()
_AROUND = "\ufeff \t\r\n"


def without_thoughts(text: str) -> str:
    """Return a text without a model's reasoning and end-of-message tokens.

    Returns "" if the reasoning has no closing tag.
    """
    if not any(sign in text for sign in ("<", "[", "◁", "assistant")):
        return text
    answer = _without_ends(text)
    if (final := answer.rfind(_FINAL)) >= 0:
        return answer[final + len(_FINAL) :].removeprefix(_MESSAGE)
    if found := _BARE_FINAL.match(answer):
        return answer[found.end() :]
    while opened := _OPEN.match(answer):
        closed = _CLOSE.search(answer, opened.end())
        if closed is None:
            return ""
        answer = answer[closed.end() :].lstrip()
    # Some chat templates end with the opening tag, so the answer has only the closing tag.
    first = THOUGHT.search(answer)
    if first and first["closes"]:
        answer = answer[first.end() :].lstrip()
    return _unwrapped(answer) if "|>" in answer or len(answer) < len(text) else answer


def _without_ends(text: str) -> str:
    for _ in range(_MOST_ENDS):
        found = _ENDS.search(text, max(0, len(text) - 64))
        if found is None or (found[0].strip().lower() == "</s>" and "<s>" in text.lower()):
            break
        text = text[: found.start()]
    return text


def _unwrapped(answer: str) -> str:
    found = _ANSWER.match(answer)
    return next(part for part in found.groups() if part is not None).strip() if found else answer


def json_of(text: str, *, listed: bool = False) -> str:
    """Return the JSON object in an answer, or the whole text if there is none.

    The JSON may be in a code fence or between other words. With `listed`, a JSON list also counts.
    """
    kinds = (dict, list) if listed else (dict,)
    for part in (text, *_FENCE.findall(text)):
        if (whole := _whole(part, kinds)) is not None:
            return whole
    for mark in "{[" if listed else "{":
        if (inner := _within(text, mark)) is not None:
            return inner
    return text


def inputs_object(text: str) -> str:
    """Convert a JSON list of inputs to the form {"inputs": [...]}.

    Accepts a bare list, a list under another key, and a list of objects with one string each.
    Returns any other text unchanged.
    """
    found = _loaded(text)
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], dict):
        found = found[0] if _only_list(found[0]) else found
    items = _only_list(found) if isinstance(found, dict) else found
    if not isinstance(items, list) or items == []:
        return text
    texts = [_only_text(item) if isinstance(item, dict) else item for item in items]
    return json.dumps({"inputs": texts}, ensure_ascii=False)


def is_object(text: object) -> bool:
    """True if a text is exactly one JSON object."""
    return isinstance(text, str) and isinstance(_loaded(text), dict)


def _only_list(found: dict[str, Any]) -> list[Any] | None:
    lists = [value for value in found.values() if isinstance(value, list)]
    return lists[0] if len(lists) == 1 else None


def _only_text(item: dict[str, Any]) -> object:
    texts = [value for value in item.values() if isinstance(value, str)]
    return texts[0] if len(texts) == 1 else item


def _whole(text: str, kinds: tuple[type, ...]) -> str | None:
    """Return a text that as a whole is JSON of one of the types; None if it is not.

    Removes trailing commas. Unpacks JSON in a JSON string, and an object in a list of one.
    """
    for written in (text, _COMMA.sub(r"\1", text)):
        found = _loaded(written)
        if isinstance(found, str):
            written, found = found, _loaded(found)
        if isinstance(found, kinds):
            return written.strip(_AROUND)
        if isinstance(found, list) and len(found) == 1 and isinstance(found[0], dict):
            return json.dumps(found[0], ensure_ascii=False)
    return None


def _loaded(text: str) -> object:
    text = text.strip(_AROUND)
    if text[:1] not in ("{", "[", '"'):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _within(text: str, mark: str) -> str | None:
    """Return the first JSON value in a text that begins with `mark`; None if there is none.

    A list counts only if its items are strings or objects, since prose has numbers in brackets.
    """
    at = -1
    for _ in range(_MOST_STARTS):
        if (at := text.find(mark, at + 1)) < 0:
            return None
        try:
            found, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if found and (mark == "{" or all(isinstance(one, str | dict) for one in found)):
            return text[at:end]
    return None


def read_again(request: Request, stored: Completion) -> Completion:
    """Return a stored completion with its text parsed again by the current rules.

    Older versions stored reasoning, code fences and lists.
    """
    if _is_plain(stored.text):
        return stored
    text = counted_text(request, without_thoughts(stored.text))
    return stored if text == stored.text else replace(stored, text=text)


def _is_plain(text: str) -> bool:
    """True if no rule can change the text, as for most objects and labels."""
    return "<" not in text and (text.startswith("{") or not any(mark in text for mark in "{[`"))


def counted_text(request: Request, text: str) -> str:
    """Return the part of an answer to store and score: the JSON if the request asks for JSON."""
    asked_for_json = request.sampling.is_json
    found = json_of(text, listed=bool(request.sampling.inputs)) if asked_for_json else text
    return replace_lone_surrogates(inputs_object(found) if request.sampling.inputs else found)
