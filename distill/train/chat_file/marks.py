"""Detection of special tokens, thinking blocks, wrong encodings and control characters in rows."""

import re
from collections.abc import Sequence

from distill.core.answer_text import THOUGHT
from distill.core.special_tokens import SPECIAL_TOKEN
from distill.train.chat_file.rows import ChatRow

# UTF-8 that was read as Latin-1 or Windows-1252, and the replacement character.
_CONTINUATION = (
    "\u0080-\u00bf\u0152\u0153\u0160\u0161"
    "\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122"
)
_MOJIBAKE = re.compile(
    rf"[\u00c2-\u00c3][{_CONTINUATION}](?![\u00c0-\u024f])|\u00e2[\u0080-\u009f\u20ac\u201a][{_CONTINUATION}]"
    # Chinese and Japanese.
    rf"|(?:[\u00e3-\u00e9](?:[{_CONTINUATION}][{_CONTINUATION} ]| [{_CONTINUATION}])){{2}}"
    rf"|\u00f0[\u009f\u0178][{_CONTINUATION}]{{2}}|(?:[\u00d0\u00d1][{_CONTINUATION}]){{3}}|\ufffd|\u00ef\u00bb\u00bf"
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def marks_in(texts: Sequence[str]) -> list[str]:
    """Return the distinct special tokens of chat models in the texts."""
    return list(dict.fromkeys(found[0] for text in texts for found in SPECIAL_TOKEN.finditer(text)))


def has_mark(row: ChatRow) -> bool:
    """True if any message has a special token."""
    return any(SPECIAL_TOKEN.search(turn.content) for turn in row.turns)


def has_thought(row: ChatRow) -> bool:
    """True if an answer has a thinking block."""
    return any(turn.role == "assistant" and THOUGHT.search(turn.content) for turn in row.turns)


def is_mojibake(row: ChatRow) -> bool:
    """True if any message has characters that were decoded with a wrong encoding."""
    return any(_MOJIBAKE.search(turn.content) for turn in row.turns)


def has_control(row: ChatRow) -> bool:
    """True if any message has NUL or another control character that no text needs."""
    return any(_CONTROL.search(turn.content) for turn in row.turns)
