"""Conversations as inputs. An input is one string: a text, or the turns of a conversation.

Stores, hashes and searches in texts take a conversation as they take a text. Prompts, training
rows, requests and pages read its turns through this module.

The encoding, version 1: a turn is MARK, the title of its role, ": " and its content; a newline
stands between turns. MARK and ESCAPE are escaped in contents, so no content can form a turn. A text
that begins with MARK or ESCAPE is escaped by one ESCAPE in front. All other texts are stored as
they are. A conversation of one turn of the user is the text of that turn. Another version of the
encoding would begin with another mark.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal

from distill.core.requests import Message
from distill.core.special_tokens import inert

Role = Literal["system", "user", "assistant"]
MARK, ESCAPE = "\x02", "\x10"  # control characters, which no folding removes
TITLES: Mapping[Role, str] = {"system": "System", "user": "User", "assistant": "Assistant"}
_ROLES = {title: role for role, title in TITLES.items()}
_BETWEEN = f"\n{MARK}"
_TURN = re.compile(rf"({'|'.join(_ROLES)}): (.*)", re.DOTALL)
_WRITTEN = re.compile(rf"({'|'.join(_ROLES)}):\s*(.*)", re.IGNORECASE)
# Every sign that a reader or a page may show as the end of a line.
_LINE_END = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
INDENT = "  "


def encode(turns: Iterable[Message]) -> str:
    """Return the input of a conversation. Adjacent turns of one role become one turn.

    Many chat templates demand that the roles alternate.
    """
    merged = [
        Message(role, "\n\n".join(turn.content for turn in same))
        for role, same in groupby(turns, key=lambda turn: turn.role)
    ]
    if [turn.role for turn in merged] == ["user"]:
        return encode_text(merged[0].content)
    return "\n".join(f"{MARK}{TITLES[turn.role]}: {_escaped(turn.content)}" for turn in merged)


def encode_text(text: str) -> str:
    """Return the input of a text: the text itself, unless it begins like an encoding."""
    return ESCAPE + text if text.startswith((MARK, ESCAPE)) else text


def is_conversation(text: str) -> bool:
    """True if an input is a conversation."""
    return _decoded(text) is not None


def turns_of(text: str) -> tuple[Message, ...]:
    """Return the turns of an input; a text is one turn of the user."""
    return _decoded(text) or (Message("user", text.removeprefix(ESCAPE)),)


def _decoded(text: str) -> tuple[Message, ...] | None:
    """Return the turns of a conversation; None for a text."""
    if not text.startswith(MARK):
        return None
    found = [_TURN.fullmatch(part) for part in text[1:].split(_BETWEEN)]
    turns = tuple(Message(_ROLES[one[1]], _unescaped(one[2])) for one in found if one)
    is_whole = len(turns) == len(found) and turns[-1].role == "user"
    return turns if is_whole else None


def _escaped(content: str) -> str:
    return content.replace(ESCAPE, f"{ESCAPE}E").replace(MARK, f"{ESCAPE}M")


def _unescaped(content: str) -> str:
    return content.replace(f"{ESCAPE}M", MARK).replace(f"{ESCAPE}E", ESCAPE)


def with_roles(turns: Sequence[Message]) -> str:
    """Return the text form of turns: a line "User: …" for each, further lines indented.

    Only a turn begins a line with a role, since further lines of its content are indented. Special
    tokens of chat models are inert.
    """
    return "\n".join(
        f"{TITLES[turn.role]}: {_LINE_END.sub(_indented, inert(turn.content))}" for turn in turns
    )


def from_roles(text: str) -> str:
    """Return the input of a text form that a model wrote; "" unless the last turn is the user's.

    A text without roles is a turn of the user.
    """
    lines: list[tuple[Role, list[str]]] = []
    for line in text.split("\n"):
        if found := _WRITTEN.fullmatch(line):
            lines.append((_ROLES[found[1].capitalize()], [found[2]]))
        elif lines or line.strip():
            lines = lines or [("user", [])]
            lines[-1][1].append(line.removeprefix(INDENT))
    turns = [Message(role, "\n".join(said).strip()) for role, said in lines]
    is_answered = all(turn.content for turn in turns) and turns and turns[-1].role == "user"
    is_ordered = all(turn.role != "system" for turn in turns[1:])
    return encode(turns) if is_answered and is_ordered else ""


def _indented(end: re.Match[str]) -> str:
    return f"\n{INDENT}"


def as_text(text: str) -> str:
    """Return an input for readers and text models: a text as it is, turns in their text form."""
    turns = _decoded(text)
    return turns_of(text)[0].content if turns is None else with_roles(turns)


def shown_input(text: str) -> dict[str, Any]:
    """Return an input for a report: under "input" as a text, under "turns" if it has several."""
    turns = _decoded(text)
    found: dict[str, Any] = {"input": as_text(text)}
    return found if turns is None else found | {"turns": _objects(turns)}


def _objects(turns: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def contents_of(text: str) -> str:
    """Return the contents of an input's turns, a line each, without roles."""
    return "\n".join(turn.content for turn in turns_of(text))


def change_last(text: str, change: Callable[[str], str]) -> str:
    """Return an input whose last turn of the user has another content."""
    *before, last = turns_of(text)
    return encode([*before, Message("user", change(last.content))])


def is_within_turn(text: str, start: int, end: int) -> bool:
    """True unless `text[start:end]` touches the mark or the role of a turn."""
    return MARK not in text[max(0, start - 1) : end] or not is_conversation(text)


def input_row(text: str) -> dict[str, Any]:
    """Return an input as a row of a file has it: under "input", or under "messages"."""
    if not is_conversation(text):
        return {"input": turns_of(text)[0].content}
    return {"messages": _objects(turns_of(text))}
