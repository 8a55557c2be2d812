"""The input of a row: a text under "input", or a conversation under "messages"."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from distill.core.conversation import Role, encode, encode_text
from distill.core.requests import Message
from distill.core.text import replace_lone_surrogates

INPUT, MESSAGES = "input", "messages"
ROLES: Mapping[str, Role] = {
    **{"user": "user", "assistant": "assistant"},
    **{"system": "system", "developer": "system"},
}
OF_TOOLS = ("tool", "function")
TEXT_PARTS = ("text", "input_text", "output_text")

# (key, problem, remedy) → the error of a row.
Fail = Callable[[str, str, str], Exception]


def is_text(value: object) -> bool:
    """True for a text with more than white space."""
    return isinstance(value, str) and bool(value.strip())


def text_input(text: str) -> str:
    """Return the input of a text from outside: without lone surrogates and space at its ends."""
    return encode_text(replace_lone_surrogates(text).strip())


def conversation(row: Mapping[str, Any], fail: Fail) -> str:
    """Return the input of a row with "messages". Raises the error of `fail` for invalid turns."""
    if INPUT in row:
        raise fail(MESSAGES, 'has both "input" and "messages"', "keep one of them")
    messages = row[MESSAGES]
    if not isinstance(messages, list) or not messages:
        fix = 'write turns into it, like {"role": "user", "content": "…"}'
        raise fail(MESSAGES, '"messages" must be a list of turns that is not empty', fix)
    turns = [_turn(f"{MESSAGES}[{place}]", turn, fail) for place, turn in enumerate(messages)]
    for place, turn in enumerate(turns):
        if turn.role == "system" and place:
            fix = "move it to the beginning, or into the turn of the user"
            raise fail(f"{MESSAGES}[{place}]", "a system turn must be the first turn", fix)
    if turns[-1].role != "user":
        said = f"the last turn is the {turns[-1].role}'s, but a user's turn is answered"
        if turns[-1].role == "system":
            said = "there is no turn of the user"
        raise fail(MESSAGES, said, 'write the answer under its own key, such as "label"')
    return encode(turns)


def _turn(key: str, turn: object, fail: Fail) -> Message:
    if not isinstance(turn, Mapping):
        raise fail(key, f'{key} must be an object with "role" and "content"', "")
    role = turn.get("role")
    if role in OF_TOOLS or turn.get("tool_calls") or turn.get("function_call"):
        said = f"{key}: calls and results of tools within a conversation are not supported"
        raise fail(key, said, "write them as texts of assistant and user, or remove the row")
    if not isinstance(role, str) or role not in ROLES:
        raise fail(key, f"{key}: unknown role {role!r}", "known: user, assistant, system")
    content = "".join(_texts(key, turn.get("content"), fail))
    if not is_text(content):
        raise fail(key, f"{key}: the content is empty", "write its text, or remove the turn")
    return Message(ROLES[role], replace_lone_surrogates(content).strip())


def _texts(key: str, content: object, fail: Fail) -> Iterator[str]:
    """Yield the texts of a content, which may be a list of parts."""
    parts = content if isinstance(content, list) else [content]
    for part in parts:
        if part is None or isinstance(part, str):
            yield part or ""
            continue
        kind = part.get("type") if isinstance(part, Mapping) else None
        text = part.get("text") if isinstance(part, Mapping) and kind in TEXT_PARTS else None
        if not isinstance(text, str):
            named = f"a part of the type {kind!r}" if kind else "a content that is no text"
            said = f"{key}: {named}: images, sound and files are not supported"
            raise fail(key, said, "remove the row, or write in words what the part shows")
        yield text
