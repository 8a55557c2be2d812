"""Parsers of a model's answer as a JSON object, a label or a list of inputs."""

import json
import math
from typing import Any

from distill.core.text import replace_lone_surrogates

MAX_DEPTH = 64  # max levels of nested lists and objects


def label_of(text: str) -> str:
    """Return the label in {"label": …}; the whole text if it is not such an object."""
    label = (json_object(text) or {}).get("label")
    return replace_lone_surrogates(label if isinstance(label, str) else text).strip()


def inputs_of(text: str, *, listed: bool = False) -> list[str]:
    """Return the inputs in {"inputs": […]}; the whole text as the only input if there is no list.

    `listed`: True if the schema required a list. An answer without a list then gives [].
    """
    found = (json_object(text) or {}).get("inputs")
    if isinstance(found, list):
        return [replace_lone_surrogates(item).strip() for item in found if isinstance(item, str)]
    return [] if listed else [text.strip()]


def json_object(text: str) -> dict[str, Any] | None:
    """Parse a text as a JSON object.

    Returns None for any other text, and for an object with more than MAX_DEPTH levels. Returns None
    if the object contains NaN, Infinity, or a number too large for a float.
    """
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and is_shallow(found) else None


def is_shallow(value: object) -> bool:
    """True if a JSON value has at most MAX_DEPTH levels, a safe depth for recursive functions."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return True
    return False


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(text)
    return value


def _no_constant(name: str) -> float:
    raise ValueError(name)
