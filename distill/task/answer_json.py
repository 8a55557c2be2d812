"""The text of an answer → the JSON value, the label or the inputs that it holds."""

import json
import math
from typing import Any

from distill.core.text import replace_lone_surrogates

MAX_DEPTH = 64  # of JSON, in lists and objects


def label_of(text: str) -> str:
    """The label in an answer: {"label": …} where the schema asked for it, else the text itself."""
    label = (json_object(text) or {}).get("label")
    return replace_lone_surrogates(label if isinstance(label, str) else text).strip()


def inputs_of(text: str, *, listed: bool = False) -> list[str]:
    """The texts in an answer: {"inputs": […]} where the schema asked for it (`listed`), else the
    text itself. None where a list was asked for and what came is none."""
    found = (json_object(text) or {}).get("inputs")
    if isinstance(found, list):
        return [replace_lone_surrogates(item).strip() for item in found if isinstance(item, str)]
    return [] if listed else [text.strip()]


def json_object(text: str) -> dict[str, Any] | None:
    """The object that a text is in JSON; None where it is none. NaN and Infinity are no JSON, and a
    number that only infinity could hold is none."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and is_shallow(found) else None


def is_shallow(value: object) -> bool:
    """True for a JSON value of at most MAX_DEPTH levels: functions that walk through it recurse."""
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
