"""Which JSON schemas the providers take to constrain an answer; every other one is refused."""

from collections.abc import Iterator
from typing import Any

from distill.rehearsal import checks
from distill.rehearsal.problems import ApiError, invalid

# What both of them know.
_FORMATS = {"date", "date-time", "duration", "email", "hostname"}
_FORMATS |= {"ipv4", "ipv6", "time", "uri", "uuid"}
_EVERYWHERE = {"type", "description", "title", "enum", "const", "anyOf", "$ref", "$defs"}
_NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_TYPES = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"format", "minLength", "maxLength"},
    "integer": _NUMBERS,
    "number": _NUMBERS,
    "boolean": set(),
    "null": set(),
}
_NOT_TUNED = {"format", "minLength", "maxLength", "minItems", "maxItems", *_NUMBERS}
_NOT_ANTHROPIC = {"minLength", "maxLength", "maxItems", *_NUMBERS}
_DEEPEST = 10

Where = tuple[str, ...]


def check_openai(schema: dict[str, Any], name: str, *, tuned: bool) -> None:
    """Refuses what strict mode of OpenAI refuses; trained models know fewer keywords."""

    def refuse(where: Where, what: str) -> ApiError:
        return invalid(
            f"Invalid schema for response_format '{name}': In context={where!r}, {what}",
            "response_format",
        )

    if schema.get("type") != "object" or "anyOf" in schema:
        raise refuse((), 'schema must be a JSON Schema of \'type: "object"\', without "anyOf".')
    for where, part in _parts(schema, ()):
        if problem := _openai_problem(part, tuned=tuned):
            raise refuse(where, problem)
        if sum(step in ("properties", "items") for step in where) > _DEEPEST:
            raise refuse(where, f"there are more than {_DEEPEST} levels of nesting.")


def _openai_problem(part: dict[str, Any], *, tuned: bool) -> str | None:
    forbidden = _NOT_TUNED if tuned else set()
    if problem := _keyword_problem(part, forbidden):
        return problem
    if "object" not in _types(part):
        return None
    if part.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false."
    missing = set(part.get("properties", {})) ^ set(part.get("required", []))
    if missing:
        return (
            "'required' is required to be supplied and to be an array including every key in "
            f"properties. Missing or extra: {sorted(missing)}."
        )
    return None


def check_anthropic(schema: dict[str, Any]) -> None:
    """Refuses what structured outputs of Anthropic refuse."""
    check_form(schema)
    for where, part in _parts(schema, ()):
        problem = _keyword_problem(part, _NOT_ANTHROPIC)
        if "object" in _types(part) and part.get("additionalProperties") is not False:
            problem = "For 'object' type, 'additionalProperties' must be explicitly set to false"
        if part.get("minItems", 0) not in (0, 1):
            problem = "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
        if set(part.get("required", [])) - set(part.get("properties", {})):
            problem = "'required' names properties that do not exist"
        if problem:
            raise invalid(".".join(("output_config.format.schema", *where)) + f": {problem}")


def _types(part: dict[str, Any]) -> list[Any]:
    kind = part.get("type", [])
    return kind if isinstance(kind, list) else [kind]


def _keyword_problem(part: dict[str, Any], forbidden: set[str]) -> str | None:
    """What both providers mind: no type, an unknown one, keywords that it does not have."""
    types = _types(part)
    if unknown := [kind for kind in types if not isinstance(kind, str) or kind not in _TYPES]:
        return f"{unknown[0]!r} is not a known type."
    if not types and not {"enum", "const", "anyOf", "$ref"} & set(part):
        return "schema must have a 'type' key."
    allowed = _EVERYWHERE.union(*(_TYPES[kind] for kind in types)) - forbidden
    if extra := sorted(set(part) - allowed):
        return f"For {types} type, property '{extra[0]}' is not supported"
    if "array" in types and "items" not in part:
        return "array schema missing items."
    return None


_FORMS: dict[str, checks.Check] = {
    "properties": checks.record_of_anything,
    "$defs": checks.record_of_anything,
    "required": checks.array(checks.text()),
    "enum": checks.array(checks.anything, 1, 1000),
    "anyOf": checks.array(checks.record_of_anything, 1),
    "items": checks.record_of_anything,
    "format": checks.one_of(*_FORMATS),
    "pattern": checks.absent,
} | dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), checks.whole(0))
_FORMS |= dict.fromkeys(_NUMBERS, checks.number(-(10**15), 10**15))


def check_form(schema: Any) -> None:
    """Refuses what is no schema at all, or one that the stand-in cannot answer."""
    for where, part in _parts(schema, ()):
        known = {name: value for name, value in part.items() if name in _FORMS}
        try:
            checks.record(_FORMS)(known)
            _follow(schema, part.get("$ref", "#"))
        except checks.Problem as problem:
            place = ".".join(map(str, (*where, *problem.path)))
            raise invalid(
                f"Invalid schema: {place}: expected {problem.wanted or 'something else'}",
                "response_format",
            ) from None


def _follow(root: Any, reference: Any) -> None:
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise checks.Problem("value", "a reference within the schema", path=["$ref"])
    target = root
    for step in filter(None, reference[1:].split("/")):
        if not isinstance(target, dict) or step not in target:
            raise checks.Problem("value", "a reference to something that exists", path=["$ref"])
        target = target[step]


def _parts(schema: Any, where: Where) -> Iterator[tuple[Where, dict[str, Any]]]:
    """Every schema within a schema, with the way to it."""
    if not isinstance(schema, dict):
        raise invalid(f"Invalid schema: in {where!r} there must be an object.", "response_format")
    yield where, schema
    if "items" in schema:
        yield from _parts(schema["items"], (*where, "items"))
    for way, part in enumerate(schema.get("anyOf", [])):
        yield from _parts(part, (*where, "anyOf", str(way)))
    for group in ("properties", "$defs"):
        for name, part in schema.get(group, {}).items():
            yield from _parts(part, (*where, group, name))
