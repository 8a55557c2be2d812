"""Tables of allowed parameters.

A `Check` tests a value of a request and raises `Problem` if the provider does not take the value.
Unknown parameters are refused.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from distill.rehearsal.provider.errors import ApiError, invalid

Kind = Literal["missing", "unknown", "type", "value", "absent"]
Check = Callable[[Any], None]


@dataclass
class Problem(Exception):
    """A problem with a value, and the path of the value in the request."""

    kind: Kind
    wanted: str = ""
    value: object = None
    path: list[str | int] = field(default_factory=list)


def _inside(name: str | int, check: Check, value: object) -> None:
    try:
        check(value)
    except Problem as problem:
        problem.path.insert(0, name)
        raise


def whole(low: int, high: int = 2**63) -> Check:
    """Check for an integer from `low` to `high`; true is not 1."""

    def check(value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Problem("type", "an integer", value)
        if not low <= value <= high:
            raise Problem("value", f"an integer from {low} to {high}", value)

    return check


def number(low: float, high: float) -> Check:
    """Check for a number from `low` to `high`."""

    def check(value: object) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Problem("type", "a number", value)
        if not low <= value <= high:
            raise Problem("value", f"a number from {low} to {high}", value)

    return check


def text(longest: int | None = None, *, shortest: int = 0, pattern: str | None = None) -> Check:
    """Check for a string, with optional limits of its length and an optional pattern."""
    form = None if pattern is None else re.compile(pattern)

    def check(value: object) -> None:
        if not isinstance(value, str):
            raise Problem("type", "a string", value)
        if len(value) < shortest or (longest is not None and len(value) > longest):
            raise Problem("value", f"a string of {shortest} to {longest} characters", value)
        if form is not None and not form.fullmatch(value):
            raise Problem("value", f"a string that matches {pattern}", value)

    return check


def boolean(value: object) -> None:
    """Check for true or false."""
    if not isinstance(value, bool):
        raise Problem("type", "a boolean", value)


def one_of(*allowed: object) -> Check:
    """Check for one of the allowed values."""

    def check(value: object) -> None:
        # 1 == True in Python, not in JSON.
        if not any(value == item and type(value) is type(item) for item in allowed):
            raise Problem("value", "one of " + ", ".join(repr(item) for item in allowed), value)

    return check


def maybe(check: Check) -> Check:
    """Check for null, or for a value that `check` takes."""
    return lambda value: None if value is None else check(value)


def either(first: type, check: Check, otherwise: Check) -> Check:
    """Check values of the type `first` with `check`, and all others with `otherwise`."""
    return lambda value: check(value) if isinstance(value, first) else otherwise(value)


def array(item: Check, low: int = 0, high: int = 2**63) -> Check:
    """Check for an array of `low` to `high` items."""

    def check(value: object) -> None:
        if not isinstance(value, list):
            raise Problem("type", "an array", value)
        if not low <= len(value) <= high:
            raise Problem("value", f"an array of {low} to {high} items", len(value))
        for index, entry in enumerate(value):
            _inside(index, item, entry)

    return check


def record(fields: Mapping[str, Check], required: Collection[str] = ()) -> Check:
    """Check for an object with the required fields and no unknown fields."""

    def check(value: object) -> None:
        if not isinstance(value, dict):
            raise Problem("type", "an object", value)
        for name, entry in value.items():
            if name not in fields:
                raise Problem("unknown", path=[name])
            _inside(name, fields[name], entry)
        for name in required:
            if name not in value:
                raise Problem("missing", path=[name])

    return check


def tagged(key: str, variants: Mapping[str, Check]) -> Check:
    """Check an object with the variant that its field `key` names."""

    def check(value: object) -> None:
        if not isinstance(value, dict):
            raise Problem("type", "an object", value)
        if key not in value:
            raise Problem("missing", path=[key])
        _inside(key, one_of(*variants), value[key])
        variants[value[key]](value)

    return check


def anything(value: object) -> None:
    """Take any value; another check tests it."""


def record_of_anything(value: object) -> None:
    """Check for an object; another check tests its fields."""
    if not isinstance(value, dict):
        raise Problem("type", "an object", value)


def absent(value: object) -> None:
    """Refuse a parameter of the provider that the stand-in lacks, instead of ignoring it."""
    raise Problem("absent", value=value)


def metadata(value: object) -> None:
    """Check for at most 16 pairs of short strings."""
    if not isinstance(value, dict):
        raise Problem("type", "an object", value)
    if len(value) > 16:
        raise Problem("value", "at most 16 pairs", len(value))
    for key, entry in value.items():
        _inside(key, text(64), key)
        _inside(key, text(512), entry)


def openai(check: Check, body: object) -> None:
    """Check a request to OpenAI. Raises ApiError with OpenAI's message."""
    try:
        check(body)
    except Problem as problem:
        raise _openai_error(problem) from None


def _openai_error(problem: Problem) -> ApiError:
    where = ""
    for step in problem.path:
        where += f"[{step}]" if isinstance(step, int) else f".{step}" if where else step
    if problem.kind == "missing":
        return invalid(
            f"Missing required parameter: '{where}'.", where, "missing_required_parameter"
        )
    if problem.kind == "unknown":
        return invalid(f"Unknown parameter: '{where}'.", where, "unknown_parameter")
    if problem.kind == "absent":
        return invalid(f"The rehearsal does not offer '{where}'.", where, "unsupported_parameter")
    given = type(problem.value).__name__ if problem.kind == "type" else repr(problem.value)
    code = f"invalid_{problem.kind}"
    return invalid(
        f"Invalid {problem.kind} for '{where}': expected {problem.wanted}, but got {given}.",
        where or None,
        code,
    )


def anthropic(check: Check, body: object) -> None:
    """Check a request to Anthropic. Raises ApiError with Anthropic's message."""
    try:
        check(body)
    except Problem as problem:
        words = {
            "missing": "Field required",
            "unknown": "Extra inputs are not permitted",
            "absent": "The rehearsal does not offer this",
        }
        said = words.get(problem.kind, f"Input should be {problem.wanted}")
        raise invalid(f"{'.'.join(map(str, problem.path)) or 'body'}: {said}") from None
