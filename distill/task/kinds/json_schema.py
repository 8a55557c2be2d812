"""The JSON Schema of a task: resolution of its references, and a check for unsupported parts."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from distill.task.answer_json import MAX_DEPTH, is_shallow
from distill.task.kinds.normalise import NORMALISERS

NORMALIZE, VERBATIM = "x-normalize", "x-verbatim"
NOTHING = "nothing"  # the group of answers without a field
NAMED_PARTS = ("properties", "$defs", "patternProperties", "dependentSchemas")
DEFINITIONS = ("$defs", "definitions")
VALUES = ("enum", "const", "default", "examples")
NUMBERS = {"integer", "number"}
Schema = Mapping[str, Any]
FieldType = Literal["text", "number", "texts", "numbers"]  # the last two: of lists


def inline(schema: Any) -> Any:
    """Replace the references of a schema with the definitions (`$defs`) that they point to.

    Returns the schema unchanged if a reference cannot be replaced: to another file, or from a
    definition to itself.
    """
    if not isinstance(schema, dict):
        return schema
    definitions = {
        f"#/{group}/{name}": part
        for group in DEFINITIONS
        for name, part in as_object(schema.get(group)).items()
    }
    if not definitions:
        return schema
    kept = {key: value for key, value in schema.items() if key not in DEFINITIONS}
    written = _inlined(kept, definitions, ())
    return schema if '"$ref"' in json.dumps(written) or written == kept else written


def _inlined(part: Any, definitions: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    if isinstance(part, list):
        return [_inlined(one, definitions, within) for one in part]
    if not isinstance(part, dict):
        return part
    reference = part.get("$ref")
    if isinstance(reference, str) and reference in definitions and reference not in within:
        rest = {key: value for key, value in part.items() if key != "$ref"}
        target = as_object(definitions[reference])
        return _inlined({**target, **rest}, definitions, (*within, reference))
    if len(whole := part.get("allOf", ())) == 1 and isinstance(whole[0], dict):
        rest = {key: value for key, value in part.items() if key != "allOf"}
        return _inlined(whole[0] | rest, definitions, within)
    return {
        key: {name: _inlined(one, definitions, within) for name, one in value.items()}
        if key in NAMED_PARTS and isinstance(value, dict)
        else value
        if key in VALUES
        else _inlined(value, definitions, within)
        for key, value in part.items()
    }


def schema_problem(schema: object) -> str:
    """Return the problem of an invalid or unsupported schema; "" if there is none."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        return 'must be a JSON Schema of an object, with "properties"'
    if not is_shallow(schema):
        return f"is nested more than {MAX_DEPTH} levels deep"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return "".join(f"{place}: " for place in error.absolute_path) + str(error.message)
    if schema.get("type") != "object" or not schema["properties"]:
        return '"type" must be "object", with at least one of "properties"'
    for name, part in schema["properties"].items():
        if not isinstance(part, dict) or "," in name or name == NOTHING:
            return (
                f'properties: {name!r}: a field needs a name without commas, other than "nothing", '
                'and an object like {"type": …}'
            )
    fields = [id(part) for part in schema["properties"].values()]
    for part, followed in _parts(schema):
        if problem := _part_problem(part, followed=followed, is_field=id(part) in fields):
            return problem
    return ""


def _part_problem(part: Schema, *, followed: bool, is_field: bool) -> str:
    if "$ref" in part or "$dynamicRef" in part:
        return "$ref: this reference is not supported: replace it with the part that it points to"
    for key in part:
        if key.startswith("x-") and key not in (NORMALIZE, VERBATIM):
            return f"{key}: unknown; known: {NORMALIZE}, {VERBATIM}"
    if NORMALIZE in part and not followed:
        return f"{NORMALIZE}: is only allowed in properties and items"
    named = part.get(NORMALIZE, [])
    if not isinstance(named, str | list):
        return f"{NORMALIZE}: must be a name or a list of names, not {named!r}"
    if unknown := [name for name in normalisers_of(part) if name not in tuple(NORMALISERS)]:
        return f"{NORMALIZE}: unknown {unknown[0]!r}; known: {', '.join(NORMALISERS)}"
    if not isinstance(part.get(VERBATIM, False), bool):
        return f"{VERBATIM}: must be true or false, not {part[VERBATIM]!r}"
    if VERBATIM in part and not is_field:
        return f"{VERBATIM}: is only allowed in the properties of the outermost object"
    return ""


def _parts(schema: Any, *, followed: bool = True) -> Iterator[tuple[Schema, bool]]:
    """Yield each part of a schema, with True if the part is in `properties` and `items` only.

    Only such parts normalise an answer; parts of `anyOf` or `oneOf`, for example, do not.
    """
    if isinstance(schema, list):
        for part in schema:
            yield from _parts(part, followed=False)
    if not isinstance(schema, dict):
        return
    yield schema, followed
    for key, value in schema.items():
        if key in NAMED_PARTS and isinstance(value, dict):
            for part in value.values():
                yield from _parts(part, followed=followed and key == "properties")
        elif key not in VALUES:
            yield from _parts(value, followed=followed and key == "items")


def is_choice(part: Schema) -> bool:
    kinds = _types(part)
    parts = [as_object(one) for key in ("anyOf", "oneOf") for one in part.get(key, ())]
    return (
        not {"enum", "const"}.isdisjoint(part)
        or (bool(kinds) and kinds <= {"boolean", "null"})
        or (bool(parts) and all(map(is_choice, parts)))
    )


def as_object(schema: Any) -> Schema:
    """Return a part of a schema as an object; {} for `true`, which allows any value."""
    return schema if isinstance(schema, dict) else {}


def field_type(part: Schema) -> FieldType:
    """Return the type of a field's values, or of the items of its lists."""
    if "array" in _types(part):
        return "numbers" if NUMBERS & _types(as_object(part.get("items"))) else "texts"
    return "number" if NUMBERS & _types(part) else "text"


def _types(part: Schema) -> set[str]:
    types = part.get("type", ())
    return {types} if isinstance(types, str) else set(types)


def normalisers_of(part: Schema) -> Sequence[str]:
    named = part.get(NORMALIZE, [])
    return [named] if isinstance(named, str) else list(named)
