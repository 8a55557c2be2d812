"""Normal forms and hashes of texts, and the majority vote."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence

# Signs that no reader sees: soft hyphens, joiners, marks of direction, variation selectors; and the
# Arabic tatweel, which stretches a word. The tags in flags stay, since they tell flags apart.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u0640\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
_TURKISH_I = re.compile("[\u0130\u0131]")  # the dotted capital, the dotless small letter
_DOTTED = "i\u0307"  # the case-folded form of the dotted capital
_ENGLISH_I = re.compile(r"\bI\b")


def stable_hash(value: object) -> str:
    """Return the first 32 hexadecimal digits of the SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def majority_vote(answers: Sequence[str]) -> str:
    """Return the most frequent answer, or on a tie the first of them; "" without answers."""
    return max(answers, key=answers.count) if answers else ""


def replace_lone_surrogates(text: str) -> str:
    """Replace each lone surrogate with U+FFFD, and join surrogate pairs into one character.

    JSON may contain lone surrogates, but neither UTF-8 nor the store can represent them.
    """
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def fold(text: str) -> str:
    """Return a text in NFKC form, case-folded, without unseen signs, with single spaces.

    Two texts are exact duplicates if their folded forms are equal. Case is that of `fold_case`.
    """
    if text.isascii():
        return " ".join(text.casefold().split())
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(unicodedata.normalize("NFKC", fold_case(plain)).split())


def fold_case(text: str) -> str:
    """Return a text without differences of upper and lower case.

    In Turkish, "I" is the capital of the dotless i, and the dotted capital that of "i". A text with
    one of these two letters is taken for Turkish, unless it has the English word "I".
    """
    if _TURKISH_I.search(text) and not _ENGLISH_I.search(text):
        text = text.replace("I", "\u0131")
    return text.casefold().replace(_DOTTED, "i")
