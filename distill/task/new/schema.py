"""The JSON Schema of an extract task, inferred from people's objects."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from distill.core.errors import InvalidInput, Problem
from distill.core.text import fold
from distill.task.kinds.json_schema import NORMALIZE, VERBATIM
from distill.task.kinds.normalise import NORMALISERS

MOST_CHOICES = 12  # distinct values of a field that is a choice
REPEATED = 5  # how often each choice occurs, on average, at least
NOTHING = "nothing"  # the name of the group of empty answers

Schema = dict[str, Any]


def infer_schema(objects: Sequence[Mapping[str, Any]], inputs: Sequence[str], where: str) -> Schema:
    """Return the schema that all objects fit. Values that are null count as absent.

    - A text that is in its input word for word, in every row, is `x-verbatim`.
    - A text with at most MOST_CHOICES values, each of them repeated, is an enum.
    - A field that every object has is required.

    Raises InputError for a field whose values have different types, or whose name is not allowed.
    """
    names = dict.fromkeys(name for row in objects for name in row)
    if not names:
        said = "no row has a field: nothing can be learnt from empty objects"
        raise InvalidInput(Problem(said, where))
    properties = {}
    for name in names:
        if "," in name or name == NOTHING or not name.strip():
            said = f"the field {name!r} cannot be used"
            fix = f"a field needs a name without commas, other than {NOTHING!r}"
            raise InvalidInput(Problem(said, where, key=name, fix=fix))
        pairs = [
            (row[name], text) for row, text in zip(objects, inputs, strict=True) if name in row
        ]
        part = _part([value for value, _ in pairs], where, name)
        if _is_text(part) and all(_is_in(value, text) for value, text in pairs):
            part = _verbatim([value for value, _ in pairs], part)
        properties[name] = part
    required = [name for name in names if all(name in row for row in objects)]
    found: Schema = {"type": "object", "properties": properties}
    return found | ({"required": required} if required else {})


def with_lists(objects: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the objects, with a list in place of a single value if another row has a list there.

    Returns also the names of the changed fields. Fields of nested objects are named by their path.
    """
    paths = {path for row in objects for path in _lists(row, ())}
    changed = set[tuple[str, ...]]()
    rows = [_listed(row, (), paths, changed) for row in objects]
    return rows, sorted(".".join(path) for path in changed)


def _lists(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, part in value.items():
        if isinstance(part, list):
            yield (*path, name)
        if isinstance(part, dict):
            yield from _lists(part, (*path, name))


def _listed(
    value: Mapping[str, Any],
    path: tuple[str, ...],
    paths: Container[tuple[str, ...]],
    changed: set[tuple[str, ...]],
) -> dict[str, Any]:
    found = {}
    for name, part in value.items():
        here = (*path, name)
        if isinstance(part, dict):
            part = _listed(part, here, paths, changed)
        elif here in paths and not isinstance(part, list):
            changed.add(here)
            part = [part]
        found[name] = part
    return found


def without_nulls(value: Any) -> Any:
    """Return a value without the keys whose value is null, at every level."""
    if isinstance(value, dict):
        return {key: without_nulls(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [without_nulls(part) for part in value if part is not None]
    return value


def _part(values: Sequence[Any], where: str, key: str) -> Schema:
    """Return the schema of the values of the field `key`, which may be within another field."""
    kinds = {_kind(value) for value in values}
    if kinds == {"integer", "number"}:
        kinds = {"number"}
    if len(kinds) > 1:
        shown = ", ".join(sorted(kinds))
        said = f"field {key} has values of different types ({shown})"
        raise InvalidInput(Problem(said, where, key=key, fix="make them alike"))
    (kind,) = kinds
    if kind == "array":
        items = [item for value in values for item in value]
        return {"type": kind} | ({"items": _part(items, where, f"{key}, items")} if items else {})
    if kind == "object":
        names = dict.fromkeys(name for value in values for name in value)
        inner = {
            name: _part([value[name] for value in values if name in value], where, f"{key}.{name}")
            for name in names
        }
        return {"type": kind, "properties": inner}
    if kind == "string":
        return _text(values)
    return {"type": kind}


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")


def _text(values: Sequence[str]) -> Schema:
    choices = sorted(set(values))
    if 1 < len(choices) <= MOST_CHOICES and len(values) >= REPEATED * len(choices):
        return {"type": "string", "enum": choices}
    return {"type": "string"}


def _is_text(part: Schema) -> bool:
    return "string" in (part["type"], part.get("items", {}).get("type"))


def _is_in(value: Any, text: str) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(fold(str(one)) in fold(text) for one in values)


def _verbatim(values: Sequence[Any], part: Schema) -> Schema:
    """Return the part as one whose texts are in the input, compared without case and spaces."""
    texts = [
        str(one) for value in values for one in (value if isinstance(value, list) else [value])
    ]
    folds = ["case", "whitespace"]
    for name in ("date", "number"):
        if _all_change(name, texts):
            folds.append(name)
            break
    if part["type"] == "array":
        return {"type": "array", VERBATIM: True, "items": {"type": "string", NORMALIZE: folds}}
    return {"type": "string", VERBATIM: True, NORMALIZE: folds}


def _all_change(name: str, texts: Iterable[str]) -> bool:
    """True if a normaliser reads all texts, which it changes then."""
    normalise = NORMALISERS[name]
    return all(normalise(text) != text for text in texts)
