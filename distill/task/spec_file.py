"""Readers of task.toml and distill.toml, with errors that name the file and the key."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import (
    BaseModel,
    ValidationError,
)

from distill.core.errors import InputError
from distill.core.suggestions import did_you_mean
from distill.pricing.token_prices import Rates
from distill.task.files import read_text
from distill.task.spec import ProjectSpec, TaskSpec

Spec = TypeVar("Spec", bound=BaseModel)
SHOWN = 200  # max characters of a value in a message


def read_spec(path: Path, project: Path) -> TaskSpec:
    """Read a task's file, with the project's file as defaults; the project's file may be missing.

    Raises InputError, with the file and the key, if a value is invalid.
    """
    values = _read(path)
    for section, given in project_values(project).items():
        own = values.get(section, {})
        values[section] = given | own if isinstance(own, dict) else own
    return _checked(path, TaskSpec, values)


def project_values(path: Path) -> dict[str, Any]:
    """Read the sections of `distill.toml`; {} if there is no file.

    A price without a source gets the file's name as its source. Raises InputError if the file is
    invalid.
    """
    if not path.exists():
        return {}
    values = _read(path)
    _checked(path, ProjectSpec, values)
    for price in values.get("prices", {}).values():
        price.setdefault("source", path.name)
    return values


def project_rates(path: Path) -> dict[str, Rates]:
    """Return the prices of `distill.toml` in USD, by model.

    Raises InputError if the file is invalid.
    """
    spec = _checked(path, ProjectSpec, project_values(path))
    return {model: price.rates(spec.currencies) for model, price in spec.prices.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:  # e.g. a number of 5,000 digits, or "[[[[…"
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
        known = _section(form, location[:-1]).model_fields
        meant = did_you_mean(str(location[-1]), known)
        told = f"unknown key {key!r}; known here: {', '.join(known)}"
        return f"{told}; {meant}" if meant else told
    if problem["type"] == "missing":
        return f"{key!r} is missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    if location[:1] == ("labels",) and problem["type"] == "string_type":
        message = 'must be a string; put a label that contains a dot in quotes: "a.b" = "…"'
    return f"{key}: {message} (got {_short(problem['input'])})" if key else message


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"


def _section(form: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel]:
    """Return the type of the section at a location; all sections in a dict have the same type."""
    for part in location:
        if part not in form.model_fields:  # a section's name in a dict
            continue
        annotation = form.model_fields[str(part)].annotation
        found = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        form = next(kind for kind in found if issubclass(kind, BaseModel))
    return form
