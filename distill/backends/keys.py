"""Keys come from the environment, are named in messages, and never shown, stored or logged."""

import os

from distill.errors import InputError


def required_key(variable: str, teacher: str) -> None:
    """Raises InputError when the variable is not set."""
    if not os.environ.get(variable):
        raise InputError(
            f"{teacher} needs a key: set {variable} in the environment, or choose another "
            "teacher.model (`embedded` needs none)"
        )
