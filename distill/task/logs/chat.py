"""Requests and answers in the providers' formats, as inputs and texts.

Chat completions, responses and messages have messages with a role and a content. A content is a
text, or a list of parts, of which some are texts.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from distill.core.conversation import encode, encode_text
from distill.core.finish_reasons import ending_of
from distill.core.requests import Message
from distill.core.text import replace_lone_surrogates
from distill.task.logs import (
    CUT_OFF,
    FAILED,
    NO_ANSWER,
    NO_INPUT,
    NOT_TEXT,
    REFUSED,
    SEVERAL_ANSWERS,
    SEVERAL_TURNS,
    STREAMED,
    TOOL_CALL,
)

SYSTEM = ("system", "developer")
OF_TOOLS = ("tool", "function", "tool_call", "tool_call_response", "tool_use", "tool_result")
TEXTS = ("text", "input_text", "output_text")
ARGUMENTS = ("arguments", "input")  # keys of a call's arguments
UNSEEN = ("reasoning", "thinking", "redacted_thinking")  # parts that nobody reads as the answer
LISTS = ("messages", "data", "input")  # keys of a request's messages
ANSWERS = {"choices", "output", "content", "content_parts", "parts", "role"}  # keys of a response
BY_TOOLS = ("tool_calls", "function_call", "tool_use", "tool_call")
PROBLEMS = {
    "length": CUT_OFF,
    "content_filter": REFUSED,
    "refusal": REFUSED,
    "passing": FAILED,
}


class Unusable(Exception):
    """The reason why a call cannot be used."""


class Asked(NamedTuple):
    """The input of a request, its system prompt, and the number of its other messages."""

    input: str
    system: str
    turns: int = 1


class Answered(NamedTuple):
    """The text of an answer, or the arguments of a call with the tool's name."""

    text: str
    tool: str = ""


def loaded(value: Any) -> Any:
    """Return a value; the value of a text that is JSON, since exports pack objects into texts."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object; an empty one for any other value."""
    value = loaded(value)
    return value if isinstance(value, dict) else {}


def asked(messages: Any, system: Any = None) -> Asked:
    """Return the input of a request: its one text, or its conversation.

    `messages`: messages, or the text itself. `system`: the system prompt outside the messages.
    Raises Unusable for any other request.
    """
    found = loaded(messages)
    if isinstance(found, dict):  # a page of messages, or a whole request
        system = system or found.get("instructions") or found.get("system")
        found = next((found[key] for key in LISTS if found.get(key)), None)
    if isinstance(messages, str) and not _is_messages(found):  # the text itself, which may be JSON
        found = messages
    if isinstance(found, str):
        found = [{"role": "user", "content": found}]
    if not isinstance(found, list) or not found:
        raise Unusable(NO_INPUT)
    told: list[str] = [_text(system)] if system else []
    turns: list[Message] = []
    for message in found:
        role = str(message.get("role", "user")) if isinstance(message, dict) else ""
        if role in SYSTEM:
            told.append(_text(_content(message)))
        elif role in ("user", "assistant") and not _calls(message):
            of_user = role == "user"
            content = _text(_content(message), of_model=not of_user)
            turns.append(Message("user" if of_user else "assistant", content))
        else:
            is_tool = role in OF_TOOLS or _calls(message)
            raise Unusable(TOOL_CALL if is_tool else SEVERAL_TURNS if role else NO_INPUT)
    if not turns or not all(turn.content for turn in turns):
        raise Unusable(NO_INPUT)
    if turns[-1].role != "user":
        raise Unusable(SEVERAL_TURNS)
    text = encode_text(turns[0].content) if len(turns) == 1 else encode(turns)  # most have one
    return Asked(text, "\n".join(filter(None, told)), len(turns))


