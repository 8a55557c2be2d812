"""Texts as the tool compares, hashes and stores them."""

import hashlib
import json
import unicodedata
from collections.abc import Sequence


def stable_hash(value: object) -> str:
    """32 hexadecimal digits of the SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def majority_vote(answers: Sequence[str]) -> str:
    """The first of them on a tie; empty when there is none."""
    return max(answers, key=answers.count) if answers else ""


def replace_lone_surrogates(text: str) -> str:
    """A text with U+FFFD for each lone surrogate: JSON may bring them, and neither UTF-8 nor the
    store can hold them. Two that belong together become their character."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def fold(text: str) -> str:
    """A text without differences of case, Unicode form and white space: what "equal" means here."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
