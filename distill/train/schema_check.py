"""The check of a task's schema against its providers' rules, before anything is billed.

The stand-in's rules are used. The user's own servers are not checked, because their support of JSON
Schema differs. If such a server refuses a schema, the schema is written into the prompt.
"""

import json
from collections.abc import Iterator
from typing import Any

from distill.core.errors import InputError
from distill.core.schema_rules import SchemaRefused, check_anthropic, check_openai
from distill.task import SCHEMA, Task
from distill.task.kinds.extract import Fields
from distill.task.strict_schema import strict
from distill.train.trainers import trainer_of


def check_schema(task: Task) -> None:
    """Raise InputError if one of the task's models would refuse the schema."""
    if problem := next(schema_problems(task), ""):
        raise InputError(f"{task.folder / SCHEMA}: {problem}")


def schema_problems(task: Task) -> Iterator[str]:
    """Yield the reason and the remedy for each provider's model that would refuse the schema."""
    form = task.form
    if not isinstance(form, Fields):
        return
    schema = strict(json.loads(form.schema_text))
    for place, name in task.models_asked:
        if place in ("teacher.model", "evaluate.baselines"):
            yield from _problem(schema, place, name, tuned=False)
    student = task.spec.student
    if trainer_of(student.trainer).PROVIDER == "openai":
        yield from _problem(schema, "student.base", student.base, tuned=True)


def _problem(schema: dict[str, Any], place: str, name: str, *, tuned: bool) -> Iterator[str]:
    try:
        if tuned or name.startswith("openai:"):
            check_openai(schema, "answer", tuned=tuned)
        elif name.startswith("anthropic:"):
            check_anthropic(schema)
    except SchemaRefused as error:
        yield (
            f"{place} {name!r} would refuse the schema: {error.message} Change that part, or use a "
            "model on your own server"
        )
