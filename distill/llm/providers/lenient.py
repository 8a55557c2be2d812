"""Answers as servers really write them in, one form out: endings, thoughts, fences, counts.

Servers that speak OpenAI's protocol differ in what they put into it: other words for an ending,
thoughts before the answer, JSON in a code fence, content in parts, counts that leave something out.
"""

import json
import re
from typing import Any

from distill.core.finish_reasons import ending_of, says_nothing
from distill.core.requests import Usage
from distill.llm.providers.wire import Payload

MAX_TOKENS = 100_000_000  # of an answer with its prompt: more is no count of tokens

# Names of the marks around a thought, with or without a family's prefix ("seed:think").
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
# The same without its special tokens, as some servers write it.
_BARE_FINAL = re.compile(r"\A\s*analysis(?=\S).*?assistant\s*final(?=\S)", re.DOTALL)
# Around the answer that follows a thought.
_ANSWER = re.compile(
    r"\A\s*(?:<answer>(.*)</answer>|<\|begin_of_solution\|>(.*)<\|end_of_solution\|>"
    r"|<\|start_response\|>(.*)<\|end_response\|>)\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_FENCE = re.compile(
    r"(?:(?<!`)`{3,8}(?!`)|~{3})[ \t]{0,8}[\w+-]{0,20}[ \t]{0,8}\r?\n(.*?)(?:`{3}|~{3})",
    re.DOTALL,
)
# A token that ends a message, left in its text by a server.
_ENDS = re.compile(
    r"\s*(?:<\|(?:end|return|im_end|eot_id|eom_id|eot|endoftext|end_of_text|end_of_turn|call"
    r"|end_of_turn_token)\|>|</s>|<end_of_turn>|<eos>|<turn\|>|<\uff5cend▁of▁sentence\uff5c>)\s*\Z",
    re.IGNORECASE,
)
_MOST_ENDS = 4
_MOST_STARTS = 20  # places where JSON is looked for in a text
_COMMA = re.compile(r",(\s*[\]}])")
_DECODER = json.JSONDecoder()
_AROUND = "\ufeff \t\r\n"


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


def without_thoughts(text: str) -> str:
    """A text without what a model thought before it, and without the tokens that end a message; ""
    where it never stopped thinking."""
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
    # The chat template of some models opens the thought, so that the answer only closes it.
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
    """The JSON in an answer that was to be JSON: in a code fence, or between other words; a list
    where one was asked for (`listed`).

    Gives the text as it is where no object or list is found.
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
    """The JSON of a list of inputs as {"inputs": [...]}: a bare list, one under another name, or a
    list of objects with one text each. Any other text as it is."""
    found = _loaded(text)
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], dict):
        found = found[0] if _only_list(found[0]) else found
    items = _only_list(found) if isinstance(found, dict) else found
    if not isinstance(items, list) or items == []:
        return text
    texts = [_only_text(item) if isinstance(item, dict) else item for item in items]
    return json.dumps({"inputs": texts}, ensure_ascii=False)


def is_object(text: object) -> bool:
    """True for a text that is one JSON object and nothing else."""
    return isinstance(text, str) and isinstance(_loaded(text), dict)


def _only_list(found: dict[str, Any]) -> list[Any] | None:
    lists = [value for value in found.values() if isinstance(value, list)]
    return lists[0] if len(lists) == 1 else None


def _only_text(item: dict[str, Any]) -> object:
    texts = [value for value in item.values() if isinstance(value, str)]
    return texts[0] if len(texts) == 1 else item


def _whole(text: str, kinds: tuple[type, ...]) -> str | None:
    """A text that is JSON of one of the kinds: as it is, with a comma too many, quoted once more,
    or alone in a list."""
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
    """The first JSON that begins with a mark somewhere in a text; of a list one of texts or
    objects, since prose has numbers in brackets."""
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
