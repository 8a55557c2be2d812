"""Checks of JSON schemas, with the errors of the providers' APIs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from distill.core import schema_rules
from distill.rehearsal.provider.errors import invalid


def check_openai(schema: dict[str, Any], name: str, *, tuned: bool) -> None:
    """Raise ApiError for a schema that OpenAI's strict mode refuses."""
    with _as_api_error():
        schema_rules.check_openai(schema, name, tuned=tuned)


def check_anthropic(schema: dict[str, Any]) -> None:
    """Raise ApiError for a schema that Anthropic's structured outputs refuse."""
    with _as_api_error():
        schema_rules.check_anthropic(schema)


def check_form(schema: Any) -> None:
    """Raise ApiError for an invalid schema, and for one that the stand-in cannot answer."""
    with _as_api_error():
        schema_rules.check_form(schema)


@contextmanager
def _as_api_error() -> Iterator[None]:
    try:
        yield
    except schema_rules.SchemaRefused as refused:
        raise invalid(refused.message, refused.param) from None
