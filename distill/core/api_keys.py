"""API keys from the environment.

Messages name the environment variable of a key. No key is shown, stored or logged.
"""

import os

from distill.core.errors import InputError, KeyMissing, Problem
from distill.core.requests import Endpoint


def required_key(variable: str, who: str, instead: str) -> None:
    """Check that the environment variable of a key is set.

    `who`: the model that needs the key. `instead`: the end of the message, an alternative to a key.

    Raises KeyMissing if the variable is not set. Raises InputError if its value has characters that
    are not valid in a key.
    """
    key = os.environ.get(variable, "").strip()
    _check_characters(variable, key)
    if not key:
        fix = f"set {variable} in the environment, {instead}"
        raise KeyMissing(Problem(f"{who} needs a key", key=variable, fix=fix))


def key_of(endpoint: Endpoint) -> str | None:
    """Return the endpoint's key without surrounding white space.

    Returns None if the endpoint needs no key, or if the variable is not set. Raises InputError for
    characters that are not valid in an HTTP header.
    """
    key = os.environ.get(endpoint.key_variable or "", "").strip()
    _check_characters(endpoint.key_variable or "", key)
    return key or None


def _check_characters(variable: str, key: str) -> None:
    if not (key.isascii() and key.isprintable()):
        raise InputError(
            f"{variable} has characters that are not valid in a key (curly quotes, a line break): "
            "copy the key again"
        )
