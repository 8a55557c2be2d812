"""Checks of a JSON Schema by the rules of OpenAI's and Anthropic's structured outputs.

The stand-in server of a rehearsal uses the same checks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

# Formats that both providers support.
_Format = Literal[
    "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid"
]
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

_MAX_ENUM = 1000
_MAX_NUMBER = 10**15

_Count = Annotated[int, Field(ge=0)]
_Number = Annotated[float, Field(ge=-_MAX_NUMBER, le=_MAX_NUMBER)]
_Object = dict[str, Any]
Where = tuple[str, ...]


@dataclass
class SchemaRefused(Exception):
    """A provider's refusal of a schema.

    `param`: the request's parameter; None if unknown. `where`: the path of the refused part.
    """

    message: str
    param: str | None = None
    where: Where = ()


class _Keywords(BaseModel):
    """The types of a schema's keywords; `_keyword_problem` checks the other rules."""

    model_config = ConfigDict(strict=True, populate_by_name=True)

    properties: _Object = {}
    defs: _Object = Field({}, alias="$defs")
    required: list[str] = []
    enum: Annotated[list[Any], Field(min_length=1, max_length=_MAX_ENUM)] = [None]
    any_of: Annotated[list[_Object], Field(min_length=1)] = Field([{}], alias="anyOf")
    items: _Object = {}
    format: _Format = "date"
    min_items: _Count = Field(0, alias="minItems")
    max_items: _Count = Field(0, alias="maxItems")
    min_length: _Count = Field(0, alias="minLength")
    max_length: _Count = Field(0, alias="maxLength")
    minimum: _Number = 0
    maximum: _Number = 0
    exclusive_minimum: _Number = Field(0, alias="exclusiveMinimum")
    exclusive_maximum: _Number = Field(0, alias="exclusiveMaximum")
    multiple_of: _Number = Field(0, alias="multipleOf")


def check_openai(schema: dict[str, Any], name: str, *, tuned: bool) -> None:
    """Raise SchemaRefused for a schema that OpenAI's strict mode refuses.

    Fine-tuned models (`tuned`) support fewer keywords.
    """

    def refuse(where: Where, what: str) -> SchemaRefused:
        return SchemaRefused(
            f"Invalid schema for response_format '{name}': In context={where!r}, {what}",
            "response_format",
            where,
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
    """Raise SchemaRefused for a schema that Anthropic's structured outputs refuse."""
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
            path = ".".join(("output_config.format.schema", *where))
            raise SchemaRefused(f"{path}: {problem}", where=where)


def _types(part: dict[str, Any]) -> list[Any]:
    kind = part.get("type", [])
    return kind if isinstance(kind, list) else [kind]


def _keyword_problem(part: dict[str, Any], forbidden: set[str]) -> str | None:
    """Return a problem by the rules that both providers share; None if there is none.

    A schema must have a known type, and only keywords of that type.
    """
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


def check_form(schema: Any) -> None:
    """Raise SchemaRefused for an invalid schema, and for one that the stand-in cannot answer."""
    for where, part in _parts(schema, ()):
        if "pattern" in part:
            raise _malformed((*where, "pattern"), "patterns are not supported")
        try:
            _Keywords.model_validate(part)
        except ValidationError as error:
            first = error.errors()[0]
            raise _malformed((*where, *map(str, first["loc"])), first["msg"]) from None
        if not _exists(schema, part.get("$ref", "#")):
            raise _malformed((*where, "$ref"), "must be a reference to a part of the schema")


def _malformed(where: Where, problem: str) -> SchemaRefused:
    told = f"Invalid schema: {'.'.join(where)}: {problem}"
    return SchemaRefused(told, "response_format", where)


def _exists(root: Any, reference: Any) -> bool:
    """True if a reference points to an existing part of the schema."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return False
    target = root
    for step in filter(None, reference[1:].split("/")):
        if not isinstance(target, dict) or step not in target:
            return False
        target = target[step]
    return True


def _parts(schema: Any, where: Where) -> Iterator[tuple[Where, dict[str, Any]]]:
    """Yield the schema and every schema within it, each with its path.

    Raises SchemaRefused for a schema that is not an object.
    """
    if not isinstance(schema, dict):
        raise SchemaRefused(
            f"Invalid schema: in {where!r} there must be an object.", "response_format", where
        )
    yield where, schema
    if "items" in schema:
        yield from _parts(schema["items"], (*where, "items"))
    for way, part in enumerate(schema.get("anyOf", [])):
        yield from _parts(part, (*where, "anyOf", str(way)))
    for group in ("properties", "$defs"):
        for name, part in schema.get(group, {}).items():
            yield from _parts(part, (*where, group, name))
