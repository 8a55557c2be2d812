"""The lines of keys in a JSON file, for messages about its values."""

import json
import re
from collections.abc import Sequence

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],\n]')


def line_of_path(text: str, path: Sequence[str]) -> int:
    """Return the line of a path of keys in valid JSON, or else of the nearest part above it.

    An item of a list has its index as its key. The line of the whole text is 1.
    """
    places = _lines(text)
    lengths = range(len(path), 0, -1)
    return next((places[found] for n in lengths if (found := tuple(path[:n])) in places), 1)


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line on which each key or item first stands, by its path."""
    places: dict[tuple[str, ...], int] = {}
    path: list[str] = []
    opened: list[str] = []
    line, wants_key = 1, False
    for found in _TOKENS.finditer(text):
        token = found[0]
        if token == "\n":
            line += 1
        elif token in "{[":
            if opened and opened[-1] == "[":
                places.setdefault(tuple(path), line)
            opened.append(token)
            path.append("0")
            wants_key = token == "{"
        elif token in "}]":
            opened.pop()
            path.pop()
        elif token == ",":
            wants_key = opened[-1] == "{"
            if not wants_key:
                path[-1] = str(int(path[-1]) + 1)
        elif wants_key:
            path[-1], wants_key = json.loads(token), False
            places.setdefault(tuple(path), line)
    return places
