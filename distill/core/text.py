"""Normal forms and hashes of texts, and the majority vote."""

import hashlib
import json
import unicodedata
from collections.abc import Sequence


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
    """Return a text in NFKC form, case-folded, with single spaces as white space.

    Two texts are exact duplicates if their folded forms are equal.
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
