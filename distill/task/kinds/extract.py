"""The answers of an extract task: objects that fit a JSON Schema, as compact JSON."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from distill.core.text import fold, replace_lone_surrogates
from distill.task.answer_json import MAX_DEPTH, is_shallow, json_object
from distill.task.kinds.json_schema import (
    NORMALIZE,
    NOTHING,
    VERBATIM,
    FieldType,
    Schema,
    as_object,
    field_type,
    is_choice,
    normalisers_of,
)
from distill.task.kinds.normalise import NORMALISERS
from distill.task.strict_schema import ALTERNATIVES, merged

# Keywords that do not affect the validity of answers. Servers refuse some of them.
NOT_SENT = (NORMALIZE, VERBATIM, "$schema", "$id", "title", "default", "examples", "discriminator")


@dataclass(frozen=True)
class Fields:
    """The form of answers in an extract task: an object that fits a JSON Schema, as compact JSON.

    The fields are in the schema's order. Optional fields without a value are left out.

    `tool`: the tool that an answer calls, if schema.json defines one; "" for none.
    """

    schema: Schema
    key: str = "answer"
    metric: str = "field_f1"
    tool: str = ""

    @property
    def choices(self) -> tuple[str, ...]:
        """Empty, since any object that fits the schema is allowed."""
        return ()

    @cached_property
    def schema_text(self) -> str:
        """The schema as JSON for servers, cached because every request contains it."""
        return _compact(_sent(self.schema))

    @property
    def groups(self) -> tuple[str, ...]:
        """Empty, since no group must have a seed."""
        return ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the object's fields."""
        return tuple(self.schema["properties"])

    @property
    def leaves(self) -> tuple[str, ...]:
        """The names of the fields that are not objects with fields."""
        parts = self.schema["properties"].items()
        return tuple(name for name, part in parts if "properties" not in part)

    @property
    def verbatim(self) -> dict[str, FieldType]:
        """The fields whose values must be in the input word for word, with their types."""
        parts = self.schema["properties"].items()
        return {name: field_type(part) for name, part in parts if part.get(VERBATIM)}

    def is_choice(self, field: str) -> bool:
        """True if a field, given by its path, has a fixed list of values.

        Such a value need not appear in the input.
        """
        part: Schema = self.schema
        for name in field.split("."):
            part = as_object(part.get("properties", {}).get(name))
        return is_choice(as_object(part.get("items")) or part)

    @cached_property
    def _closed(self) -> Any:
        """The validator of the schema as sent to servers, which refuses unknown fields."""
        from jsonschema import Draft202012Validator

        return Draft202012Validator(_sent(self.schema))

    @cached_property
    def _validator(self) -> Any:
        from jsonschema import Draft202012Validator

        return Draft202012Validator(self.schema)

    def of_row(self, value: object) -> str:
        """Convert an object that fits the schema to compact JSON.

        Raises ValueError, with the problem, for any other value.
        """
        if not isinstance(value, dict):
            like = ", ".join(f'"{name}": …' for name in self.names[:3])
            raise ValueError(
                f"answer: must be an object with the schema's fields, not {value!r}; "
                f"write it without quotes around it, like {{{like}}}"
            )
        if not is_shallow(value):
            raise ValueError(f"answer: is nested more than {MAX_DEPTH} levels deep")
        try:
            answer = _compact(_ordered(self.schema, value))
        except ValueError as error:
            raise ValueError("answer: NaN and Infinity are not valid JSON") from error
        for problem in self._closed.iter_errors(json.loads(answer)):
            where = "".join(f"{place}: " for place in problem.absolute_path)
            raise ValueError(f"answer: {where}{problem.message}")
        return replace_lone_surrogates(answer)

    def of_text(self, text: str) -> str:
        """Return the object in a text as compact JSON, without a rationale.

        Returns the text itself if it is not an object.
        """
        found = json_object(text)
        if found is None:
            return replace_lone_surrogates(text).strip()
        inner = found.get("answer")
        if set(found) == {"rationale", "answer"} and isinstance(inner, dict):
            found = inner
        return replace_lone_surrogates(_compact(_ordered(self.schema, found)))

    def is_valid(self, answer: str) -> bool:
        """True for an object that fits the schema."""
        found = json_object(answer)
        return found is not None and bool(self._validator.is_valid(found))

    def group(self, answer: str) -> str:
        """Return the names of an answer's fields, separated by commas; NOTHING without fields."""
        found = json_object(answer) or {}
        return ", ".join(name for name in self.names if name in found) or NOTHING

    def group_values(self, group: str) -> dict[str, str]:
        """Return the `names` of a group's fields, and their descriptions as `meaning`."""
        names = [name for name in self.names if name in group.split(", ")]
        meaning = "; ".join(f"{name}: {self._description(name)}" for name in names)
        without = f"without any of {', '.join(self.names)}"
        return {"names": group, "meaning": meaning or without}

    def _description(self, name: str) -> str:
        return str(self.schema["properties"][name].get("description", name))

    def contradict(self, first: str, second: str) -> bool:
        """True for two different objects."""
        return first != second

    def values(self) -> dict[str, object]:
        """Return `fields`, the descriptions by field, and `schema`."""
        return {
            "fields": {name: self._description(name) for name in self.names},
            "schema": self.schema_text,
        }

    def counts(self) -> dict[str, int]:
        """Return the number of `fields`."""
        return {"fields": len(self.names)}

    def pairs(self, answer: str) -> Counter[tuple[str, str]]:
        """Count the pairs (field, value) of a valid answer.

        A nested field is named by its path. Each item of a list is a value. Values are normalised
        as the schema says.
        """
        return Counter(_pairs(self.schema, json.loads(answer), ()))

    def not_verbatim(self, text: str, answer: str) -> str:
        """Return the first field that must be verbatim in the input but is not; "" for none."""
        found = json_object(answer) or {}
        for name, part in self.schema["properties"].items():
            value = found.get(name)
            if part.get(VERBATIM) and value is not None:
                texts = value if isinstance(value, list) else [value]
                if not all(fold(str(one)) in fold(text) for one in texts):
                    return str(name)
        return ""


