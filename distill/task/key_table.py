"""The Markdown of docs/task-file.md and docs/checks.md: the keys of `task.toml`, with meanings."""

from collections.abc import Iterator
from decimal import Decimal
from types import NoneType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from distill.task.spec import OtherLabel, PriceSpec, TaskSpec

HEAD = "| key | type | default | meaning |\n| --- | --- | --- | --- |"
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}
WORDS |= {Decimal: "amount", NoneType: "", PriceSpec: "table, see below"}
WORDS |= {OtherLabel: "table, see below"}
LIMITS = {"ge": "from {}", "gt": "above {}", "le": "up to {}", "lt": "below {}"}


def tables() -> str:
    """Return the tables of all sections: top level, each section, the label `other`, a price."""
    sections = {name: form for name, field in _fields(TaskSpec) if (form := _section(field))}
    top = {name: field for name, field in _fields(TaskSpec) if name not in sections}
    parts = [_table("Top level", top)]
    parts += [_table(f"[{name}]", form.model_fields) for name, form in sections.items()]
    parts.append(_table("[labels.<label>]", OtherLabel.model_fields))
    return "\n\n".join([*parts, _table('[prices."<model>"]', PriceSpec.model_fields)]) + "\n"


def field_of(key: str) -> FieldInfo:
    """Return the field of a key, like `curate.judge`."""
    section, _, name = key.rpartition(".")
    form = _section(TaskSpec.model_fields[section]) if section else TaskSpec
    assert form is not None, "only a section has keys"
    return form.model_fields[name]


def default_of(field: FieldInfo) -> str:
    """Return the default of a key in the words of TOML; "" if it has none."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, dict):
        return f"by kind: {', '.join(value)}" if value else ""
    if isinstance(value, tuple):
        return f"`{list(value)}`".replace("'", '"')
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "" if value in ("", None) else f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _fields(form: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    yield from form.model_fields.items()


def _section(field: FieldInfo) -> type[BaseModel] | None:
    form = field.annotation
    return form if isinstance(form, type) and issubclass(form, BaseModel) else None


def _table(title: str, fields: dict[str, FieldInfo]) -> str:
    rows = (f"| {' | '.join(_cells(name, field))} |" for name, field in fields.items())
    return "\n".join((f"### `{title}`\n" if "[" in title else f"### {title}\n", HEAD, *rows))


def _cells(name: str, field: FieldInfo) -> tuple[str, str, str, str]:
    kind = _type(field.annotation, field.metadata)
    return f"`{name}`", kind, default_of(field), field.description or ""


def _type(annotation: Any, limits: Any = ()) -> str:
    """Return a type in words, with the limits of its values."""
    inner = get_args(annotation)
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{str(v).lower() if isinstance(v, bool) else v}`" for v in inner)
    if get_origin(annotation) is tuple:
        return f"list of {_type(inner[0])}"
    if get_origin(annotation) is dict:
        return f"name → {_type(inner[1])}"
    if hasattr(annotation, "__metadata__"):  # Annotated
        return _type(inner[0], annotation.__metadata__)
    if NoneType in inner:
        return _type(inner[0], limits)
    if get_origin(annotation) is Union:
        return " or ".join(map(_type, inner))
    return ", ".join([WORDS[annotation], *_limits(limits)])


def _limits(found: Any) -> Iterator[str]:
    rules = [one for item in found for one in getattr(item, "metadata", None) or [item]]
    for rule in rules:
        for name, words in LIMITS.items():
            if (value := getattr(rule, name, None)) is not None:
                yield words.format(f"{value:,}" if isinstance(value, int) else value)
