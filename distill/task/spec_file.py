"""Readers of task.toml and distill.toml, with errors that name the file and the key."""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from distill.core.errors import InvalidInput, Problem
from distill.core.suggestions import did_you_mean
from distill.pricing.token_prices import Rates
from distill.task.files import read_text
from distill.task.spec import NAME, ProjectSpec, TaskSpec
from distill.task.toml_places import line_of, problem_of

Spec = TypeVar("Spec", bound=BaseModel)
# What pydantic calls a refused value → the remedy.
VALUE_FIXES = {
    "bool_parsing": "write true or false",
    "decimal_parsing": "write a number, like 5.00",
    "float_parsing": "write a number, like 0.5",
    "int_parsing": "write a whole number, like 5",
    "int_from_float": "write a whole number, like 5",
}
SHOWN = 200  # max characters of a value in a message


def read_spec(path: Path, project: Path) -> TaskSpec:
    """Read a task's file, with the project's file as defaults; the project's file may be missing.

    Raises InvalidInput, with the file, line and key of each invalid value.
    """
    values = _read(path)
    for section, given in project_values(project).items():
        own = values.get(section, {})
        values[section] = given | own if isinstance(own, dict) else own
    return _checked(path, TaskSpec, values)


def project_values(path: Path) -> dict[str, Any]:
    """Read the sections of `distill.toml`; {} if there is no file.

    A price without a source gets the file's name as its source. Raises InvalidInput if the file
    is invalid.
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

    Raises InvalidInput if the file is invalid.
    """
    spec = _checked(path, ProjectSpec, project_values(path))
    return {model: price.rates(spec.currencies) for model, price in spec.prices.items()}


def _read(path: Path) -> dict[str, Any]:
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # e.g. a number of 5,000 digits, or "[[[[…"
        said, line = str(error), re.search(r"at line (\d+)", str(error))
        number = int(line[1]) if line else None
        fix = _toml_fix(said, text.split("\n")[number - 1] if number else "")
        found = Problem(f"not valid TOML: {said}", str(path), number, fix=fix)
        raise InvalidInput(found) from error


def _toml_fix(said: str, line: str) -> str:
    """Return the remedy for what tomllib says of a line; "" if there is none for it."""
    if re.search("[\u2018\u2019\u201c\u201d]", line):
        return "replace the curly quotes by straight ones"
    if "overwrite" in said or "twice" in said:
        return "the key or section is there twice: remove one of them"
    if re.search(r"=\s*\d+(,\d{3})+\s*$", line):
        return "write the number without commas"
    if re.match(r"\s*\w+ \w[^=]*=", line):
        return 'put a key with a space in quotes: "big dogs" = "…"'
    if re.search(r"=\s*[A-Za-z]", line):
        return "put a text in straight double quotes; write true and false in small letters"
    if "=" not in line and ":" in line:
        return 'write key = "value", with an equals sign'
    if "escape" in said or "hex value" in said:
        return "write a backslash as \\\\, or the text in single quotes"
    return ""


def _checked(path: Path, form: type[Spec], values: Mapping[str, Any]) -> Spec:
    try:
        return form.model_validate(values)
    except ValidationError as error:
        problems = [_problem(path, form, found) for found in error.errors()]
        problems.sort(key=lambda problem: problem.line or 0)
        raise InvalidInput(*problems) from error


def _problem(path: Path, form: type[BaseModel], problem: Mapping[str, Any]) -> Problem:
    location = _location(problem)
    key = ".".join(str(part) for part in location)
    if not key:
        return problem_of(path, str(problem["msg"]).removeprefix("Value error, "))
    message, fix = _explain(form, problem, key)
    line = line_of(path, [str(part) for part in location])
    return Problem(message, str(path), line, key, fix)


def _location(problem: Mapping[str, Any]) -> Sequence[str | int]:
    """Return the path of a value, without the form that pydantic adds to the name of a label."""
    location: Sequence[str | int] = problem["loc"]
    return (*location[:2], *location[3:]) if location[:1] == ("labels",) else location


def _explain(form: type[BaseModel], problem: Mapping[str, Any], key: str) -> tuple[str, str]:
    """Return what is wrong with a value, and the remedy."""
    location = _location(problem)
    kind, got = problem["type"], f"(got {_short(problem['input'])})"
    if kind == "extra_forbidden":
        return f"unknown key {key!r}", _instead_of(form, location)
    if kind == "missing":
        below = "; keys without a section stand above the first [section]" if "." not in key else ""
        return f"{key!r} is missing", f"add it{below}"
    if kind == "model_type":
        fix = f"write [{key}] on a line of its own, and its keys below it"
        return f"{key}: must be a section {got}", fix
    if location == ("labels",) and kind == "dict_type":
        fix = 'write [labels] on a line of its own, and a line name = "meaning" for each'
        return f"{key}: must be a section {got}", fix
    if location[:1] == ("labels",) and len(location) == 2 and kind == "string_type":
        fix = 'put a label that contains a dot in quotes: "a.b" = "…"'
        return f"{key}: must be a string {got}", fix
    if location[:1] == ("labels",) and kind == "literal_error":
        return f"{key}: must be true {got}", 'write name = "meaning" for every other label'
    fix = _fix_of(kind, problem["input"], problem.get("ctx", {}))
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{key}: {message} {got}", fix


def _fix_of(kind: str, value: object, about: Mapping[str, Any]) -> str:
    """Return the remedy for a value that pydantic refuses; "" if its message has it."""
    if kind == "literal_error" and isinstance(value, str):
        return did_you_mean(value, re.findall(r"'([^']*)'", about["expected"]))
    if kind == "string_pattern_mismatch" and about["pattern"] == NAME:
        return "use small letters, digits, - and _, here and for the folder"
    if kind in ("less_than", "less_than_equal") and isinstance(value, int | float):
        limit = next(iter(about.values()))
        if limit == 1 and value <= 100:
            return f"give a share: {value / 100:g} is {value:g} %"
    return VALUE_FIXES.get(kind, "")


def _instead_of(form: type[BaseModel], location: Sequence[str | int]) -> str:
    """Return the known keys beside an unknown one, and where or how it may have been meant."""
    name = str(location[-1])
    known = _section(form, location[:-1]).model_fields
    told = f"known here: {', '.join(known)}"
    meant = did_you_mean(name, known)
    sections = [section for section in form.model_fields if name in _fields(form, section)]
    if name in form.model_fields and len(location) > 1:
        meant = f"{name} stands above the first [section]"
    elif sections:
        meant = f"{name} is a key of {' or '.join(f'[{section}]' for section in sections)}"
    return f"{told}; {meant}" if meant else told


def _fields(form: type[BaseModel], section: str) -> Collection[str]:
    """Return the keys of a section; () for a key that is no section of its own."""
    kind = form.model_fields[section].annotation
    return kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else ()


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"


def _section(form: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel]:
    """Return the type of the section at a location; all sections in a dict have the same type."""
    for part in location:
        if part not in form.model_fields:  # a section's name in a dict
            continue
        form = next(_models(form.model_fields[str(part)].annotation))
    return form


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the sections in a type, such as `dict[str, PriceSpec]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