def _sent(schema: Any) -> Any:
    """Return a schema without the keywords in NOT_SENT, and with closed objects.

    A closed object has no other fields than its properties. A property that has the name of a
    keyword is kept.
    """
    if isinstance(schema, list):
        return [_sent(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in NOT_SENT}
    return {
        key: {name: _sent(part) for name, part in value.items()}
        if key in ("properties", "$defs") and isinstance(value, dict)
        # A closed part of an `allOf` would refuse the fields of the other parts.
        else [_sent(part) | {"additionalProperties": True} for part in value]
        if key == "allOf" and len(value) > 1 and all(isinstance(part, dict) for part in value)
        else _sent(value)
        for key, value in kept.items()
    } | ({"additionalProperties": False} if "properties" in kept else {})


def _ordered(schema: Schema, value: Any) -> Any:
    """Put the fields of a value in the schema's order.

    Unknown fields come last. Optional fields without a value are left out.
    """
    if not isinstance(value, list | dict):
        return value
    schema = _fitting(schema, value)
    if isinstance(value, list):
        return [_ordered(as_object(schema.get("items")), item) for item in value]
    parts, required = schema.get("properties", {}), schema.get("required", ())
    names = [*(name for name in parts if name in value), *(n for n in value if n not in parts)]
    others = as_object(schema.get("additionalProperties"))
    return {
        name: _ordered(as_object(parts.get(name, others)), value[name])
        for name in names
        if value[name] is not None or name in required or (not parts and others)
    }


def _fitting(schema: Schema, value: Any) -> Schema:
    """Return the schema, or the first of its alternatives that a list or an object fits.

    If the value fits none, returns the first alternative of its type. Without such an alternative,
    returns the schema.
    """
    from jsonschema import Draft202012Validator

    schema = merged(schema)
    keyword = "items" if isinstance(value, list) else "properties"
    alternatives = [as_object(part) for key in ALTERNATIVES for part in schema.get(key, ())]
    if keyword in schema or not alternatives:
        return schema
    inner = [_fitting(part, value) for part in alternatives]
    for part in inner:
        if Draft202012Validator(_sent(part)).is_valid(_ordered(part, value)):
            return part
    return next((part for part in inner if keyword in part), schema)


def _pairs(schema: Schema, value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    schema = _fitting(schema, value) if isinstance(value, dict | list) else schema
    if isinstance(value, dict):
        for name, inner in value.items():
            part = as_object(schema.get("properties", {}).get(name))
            yield from _pairs(part, inner, (*path, name))
    elif isinstance(value, list):
        for item in value:
            yield ".".join(path), _compact(_normalised(as_object(schema.get("items")), item))
    elif value is not None:
        yield ".".join(path), _compact(_normalised(schema, value))


def _normalised(schema: Schema, value: Any) -> Any:
    schema = _fitting(schema, value) if isinstance(value, dict | list) else schema
    if isinstance(value, dict):
        parts = schema.get("properties", {})
        return {
            name: _normalised(as_object(parts.get(name)), value[name]) for name in sorted(value)
        }
    if isinstance(value, list):
        return [_normalised(as_object(schema.get("items")), item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        for name in normalisers_of(schema):
            value = NORMALISERS[name](value)
    return value


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
