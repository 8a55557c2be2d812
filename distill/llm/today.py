"""The model that does the job today, as `[today]` in task.toml names it."""

from distill.core.errors import InputError
from distill.llm.models import price_of
from distill.pricing.token_prices import TokenPrice
from distill.task import Task


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


def unused_today(task: Task) -> str:
    """Return a warning on keys of `[today]` that the report does not use; "" if it uses all."""
    today, teacher = task.spec.today, task.spec.teacher.model
    if not today.model:
        return ""
    if today.model == teacher:
        keys = [f"today.{key}" for key in today.given if key != "model"]
        if not keys:
            return ""
        return (
            f"{' and '.join(keys)}: not used, because {teacher} is the teacher, too, whose tokens "
            "are measured. Remove them, or name another teacher"
        )
    try:
        price = price_today(task)
    except InputError:  # the check before a run refuses it
        return ""
    if price is not None:
        return ""
    return (
        f"today.model: {today.model} sends no bill, so the report states the saving against the "
        "teacher. Name a model with a price, or remove [today]"
    )
