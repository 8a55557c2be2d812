"""Keys come from the environment, are named in messages, and never shown, stored or logged."""

import os

from distill.core.errors import InputError
from distill.core.requests import Endpoint


def required_key(variable: str, who: str, instead: str) -> None:
    """Raises InputError when the variable is not set, or holds what no key is; the message says
    what else may be done."""
    key = os.environ.get(variable, "").strip()
    _check_characters(variable, key)
    if not key:
        raise InputError(f"{who} needs a key: set {variable} in the environment, {instead}")


def key_of(endpoint: Endpoint) -> str | None:
    """The endpoint's key, without white space around it; None when it has none or its variable is
    not set. Raises InputError for characters that no header can hold."""
    key = os.environ.get(endpoint.key_variable or "", "").strip()
    _check_characters(endpoint.key_variable or "", key)
    return key or None


def _check_characters(variable: str, key: str) -> None:
    if not (key.isascii() and key.isprintable()):
        raise InputError(f"{variable} holds characters that no key has: curly quotes, a line break")
