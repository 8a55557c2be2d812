"""Readers of task.toml and distill.toml, with errors that name the file, the line and the key."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import (
    BaseModel,
    ValidationError,
)

from distill.core.errors import InputError
from distill.pricing.token_prices import Rates
from distill.task.files import read_text
from distill.task.spec import ProjectSpec, TaskSpec

Spec = TypeVar("Spec", bound=BaseModel)
SHOWN = 200  # characters of a value in a message


def read_spec(path: Path, project: Path) -> TaskSpec:
    """Read a task's file over the project's file, which may be missing.

    Raises InputError, naming the file and the key, if one of them is invalid.
    """
    values = _read(path)
    for section, given in project_values(project).items():
        own = values.get(section, {})
        values[section] = given | own if isinstance(own, dict) else own
    return _checked(path, TaskSpec, values)


def project_values(path: Path) -> dict[str, Any]:
    """Read `distill.toml` by section; {} if there is no file.

    Prices without a source get the file's name. Raises InputError if the file is invalid.
    """
    if not path.exists():
        return {}
    values = _read(path)
    _checked(path, ProjectSpec, values)
    for price in values.get("prices", {}).values():
        price.setdefault("source", path.name)
    return values


def project_rates(path: Path) -> dict[str, Rates]:
    """Return the prices of `distill.toml` in USD, by model. Raises InputError if it is invalid."""
    spec = _checked(path, ProjectSpec, project_values(path))
    return {model: price.rates(spec.currencies) for model, price in spec.prices.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:  # also a number of 5,000 digits, "[[[[…"
        raise InputError(f"{path}: not valid TOML: {error}") from error


def _checked(path: Path, form: type[Spec], values: Mapping[str, Any]) -> Spec:
    try:
        return form.model_validate(values)
    except ValidationError as error:
        problems = "\n".join(f"{path}: {_explain(form, found)}" for found in error.errors())
        raise InputError(problems) from error


def _explain(form: type[BaseModel], problem: Mapping[str, Any]) -> str:
    location: Sequence[str | int] = problem["loc"]
    key = ".".join(str(part) for part in location)
    if problem["type"] == "extra_forbidden":
        known = ", ".join(_section(form, location[:-1]).model_fields)
        return f"unknown key {key!r}; known here: {known}"
    if problem["type"] == "missing":
        return f"{key!r} is missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    if location[:1] == ("labels",) and problem["type"] == "string_type":
        message = 'must be a text; a label with a dot in it is written in quotes: "a.b" = "…"'
    return f"{key}: {message} (got {_short(problem['input'])})" if key else message


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"


def _section(form: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel]:
    """Return the section of a key; all sections in a dict have one type."""
    for part in location:
        if part not in form.model_fields:  # the name of a section in a dict
            continue
        annotation = form.model_fields[str(part)].annotation
        found = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        form = next(kind for kind in found if issubclass(kind, BaseModel))
    return form
