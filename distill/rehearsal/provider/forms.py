"""Checks of a request's form: pydantic models that refuse unknown keys and wrong types."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distill.rehearsal.provider.errors import invalid

ABSENT: Any = None
"""The default of a key that may be missing but must not be null."""

Text64 = Annotated[str, Field(max_length=64)]
Metadata = Annotated[
    dict[Text64, Annotated[str, Field(max_length=512)]],
    Field(max_length=16),
]


class Form(BaseModel):
    """An object of a request."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def _first(error: ValidationError) -> tuple[tuple[int | str, ...], str, str]:
    """Return the path, the type and the message of the first problem."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return found["loc"], found["type"], found["msg"]


def check_openai(form: type[Form], body: Any) -> None:
    """Check a request to OpenAI. Raises ApiError with OpenAI's message."""
    try:
        form.model_validate(body)
    except ValidationError as error:
        path, kind, said = _first(error)
    else:
        return
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    where = where.removeprefix(".")
    if kind == "missing":
        message = f"Missing required parameter: '{where}'."
        raise invalid(message, where, "missing_required_parameter")
    if kind == "extra_forbidden":
        raise invalid(f"Unknown parameter: '{where}'.", where, "unknown_parameter")
    wrong = "type" if kind.endswith("_type") else "value"
    raise invalid(f"Invalid {wrong} for '{where}': {said}.", where or None, f"invalid_{wrong}")


def check_anthropic(form: type[Form], body: Any) -> None:
    """Check a request to Anthropic. Raises ApiError with pydantic's message, as Anthropic does."""
    try:
        form.model_validate(body)
    except ValidationError as error:
        path, _, said = _first(error)
        raise invalid(f"{'.'.join(map(str, path)) or 'body'}: {said}") from None
