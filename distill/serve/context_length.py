"""Token counts of chats, and the search for chats that exceed a context length."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import ceil
from pathlib import Path

from distill.serve.base_folder import tokenizer_of
from distill.serve.base_models import automatic
from distill.serve.embedded_models import BASES, unpacked

TEMPLATE_BYTES = 256  # max bytes that a chat template adds to a chat of three turns
TURN_BYTES = 64  # max bytes that it adds to each further turn

Chat = Sequence[Mapping[str, str]]


def longer_than(chats: Sequence[Chat], base: Path, limit: int) -> dict[int, int]:
    """Return the tokens of each chat with more than `limit` tokens, by index.

    The base's chat template and tokenizer are used. Chats with fewer bytes than `limit` are skipped
    without the tokenizer, which takes seconds to load, since a token has at least one byte.
    """
    counts = {place: tokens_of(chats[place], base) for place in perhaps_longer_than(chats, limit)}
    return {place: count for place, count in counts.items() if count > limit}


def perhaps_longer_than(chats: Sequence[Chat], limit: int) -> list[int]:
    """Return the indices of the chats that may have more than `limit` tokens."""
    return [
        place
        for place, turns in enumerate(chats)
        if _template_bytes(turns) + sum(len(turn["content"].encode()) for turn in turns) > limit
    ]


def _template_bytes(turns: Chat) -> int:
    return TEMPLATE_BYTES + TURN_BYTES * max(0, len(turns) - 3)


def tokens_of(turns: Chat, base: Path) -> int:
    """Count the tokens of a training chat, including the EOS token after the last answer."""
    tokenizer = tokenizer_of(base)
    asked = tokenizer.apply_chat_template(turns[:-1], add_generation_prompt=True, tokenize=False)
    text = asked + turns[-1]["content"] + tokenizer.eos_token
    return len(tokenizer(text, add_special_tokens=False).input_ids)


PER_TURN = 5  # tokens of a role and its special tokens
WITHOUT_SYSTEM = 20  # tokens of the default system prompt that some templates add
LONGEST_WORD = 12  # max letters of a word; a longer run is base64, a hash or a compound
WORD_LETTERS = 2  # assumed letters per token of a word; English has about five
_WORDS = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z][a-z]{{0,{LONGEST_WORD - 1}}}(?![A-Za-z0-9])")
_VOWEL = re.compile("[aeiouyAEIOUY]")
_SPACES = re.compile(r" +")
_COUNTED_SPACES = re.compile(r" {2,}| (?=\d)")


def at_most(text: str) -> int:
    """Return an upper bound of a text's tokens for a small base, in any script.

    A word of ASCII letters counts as one token per two letters. Any other byte counts as one token.
    The estimate for bills (`llm/tokens.py`) is not used, since it assumes a large vocabulary. For a
    small base it is six times too low for Thai.
    """
    words = sum(_word_tokens(found[0]) for found in _WORDS.finditer(text))
    rest = _WORDS.sub("", text)
    # A single space is part of the next word's token. A space before a digit is a token of its own,
    # and so is a run of spaces.
    spaces = sum(map(len, _SPACES.findall(rest)))
    counted = len(_COUNTED_SPACES.findall(text))
    return 1 + words + len(rest.encode("utf-8", "replace")) - spaces + counted


def _word_tokens(word: str) -> int:
    return ceil(len(word) / WORD_LETTERS) if _VOWEL.search(word) else len(word)


def tokenizer_here(base: str) -> Callable[[str], int] | None:
    """Return a token counter with a base's tokenizer; None if the base is not on this machine.

    Nothing is fetched or unpacked.
    """
    name = automatic()[0] if base == "auto" else base
    folder = unpacked(BASES[name]) if name in BASES else Path(name)
    file = folder / "tokenizer.json" if folder else None
    return _counter(file) if file and file.is_file() else None


@cache
def _counter(file: Path) -> Callable[[str], int]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def student_tokens(chat: Chat, count: Callable[[str], int]) -> int:
    """Count the tokens of a chat, including those of the chat template.

    `count`: the token counter for a text.
    """
    marks = PER_TURN * len(chat) + WITHOUT_SYSTEM * (chat[0]["role"] != "system")
    return marks + sum(count(turn["content"]) for turn in chat)


def long_chats(chats: Sequence[Chat], limit: int, base: str) -> tuple[list[int], bool]:
    """Return (indices of the chats with more than `limit` tokens, True if the count is exact).

    The count is exact if the base's tokenizer is on this machine. Otherwise it is an upper bound,
    so some of the chats may be shorter.
    """
    perhaps = perhaps_longer_than(chats, limit)
    own = tokenizer_here(base) if perhaps else None
    count = own or at_most
    return [n for n in perhaps if student_tokens(chats[n], count) > limit], own is not None
