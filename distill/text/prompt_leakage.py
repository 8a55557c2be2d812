"""Detection of parts of a prompt that are repeated in its answer.

The measure is the share of a text's word n-grams that are in one of its prompts. Eight consecutive
words are seldom equal by chance. Brown et al. 2020 (appendix C) search training data for test rows
in the same way, with 13 words.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from distill.core.text import fold
from distill.core.words import NO_SPACES, THAI

WORDS = 8
# Half of the text, or ten consecutive words. In banking77, 0.5% of the test rows have as much in
# common with ten examples of their label, and nearly all of these have the same meaning.
LEAKED_SHARE, LEAKED_GRAMS = 0.5, 3
LINE_WORDS = 3  # a shorter line of a prompt is a heading or a name, which any message may repeat

# Chinese, Japanese, Thai and others have no spaces, so each letter counts as a word.
_WORD = re.compile(rf"[{NO_SPACES}]|[^\W{NO_SPACES}]+")
_THAI = re.compile(f"[{THAI}]")
THAI_LETTERS = 3  # letters of a word of Thai or Khmer, without combining marks

Words = tuple[str, ...]


def copied_share(text: str, prompt: str, n: int = WORDS) -> float:
    """Return the share of the text's word n-grams that are in the prompt, 0–1.

    Case, spaces and punctuation are ignored. For a text of fewer than n words, the share is 1 if
    the text is a line of the prompt, otherwise 0.
    """
    copied, all_ = _copied(_words(text), prompt, n)
    return copied / all_ if all_ else 0.0


def leaked_prompt(text: str, prompts: Sequence[str]) -> bool:
    """True if half of a text, or ten consecutive words, are in one of the prompts.

    A text of fewer than WORDS words must equal a line of a prompt with at least LINE_WORDS words.
    In Thai and similar scripts, THAI_LETTERS letters count as one word.
    """
    words, letters = _words(text), THAI_LETTERS if _THAI.search(text) else 1
    if len(words) < LINE_WORDS * letters:
        return False
    counts = [_copied(words, prompt, WORDS * letters) for prompt in prompts]
    return any(
        copied >= LEAKED_GRAMS or copied >= max(1, LEAKED_SHARE * all_) for copied, all_ in counts
    )


def words_of(text: str) -> Words:
    """Split a text into words as in `copied_share`; a letter of a script without spaces is one."""
    return _words(text)


def _copied(words: Words, prompt: str, n: int) -> tuple[int, int]:
    """Return (n-grams of the text that are in the prompt, all n-grams of the text)."""
    if len(words) < n:
        return int(words in _lines(prompt)), int(bool(words))
    known = _prompt_grams(prompt, n)
    own = _grams(words, n)
    return sum(gram in known for gram in own), len(own)


def _words(text: str) -> Words:
    """Return the words without combining marks, since `\\w` does not match them."""
    letters = unicodedata.normalize("NFD", fold(text))
    if not letters.isascii():
        letters = "".join(c for c in letters if not unicodedata.category(c).startswith("M"))
    return tuple(_WORD.findall(letters))


def _grams(words: Words, n: int) -> list[Words]:
    return [words[start : start + n] for start in range(len(words) - n + 1)]


@lru_cache(maxsize=64)
def _prompt_grams(prompt: str, n: int) -> frozenset[Words]:
    return frozenset(_grams(_words(prompt), n))


@lru_cache(maxsize=64)
def _lines(prompt: str) -> frozenset[Words]:
    """Return the words of each line that has words."""
    return frozenset(words for line in prompt.splitlines() if (words := _words(line)))
