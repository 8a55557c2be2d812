"""Suggestions for misspelt names: the nearest known name, as a question."""

from collections.abc import Iterable
from difflib import get_close_matches

SIMILAR = 0.6  # difflib's default: 1.0 is equality


def nearest(name: str, known: Iterable[str], *, least: float = SIMILAR) -> str:
    """Return the known name that is most similar to a name, ignoring case; "" if none is near."""
    by_folded = {one.casefold(): one for one in known}
    found = get_close_matches(name.casefold(), by_folded, n=1, cutoff=least)
    return by_folded[found[0]] if found else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "did you mean …?" for the nearest known name; "" if none is near."""
    found = nearest(name, known)
    return f"did you mean {found}?" if found else ""
