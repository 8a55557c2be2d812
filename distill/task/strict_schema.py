"""Conversion of a task's JSON Schema for the strict modes of providers."""

from collections.abc import Mapping
from typing import Any

ALTERNATIVES = ("anyOf", "oneOf")


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Convert a schema for the strict modes of providers.

    All fields of all objects become required; optional fields may be null. `oneOf` becomes `anyOf`,
    and the parts of an `allOf` are merged. A missing type is added if the keywords imply one. A map
    (`additionalProperties` with a schema) is unchanged, since no strict mode supports maps.
    """
    schema = merged(schema)
    written = {key: value for key, value in schema.items() if key != "oneOf"}
    if alternatives := [part for key in ALTERNATIVES for part in schema.get(key, ())]:
        written["anyOf"] = [_strict_part(part) for part in alternatives]
    if "items" in schema:
        written["items"] = _strict_part(schema["items"])
    if "properties" in schema:
        nullable = isinstance(schema.get("type"), list) and "null" in schema["type"]
        shape = closed_object(_strict_fields(schema))
        return written | shape | ({"type": schema["type"]} if nullable else {})
    return written if "type" in written or "items" not in written else {"type": "array"} | written


def merged(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the parts of a schema's `allOf`, with all their fields and required fields."""
    parts = [merged(part) for part in schema.get("allOf", ()) if isinstance(part, dict)]
    whole = {key: value for key, value in schema.items() if key != "allOf"}
    if not parts:
        return dict(schema)
    properties = {name: part for one in (*parts, whole) for name, part in _fields(one).items()}
    required = [name for one in (*parts, whole) for name in one.get("required", ())]
    for part in parts:
        whole = part | whole
    whole |= {"properties": properties, "required": required} if properties else {}
    return whole


def _fields(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema.get("properties", {})
    return found


def _strict_fields(schema: dict[str, Any]) -> dict[str, Any]:
    fields = {name: _strict_part(part) for name, part in schema["properties"].items()}
    required = schema.get("required", ())
    return {
        name: part if name in required else {"anyOf": [part, {"type": "null"}]}
        for name, part in fields.items()
    }


def _strict_part(part: Any) -> Any:
    """Convert a part of a schema; `true`, which allows any value, is unchanged."""
    return strict(part) if isinstance(part, dict) else part


def closed_object(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with exactly these properties, all required."""
    shape = {"type": "object", "properties": properties, "required": list(properties)}
    return shape | {"additionalProperties": False}
