"""Names of backends in a task file."""

from collections.abc import Mapping

from distill.core.errors import InputError


def chosen(key: str, name: str, known: Mapping[str, object], *, auto: str) -> str:
    """Return the backend's name; `auto` if `name` is "auto".

    Raises InputError, with the key and the known names, for an unknown name."""
    found = auto if name == "auto" else name
    if found not in known:
        names = ", ".join(["auto", *known])
        raise InputError(f"{key}: {name!r} does not exist: choose one of {names}")
    return found
