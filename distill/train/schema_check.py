"""The check of a task's schema against its providers' rules, before anything is billed.

The stand-in's rules are used. The user's own servers are not checked, because their support of JSON
Schema differs. If such a server refuses a schema, the schema is written into the prompt.
"""

import json
from collections.abc import Iterator
from typing import Any

from distill.core.errors import InvalidInput, Problem
from distill.core.schema_rules import SchemaRefused, check_anthropic, check_openai
from distill.task import SCHEMA, Task
from distill.task.files import read_text
from distill.task.json_places import line_of_path
from distill.task.kinds.extract import Fields
from distill.task.strict_schema import strict
from distill.train.trainers import trainer_of


def check_schema(task: Task) -> None:
    """Raise InvalidInput if one of the task's models would refuse the schema."""
    if problem := next(schema_problems(task), None):
        raise InvalidInput(problem)


def schema_problems(task: Task) -> Iterator[Problem]:
    """Yield the refused part of the schema for each provider's model that would refuse it."""
    form = task.form
    if not isinstance(form, Fields):
        return
    schema = strict(json.loads(form.schema_text))
    for place, name in task.models_asked:
        if place in ("teacher.model", "evaluate.baselines"):
            yield from _problem(task, schema, (place, name), tuned=False)
    student = task.spec.student
    if trainer_of(student.trainer).PROVIDER == "openai":
        yield from _problem(task, schema, ("student.base", student.base), tuned=True)


def _problem(
    task: Task, schema: dict[str, Any], asked: tuple[str, str], *, tuned: bool
) -> Iterator[Problem]:
    place, name = asked
    try:
        if tuned or name.startswith("openai:"):
            check_openai(schema, "answer", tuned=tuned)
        elif name.startswith("anthropic:"):
            check_anthropic(schema)
    except SchemaRefused as error:
        path = task.folder / SCHEMA
        yield Problem(
            f"{place} {name!r} would refuse the schema: {error.message.rstrip('.')}",
            str(path),
            line_of_path(read_text(path), error.where),
            fix="change that part, or use a model on your own server",
        )
