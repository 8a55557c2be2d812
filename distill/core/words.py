"""Word counts of texts in any script.

Scripts such as Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan and Javanese have no spaces
between words. Their words are estimated from the mean number of letters per word. Korean words of 7
or more letters are counted in the same way.
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
# People leave out the spaces of Korean in chats. A run of 7 or more letters is taken for several
# words.
_LONG_KOREAN = re.compile(r"[\uac00-\ud7a3]{7,}")
KOREAN_LETTERS = 3


def count_words(text: str) -> int:
    """Count the words of a text, and estimate the words of a script without spaces."""
    words = 0
    for script, letters in _SCRIPTS:
        text, count = script.subn(" ", text)
        words += ceil(count / letters)
    for run in _LONG_KOREAN.findall(text):
        words += ceil(len(run) / KOREAN_LETTERS) - 1
    return words + len(text.split())


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
