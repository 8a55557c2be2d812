"""What of a prompt came back in its answer: a text and the prompts it was asked with come in, out
goes the share of its word n-grams that stand in one of them.

Eight words in a row are seldom the same by chance; training data are searched for test rows in the
same way (Brown et al. 2020, appendix C, with 13).
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from distill.core.text import fold

WORDS = 8
# Half of the text, or ten words in a row. Of banking77's test rows 0.5% share as much with ten
# examples of their label, nearly all of them those that say the same.
LEAKED_SHARE, LEAKED_GRAMS = 0.5, 3
LINE_WORDS = 3  # a shorter line of a prompt is a heading or a name, which messages repeat

# Chinese and Japanese write no spaces: each of their characters is a word.
_NO_SPACES = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_NO_SPACES}]|[^\W{_NO_SPACES}]+")

Words = tuple[str, ...]


def copied_share(text: str, prompt: str, n: int = WORDS) -> float:
    """0–1: the text's word n-grams that stand in the prompt, whatever their case, spaces and
    punctuation. A text of fewer words counts as a whole, if it is a line of the prompt."""
    copied, all_ = _copied(_words(text), prompt, n)
    return copied / all_ if all_ else 0.0


def leaked_prompt(text: str, prompts: Sequence[str]) -> bool:
    """Whether half of the text, some words in a row, or a line stands in one of the prompts."""
    words = _words(text)
    if len(words) < LINE_WORDS:
        return False
    counts = [_copied(words, prompt, WORDS) for prompt in prompts]
    return any(
        copied >= LEAKED_GRAMS or copied >= max(1, LEAKED_SHARE * all_) for copied, all_ in counts
    )


def words_of(text: str) -> Words:
    """Split a text as prompts and texts are compared: a Chinese character is a word."""
    return _words(text)


def _copied(words: Words, prompt: str, n: int) -> tuple[int, int]:
    """How many of the text's n-grams stand in the prompt, and how many it has."""
    if len(words) < n:
        return int(words in _lines(prompt)), int(bool(words))
    known = _prompt_grams(prompt, n)
    own = _grams(words, n)
    return sum(gram in known for gram in own), len(own)


def _words(text: str) -> Words:
    """Words without their combining marks, which `\\w` takes for the ends of words."""
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
    """The words of each line that has any."""
    return frozenset(words for line in prompt.splitlines() if (words := _words(line)))
