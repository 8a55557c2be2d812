"""The lines of keys in a TOML file, for messages about its values."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from distill.core.errors import InvalidInput, Problem
from distill.task.files import read_text

KEY_OF_MESSAGE = re.compile(r'((?:\w+|"[^"]*")(?:\.(?:\w+|"[^"]*"))*): ')


def problem_of(path: Path, message: str, fix: str = "") -> Problem:
    """Return a problem of a TOML file, with the line of the key that begins the message."""
    found = KEY_OF_MESSAGE.match(message)
    key = found[1] if found else ""
    return Problem(message, str(path), line_of(path, _parts(key)) if key else None, key, fix)


def line_of(file: Path, key: Sequence[str]) -> int | None:
    """Return the line of a key, or else that of its section; None if the file has neither."""
    try:
        text = read_text(file)
    except InvalidInput:
        return None
    places, lengths = _places(text), range(len(key), 0, -1)
    return next((places[found] for n in lengths if (found := tuple(key[:n])) in places), None)


@lru_cache(maxsize=4)
def _places(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each key, cached because a file with many faults is searched for each."""
    places: dict[tuple[str, ...], int] = {}
    for path, line in _keys(text):
        for length in range(len(path), 0, -1):  # a dotted key is a line of its sections, too
            places.setdefault(path[:length], line)
    return places


def _keys(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield (key, line) of each line that has a section or a key."""
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if line.lstrip().startswith("["):
            if found := _path_in(line.split("#")[0]):
                section = found
                yield section, number
        elif "=" in line and (found := _path_in(f"{_before_the_value(line)} = 0")):
            yield (*section, *found), number


def _before_the_value(line: str) -> str:
    """Return the key of a line; an equals sign in quotes does not end it."""
    found = re.match(r'\s*((?:"[^"]*"|\'[^\']*\'|[^=])*?)\s*=', line)
    return found[1] if found else ""


def _path_in(line: str) -> tuple[str, ...]:
    """Return the path of the only key in a line of TOML; () if the line is none."""
    try:
        value: Any = tomllib.loads(line)
    except (ValueError, RecursionError):
        return ()
    path: list[str] = []
    while isinstance(value, dict | list) and len(value) == 1:
        if isinstance(value, list):
            [value] = value
        else:
            [(name, value)] = value.items()
            path.append(name)
    return tuple(path)


def _parts(key: str) -> tuple[str, ...]:
    return tuple(bare or quoted for quoted, bare in re.findall(r'"([^"]*)"|(\w+)', key))
