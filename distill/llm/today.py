"""The model that does the job today, as `[today]` in task.toml names it."""

from distill.core.errors import InputError, Problem
from distill.llm.models import price_of
from distill.pricing.token_prices import TokenPrice
from distill.task import Task
from distill.task.toml_places import line_of, problem_of

TEACHER_TOO = "remove them, or name another teacher"
NO_BILL = "name a model with a price, or remove [today]"


def price_today(task: Task) -> TokenPrice | None:
    """Return the price of today's model; None if the teacher does the job, or without a bill.

    Raises InputError if the model does not exist, or if its price is not known.
    """
    name = task.spec.today.model
    if name in ("", task.spec.teacher.model):
        return None
    try:
        return price_of(name, task.rates)
    except InputError as error:
        said = str(error).removeprefix("teacher.model: ")
        raise InputError(f"{task.folder / 'task.toml'}: today.model: {said}") from error


def unused_today(task: Task) -> Problem | None:
    """Return the problem of keys of `[today]` that the report does not use; None if it uses all."""
    path, today, teacher = task.folder / "task.toml", task.spec.today, task.spec.teacher.model
    keys = [f"today.{key}" for key in today.given if key != "model"]
    if today.model and today.model == teacher:
        if not keys:
            return None
        told = (
            f"{' and '.join(keys)}: not used, because {teacher} is the teacher, too, whose tokens "
            "are measured"
        )
        return Problem(told, str(path), line_of(path, keys[0].split(".")), keys[0], TEACHER_TOO)
    try:
        is_unbilled = bool(today.model) and price_today(task) is None
    except InputError:  # the check before a run refuses it
        return None
    told = f"today.model: {today.model} sends no bill, so the report states the saving against the "
    return problem_of(path, f"{told}teacher", NO_BILL) if is_unbilled else None
