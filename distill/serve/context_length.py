"""Chats that are longer than a model's context."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import ceil
from pathlib import Path

from distill.serve.base_folder import tokenizer_of
from distill.serve.base_models import automatic
from distill.serve.embedded_models import STUDENT, unpacked

TEMPLATE_BYTES = 256  # more than any chat template adds to a chat of three turns

Chat = Sequence[Mapping[str, str]]


def longer_than(chats: Sequence[Chat], base: Path, limit: int) -> dict[int, int]:
    """Return place → tokens of every chat of more than `limit` tokens.

    The base's own chat template is used. A token is a byte or more, so chats with few bytes need no
    tokenizer, which takes seconds to load.
    """
    counts = {place: tokens_of(chats[place], base) for place in perhaps_longer_than(chats, limit)}
    return {place: count for place, count in counts.items() if count > limit}


def perhaps_longer_than(chats: Sequence[Chat], limit: int) -> list[int]:
    """Return the places of chats that may have more than `limit` tokens."""
    return [
        place
        for place, turns in enumerate(chats)
        if TEMPLATE_BYTES + sum(len(turn["content"].encode()) for turn in turns) > limit
    ]


def tokens_of(turns: Chat, base: Path) -> int:
    """Count the tokens of a training chat, including the EOS token after the last answer."""
    tokenizer = tokenizer_of(base)
    asked = tokenizer.apply_chat_template(turns[:-1], add_generation_prompt=True, tokenize=False)
    text = asked + turns[-1]["content"] + tokenizer.eos_token
    return len(tokenizer(text, add_special_tokens=False).input_ids)


PER_TURN = 5  # tokens of a role and of the marks around it
WITHOUT_SYSTEM = 20  # tokens of the system prompt that a template writes where none is given
LONGEST_WORD = 12  # letters; a longer run is base64, a hash, or another language's compound
WORD_LETTERS = 2  # letters of a word per token; English has about five
_WORDS = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z][a-z]{{0,{LONGEST_WORD - 1}}}(?![A-Za-z0-9])")
_VOWEL = re.compile("[aeiouyAEIOUY]")
_SPACES = re.compile(r" +")
_COUNTED_SPACES = re.compile(r" {2,}| (?=\d)")


def at_most(text: str) -> int:
    """Return an upper bound of a text's tokens for a small base, in any script.

    A word of ASCII letters counts one token for every two letters. Every other byte counts one. The
    bill estimate (`llm/tokens.py`) is for large vocabularies, and is six times too low for Thai.
    """
    words = sum(_word_tokens(found[0]) for found in _WORDS.finditer(text))
    rest = _WORDS.sub("", text)
    # A space belongs to the next word, but not to a number. A run of spaces is one token.
    spaces = sum(map(len, _SPACES.findall(rest)))
    counted = len(_COUNTED_SPACES.findall(text))
    return 1 + words + len(rest.encode("utf-8", "replace")) - spaces + counted


def _word_tokens(word: str) -> int:
    return ceil(len(word) / WORD_LETTERS) if _VOWEL.search(word) else len(word)


def tokenizer_here(base: str) -> Callable[[str], int] | None:
    """Return the token counter of a base's own tokenizer; None if the base is not on this machine.

    Nothing is fetched or unpacked.
    """
    name = automatic()[0] if base == "auto" else base
    folder = unpacked(STUDENT) if name == STUDENT else Path(name)
    file = folder / "tokenizer.json" if folder else None
    return _counter(file) if file and file.is_file() else None


@cache
def _counter(file: Path) -> Callable[[str], int]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def student_tokens(chat: Chat, count: Callable[[str], int]) -> int:
    """Count the tokens of a chat with the marks of a chat template; `count` counts a text."""
    marks = PER_TURN * len(chat) + WITHOUT_SYSTEM * (chat[0]["role"] != "system")
    return marks + sum(count(turn["content"]) for turn in chat)


def long_chats(chats: Sequence[Chat], limit: int, base: str) -> tuple[list[int], bool]:
    """Return the places of chats over `limit` tokens, and True if the base's tokenizer counted.

    Without that tokenizer the chats may be shorter.
    """
    perhaps = perhaps_longer_than(chats, limit)
    own = tokenizer_here(base) if perhaps else None
    count = own or at_most
    return [n for n in perhaps if student_tokens(chats[n], count) > limit], own is not None