def _is_messages(value: Any) -> bool:
    """True for a list of messages."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and "role" in item for item in value)
    )


def answered(response: Any) -> Answered:
    """Return the text of a response, or its one call of a tool. Raises Unusable for any other."""
    packed, response = response, loaded(response)
    if isinstance(response, dict) and response:
        return _of_object(packed, response)
    if _is_messages(response):
        if len(response) > 1:
            raise Unusable(SEVERAL_ANSWERS)
        return _of_message(response[0])
    if not isinstance(packed, str):
        raise Unusable(NO_ANSWER)
    return _said(packed)


def _of_object(packed: Any, response: Mapping[str, Any]) -> Answered:
    """Return the answer of a response that is an object; `packed` is the response in the log."""
    if not ANSWERS & response.keys():
        if response.get("error"):
            raise Unusable(FAILED)
        # A text that is an object, which some tools unpack.
        return _said(packed if isinstance(packed, str) else json.dumps(packed, ensure_ascii=False))
    choices = response.get("choices")
    if isinstance(choices, list) and choices:
        if len(choices) > 1:
            raise Unusable(SEVERAL_ANSWERS)
        choice = mapping(choices[0])
        if response.get("object") == "chat.completion.chunk" or "delta" in choice:
            raise Unusable(STREAMED)
        message = choice.get("message") or {"content": choice.get("text")}
        return _of_message(message, choice.get("finish_reason"))
    if isinstance(response.get("output"), list | str):  # the API of responses
        return _of_output(response)
    return _of_message(response)


def _of_output(response: Mapping[str, Any]) -> Answered:
    """Return the answer of the API of responses, whose output is a list of items."""
    if response.get("status") == "incomplete":
        raise Unusable(CUT_OFF)
    output = response["output"]
    if isinstance(output, str):
        return _said(output)
    items = [item for item in map(mapping, output) if item.get("type") not in UNSEEN]
    if any(item.get("type") not in (None, "message", "function_call") for item in items):
        raise Unusable(TOOL_CALL)
    if calls := [item for item in items if item.get("type") == "function_call"]:
        return _called(calls)
    if len(items) > 1:
        raise Unusable(SEVERAL_ANSWERS)
    return _of_message(items[0] if items else {})


def _of_message(message: Any, reason: Any = None) -> Answered:
    """Return the text or the call of a model's message, with the end of the answer checked."""
    if isinstance(message, str):
        _check_end(reason)
        return _said(message)
    if not isinstance(message, dict):
        raise Unusable(NO_ANSWER)
    reasons = [reason, message.get("finish_reason") or message.get("stop_reason")]
    for one in reasons:
        _check_end(one)
    if _calls(message):
        return _called(list(_calls_in(message)))
    if any(one in BY_TOOLS for one in reasons):
        raise Unusable(TOOL_CALL)
    if message.get("refusal"):
        raise Unusable(REFUSED)
    return _said(_text(_content(message), of_model=True))


def _check_end(reason: Any) -> None:
    """Raise Unusable for the finish reason of an answer that is not complete."""
    if reason in BY_TOOLS:
        return
    if problem := PROBLEMS.get("refusal" if reason == "refusal" else ending_of(str(reason or ""))):
        raise Unusable(problem)


def _said(text: str) -> Answered:
    if not text.strip():
        raise Unusable(NO_ANSWER)
    return Answered(replace_lone_surrogates(text).strip())


def _calls_in(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the calls of tools in a message, of the forms of all providers."""
    for call in message.get("tool_calls") or ():
        yield mapping(call)
    if message.get("function_call"):
        yield mapping(message["function_call"])
    parts = _content(message)
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and part.get("type") in OF_TOOLS:
            yield part


def _called(calls: Sequence[Mapping[str, Any]]) -> Answered:
    """Return the arguments of the only call as JSON. Raises Unusable for several calls."""
    if len(calls) != 1:
        raise Unusable(TOOL_CALL)
    call = mapping(calls[0].get("function")) or calls[0]
    given = next((call[key] for key in ARGUMENTS if key in call), None)
    arguments = loaded(given)
    if not isinstance(arguments, dict) or not isinstance(call.get("name"), str):
        raise Unusable(TOOL_CALL)
    text = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    return Answered(replace_lone_surrogates(text), call["name"])


def _content(message: Mapping[str, Any]) -> Any:
    """Return a message's content; its parts in the messages of OpenTelemetry."""
    for key in ("content", "content_parts", "parts"):
        if message.get(key) is not None:
            return message[key]
    return None


def _calls(message: Any) -> bool:
    """True if a message calls a tool, or holds the result of one."""
    if not isinstance(message, dict):
        return False
    if message.get("tool_calls") or message.get("function_call"):
        return True
    parts = _content(message)
    return isinstance(parts, list) and any(
        isinstance(part, dict) and part.get("type") in OF_TOOLS for part in parts
    )


def _text(content: Any, *, of_model: bool = False) -> str:
    """Return the text of a content. Raises Unusable if a part is no text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return replace_lone_surrogates(content).strip()
    parts = content if isinstance(content, list) else [content]
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        kind = part.get("type", "text") if isinstance(part, dict) else ""
        if kind in OF_TOOLS:
            raise Unusable(TOOL_CALL)
        if kind == "refusal":
            raise Unusable(REFUSED)
        if kind in UNSEEN:
            continue
        text = part.get("text", part.get("content")) if kind in TEXTS else None
        if not isinstance(text, str):
            raise Unusable(NO_ANSWER if of_model else NOT_TEXT)
        texts.append(text)
    return replace_lone_surrogates("".join(texts)).strip()
