"""The Markdown of docs/report-json.md: a table of keys for each model of the schema."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from distill.report.schema import Report, UnfinishedReport
from distill.report.schema.fields import Section, Unit

WORDS = {str: "text", int: "integer", float: "number", bool: "true or false", NoneType: "null"}
HEAD = "| key | type | unit | meaning |\n| --- | --- | --- | --- |"

Model = type[Section]


def tables() -> str:
    """Return a table for each model."""
    return "\n\n".join(map(_table, models())) + "\n"


def models() -> list[Model]:
    """Return the distinct models of the schema, first the two of whole reports."""
    whole: list[Model] = [Report, UnfinishedReport]
    parts = (part for model in whole for part in _models_below(model))
    return list(dict.fromkeys([*whole, *parts]))


def _models_below(model: Model) -> Iterator[Model]:
    """Yield the models of a model's keys, each followed by the models of its own keys."""
    for field in model.model_fields.values():
        for inner in _models_of(field.annotation):
            yield inner
            yield from _models_below(inner)


def _models_of(annotation: Any) -> Iterator[Model]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_of(inner)


def _table(model: Model) -> str:
    rows = [_row(name, field) for name, field in model.model_fields.items()]
    return "\n".join((f"### {model.__name__}\n\n{_sentence(model)}\n", HEAD, *rows))


def _sentence(model: Model) -> str:
    return " ".join((model.__doc__ or "").split())


def _row(name: str, field: FieldInfo) -> str:
    units = [found.name for found in field.metadata if isinstance(found, Unit)]
    unit = (units or [unit_of(field.annotation)])[0]
    cells = (f"`{field.alias or name}`", type_of(field.annotation), unit, field.description or "")
    return f"| {' | '.join(cells)} |"


def unit_of(annotation: Any) -> str:
    """Return the unit of the values of a list, map or union; "" without a unit."""
    if get_origin(annotation) is Annotated:
        return "".join(row.name for row in annotation.__metadata__ if isinstance(row, Unit))
    return next(filter(None, map(unit_of, get_args(annotation))), "")


def type_of(annotation: Any) -> str:
    """Return a type in words; for a model, a link to its table."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_of(inner[0])
    if origin is Literal:
        return ", ".join(f"`{str(value).lower()}`" for value in inner)
    if origin in (Union, UnionType):
        return " or ".join(map(type_of, inner))
    if origin is list:
        return f"list of {type_of(inner[0])}"
    if origin is dict:
        return f"map of text to {type_of(inner[1])}"
    if annotation in WORDS:
        return WORDS[annotation]
    return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
