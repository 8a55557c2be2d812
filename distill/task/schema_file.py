"""The reader of schema.json: a JSON Schema, or the definition of a tool."""

import json
from pathlib import Path
from typing import Any

from distill.core.errors import InvalidInput, Problem
from distill.core.text import replace_lone_surrogates
from distill.task.answer_json import is_shallow
from distill.task.files import read_text
from distill.task.kinds.extract import Fields
from distill.task.kinds.json_schema import inline, schema_problem
from distill.task.kinds.tools import tool_of


def read_schema(path: Path) -> Fields:
    """Read the schema of an extract task's answers, or the tool that an answer calls.

    Raises InvalidInput, with the problem, if the schema is invalid or unsupported.
    """
    try:
        schema = json.loads(read_text(path), object_hook=_readable_texts)
    except json.JSONDecodeError as error:
        said = f"not valid JSON: {error.msg}"
        raise InvalidInput(Problem(said, str(path), error.lineno)) from error
    except (ValueError, RecursionError) as error:  # e.g. a number of 5,000 digits, or "[[[[…"
        raise InvalidInput(Problem(f"not valid JSON: {error}", str(path))) from error
    try:
        schema, tool = tool_of(schema)
    except ValueError as error:
        said, _, fix = str(error).partition("; ")
        raise InvalidInput(Problem(said, str(path), fix=fix)) from error
    if is_shallow(schema):
        schema = inline(schema)
    if problem := schema_problem(schema):
        raise InvalidInput(Problem(problem, str(path)))
    return Fields(schema, tool=tool)


def _readable_texts(part: dict[str, Any]) -> dict[str, Any]:
    """Replace the lone surrogates in a JSON object, since a request cannot contain them."""
    return {
        replace_lone_surrogates(key): replace_lone_surrogates(value)
        if isinstance(value, str)
        else value
        for key, value in part.items()
    }
