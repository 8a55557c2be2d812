"""Words and word counts of texts in any script.

Scripts such as Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan and Javanese have no spaces
between words. Their words are estimated from the mean number of letters per word. Korean words of 7
or more letters are counted in the same way.
"""

import re
import sys
import unicodedata
from functools import cache
from math import ceil

# For character classes of regular expressions: Han and kana, scripts of South-East Asia and Tibet.
HAN = (
    r"\u3040-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48f\uf900-\ufaff"
    r"\uff66-\uff9d\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
THAI = (
    r"\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf"
    r"\u1b00-\u1b7f\ua980-\ua9df\uaa60-\uaadf"
)
HANGUL = r"\uac00-\ud7a3"
NO_SPACES = HAN + THAI
# Each script with its approximate mean letters per word.
_SCRIPTS = ((re.compile(f"[{HAN}]"), 1.5), (re.compile(f"[{THAI}]"), 4.0))
# People leave out the spaces of Korean in chats. A run of 7 or more letters is taken for several
# words.
_LONG_KOREAN = re.compile(f"[{HANGUL}]{{7,}}")
KOREAN_LETTERS = 3
_FIRST_MARK = 0x0300
_JOINERS = "\u200c\u200d"
_ASCII_WORD = re.compile(r"\w+", re.ASCII)


def count_words(text: str) -> int:
    """Count the words of a text, and estimate the words of a script without spaces.

    Beside a script without spaces, a comma alone is no word.
    """
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    estimated = 0
    for script, letters in _SCRIPTS:
        text, count = script.subn(" ", text)
        estimated += ceil(count / letters)
    words = text.split()
    if estimated:
        words = [word for word in words if any(map(str.isalnum, word))]
    for run in _LONG_KOREAN.findall(text):
        estimated += ceil(len(run) / KOREAN_LETTERS) - 1
    return estimated + len(words)


def letters_a_word(text: str) -> int:
    """Return the mean letters per word of a script without spaces; 1 for any other script.

    Returns the lower mean if the text mixes such scripts.
    """
    found = [letters for script, letters in _SCRIPTS if script.search(text)]
    return round(min(found, default=1))


def word_units(text: str) -> list[str]:
    """Split a text into words, or into letters in a script without spaces."""
    for script, _ in _SCRIPTS:
        text = script.sub(r" \g<0> ", text)
    return text.split()


def words_in(text: str) -> list[str]:
    """Return the words of a text without punctuation; letters of a script without spaces alone.

    A word is a run of letters, digits and "_" with their combining marks.
    """
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return re.findall(word_pattern(), text)


@cache
def word_pattern(alone: str = NO_SPACES) -> str:
    r"""Return the regular expression of a word, which is `\w+` in ASCII.

    `alone`: the letters that are words by themselves, for a character class.
    """
    return rf"[{alone}]|(?![{alone}])\w(?:{word_sign(alone)})*"


@cache
def word_sign(alone: str = NO_SPACES) -> str:
    r"""Return the regular expression of a sign within a word: `\w` or a combining mark.

    `\w` does not match the marks, such as most vowels of Devanagari. `alone` as in `word_pattern`.
    """
    return rf"(?![{alone}])[\w{_marks()}]"


def in_word(sign: str) -> bool:
    r"""True for a sign within a word: one that `\w` matches, a combining mark or a joiner."""
    return sign.isalnum() or sign == "_" or sign in _JOINERS or _is_mark(sign)


def _is_mark(sign: str) -> bool:
    """True for a combining mark, but for no variation selector, since these follow emoji."""
    return unicodedata.category(sign)[0] == "M" and not "\ufe00" <= sign <= "\ufe0f"


@cache
def _marks() -> str:
    """Return the combining marks and joiners, for a character class."""
    ranges: list[list[int]] = []
    for code in range(_FIRST_MARK, sys.maxunicode >> 3):
        if not _is_mark(chr(code)):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges) + _JOINERS
