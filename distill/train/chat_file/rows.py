"""The parser of an example file's lines: returns a row, or all errors of the line."""

import json
import re
import reprlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill.core.text import fold
from distill.llm.tokens import of_message, of_text

ROLES = ("system", "developer", "user", "assistant")
ROW_KEYS = ("messages",)
MESSAGE_KEYS = ("role", "content", "name", "weight")
FORM = '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}'
SHOWN_LINES = 10

SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 60

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # OpenAI's rule
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Turn:
    """A message. The assistant's message with weight 0 is context and is not learnt."""

    role: str
    content: str
    name: str = ""
    weight: int = 1


@dataclass(frozen=True, slots=True)
class ChatRow:
    """An example without errors.

    `line`: the line number.
    `tokens`: the estimated tokens of all messages.
    `answer_tokens`: the estimated tokens of the answers that are learnt.
    """

    line: int
    turns: tuple[Turn, ...]
    tokens: int
    answer_tokens: int

    @property
    def answer(self) -> str:
        """The last message."""
        return self.turns[-1].content

    @property
    def folded_input(self) -> tuple[tuple[str, str], ...]:
        """(role, folded content) of the messages before the answer, for comparing inputs."""
        return tuple((turn.role, fold(turn.content)) for turn in self.turns[:-1])

    @property
    def system_prompt(self) -> tuple[str, ...]:
        """The contents of all system and developer messages."""
        return tuple(turn.content for turn in self.turns if turn.role in ROLES[:2])


@dataclass(frozen=True, slots=True)
class FileFinding:
    """An error or a warning: the problem with its remedy, and the lines; () for the whole file."""

    message: str
    lines: tuple[int, ...] = ()

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.lines[:SHOWN_LINES]))
        more = f", … {len(self.lines)} in all" if len(self.lines) > SHOWN_LINES else ""
        noun = "line" if len(self.lines) == 1 else "lines"
        return f"{self.message} ({noun} {shown}{more})" if self.lines else self.message


def row_of(number: int, line: bytes) -> ChatRow | list[FileFinding]:
    """Parse a line into its row, or into the list of its errors."""
    try:
        value = _value(line)
    except ValueError as error:
        return [FileFinding(str(error), (number,))]
    problems = [FileFinding(problem, (number,)) for problem in _row_problems(value)]
    if problems or not isinstance(value, dict):
        return problems
    turns = tuple(Turn(**message) for message in value["messages"])
    learnt = [turn for turn in turns if turn.role == "assistant" and turn.weight]
    tokens = sum(of_message(turn.content, turn.name) for turn in turns)
    answer_tokens = sum(of_text(turn.content) for turn in learnt)
    return ChatRow(number, turns, tokens, answer_tokens)


def _value(line: bytes) -> object:
    """Parse the JSON of a line. Raises ValueError with the reason."""
    if not line.strip():
        raise ValueError("is empty: remove the line")
    try:
        return json.loads(line.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the line"
        raise ValueError(f"is not UTF-8 at {where}: save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"character {error.colno}: {error.msg}"
        raise ValueError(
            f"is not valid JSON at {where}; write one complete object per line"
        ) from error
    except RecursionError as error:
        raise ValueError(f"is nested too deeply; write {FORM}") from error


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raises ValueError for a duplicate key, which JSON parsers read
    differently."""
    twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if twice:
        raise ValueError(f"key {SHORT.repr(twice[0])} occurs twice in an object: keep one")
    return dict(pairs)


def _row_problems(value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"is not a JSON object but {SHORT.repr(value)}; write {FORM}"
        return
    yield from _unknown_keys("the row", value, ROW_KEYS)
    messages = value.get("messages")
    if "messages" not in value:
        yield f'"messages" is missing; write {FORM}'
    elif not isinstance(messages, list) or not messages:
        yield f'"messages" must be a list that is not empty, not {SHORT.repr(messages)}'
    else:
        for place, message in enumerate(messages):
            yield from _message_problems(f"messages[{place}]", message)
        yield from _answer_problems([m for m in messages if isinstance(m, dict)])


def _unknown_keys(where: str, value: Mapping[str, Any], known: Collection[str]) -> Iterator[str]:
    for key in value:
        if key not in known:
            yield f"{where}: unknown key {SHORT.repr(key)}: remove it; known: {', '.join(known)}"


def _message_problems(where: str, message: object) -> Iterator[str]:
    if not isinstance(message, dict):
        yield f'{where} must be an object with "role" and "content", not {SHORT.repr(message)}'
        return
    yield from _unknown_keys(where, message, MESSAGE_KEYS)
    role = message.get("role")
    if role not in ROLES:
        said = f"unknown role {SHORT.repr(role)}" if "role" in message else '"role" is missing'
        yield f"{where}: {said}; known: {', '.join(ROLES)}"
    if "content" not in message:
        yield f'{where}: "content" is missing; give the text of the message'
    for key in ("content", "name"):
        if key in message:
            yield from _text_problems(f"{where}.{key}", message[key])
    name = message.get("name")
    if isinstance(name, str) and name.strip() and not _NAME.fullmatch(name):
        yield (
            f"{where}.name {SHORT.repr(name)}: OpenAI accepts at most 64 characters, and only "
            "letters, digits, _ and -; change it, or remove it"
        )
    if "weight" in message:
        yield from _weight_problems(where, role, message["weight"])


def _text_problems(where: str, text: object) -> Iterator[str]:
    if not isinstance(text, str):
        yield f"{where} must be a string, not {SHORT.repr(text)}"
    elif not text.strip():
        yield f"{where} is empty: add the text, or remove the row"
    elif found := _LONE_SURROGATE.search(text):
        half = f"{found[0]!a} at character {found.start() + 1}"
        yield f"{where} has half of a surrogate pair, {half}, which is not a character: remove it"


def _weight_problems(where: str, role: object, weight: object) -> Iterator[str]:
    # True == 1 in Python, not in JSON.
    if type(weight) is not int or weight not in (0, 1):
        yield f"{where}.weight must be 0 (not learnt) or 1 (learnt), not {SHORT.repr(weight)}"
    elif role != "assistant":
        yield f"{where}.weight: only the assistant's messages have a weight; remove it"


def _answer_problems(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    answers = [message for message in messages if message.get("role") == "assistant"]
    if not messages or messages[-1].get("role") != "assistant":
        yield "the last message must be the assistant's, with the answer to learn"
    elif all(message.get("weight") == 0 for message in answers):
        yield "all of the assistant's messages have weight 0: set one to 1, or nothing is learnt"
