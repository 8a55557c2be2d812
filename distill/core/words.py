"""Word counts of texts in any script.

Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan, Javanese and others write no spaces between
words. Words of these scripts are estimated from the mean letters per word. Long runs of Korean
without spaces are counted in the same way.
"""

import re
from math import ceil

# Approximate mean letters per word: Han and kana, then South-East Asian scripts and Tibetan.
_SCRIPTS = (
    (
        re.compile(
            r"[\u3040-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48f\uf900-\ufaff"
            r"\uff66-\uff9d\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
        ),
        1.5,
    ),
    (
        re.compile(
            r"[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf"
            r"\u1b00-\u1b7f\ua980-\ua9df\uaa60-\uaadf]"
        ),
        4.0,
    ),
)
# Korean has spaces, which people leave out in chats. No Korean word has 7 letters or more.
_LONG_KOREAN = re.compile(r"[\uac00-\ud7a3]{7,}")
KOREAN_LETTERS = 3


def count_words(text: str) -> int:
    """Count words between spaces, and words in scripts that write none."""
    words = 0
    for script, letters in _SCRIPTS:
        text, count = script.subn(" ", text)
        words += ceil(count / letters)
    for run in _LONG_KOREAN.findall(text):
        words += ceil(len(run) / KOREAN_LETTERS) - 1
    return words + len(text.split())


def letters_a_word(text: str) -> int:
    """Return the mean letters per word of the text's script without spaces; 1 for other scripts."""
    found = [letters for script, letters in _SCRIPTS if script.search(text)]
    return round(min(found, default=1))


def word_units(text: str) -> list[str]:
    """Split a text into words; in a script without spaces, into letters."""
    for script, _ in _SCRIPTS:
        text = script.sub(r" \g<0> ", text)
    return text.split()
