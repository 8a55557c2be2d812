"""A name in a task file → a backend that exists."""

from collections.abc import Mapping

from distill.core.errors import InputError


def chosen(key: str, name: str, known: Mapping[str, object], *, auto: str) -> str:
    """The backend that `name` means, `auto` for "auto". Raises InputError, naming the key and the
    known backends, for one that does not exist."""
    found = auto if name == "auto" else name
    if found not in known:
        names = ", ".join(["auto", *known])
        raise InputError(f"{key}: {name!r} does not exist; known: {names}")
    return found
