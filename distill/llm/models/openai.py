"""A teacher at OpenAI."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial

from distill.core.errors import InputError
from distill.core.model_ref import KEYS
from distill.core.requests import Endpoint, Model
from distill.llm.models.provider import endpoint_of, looked_up
from distill.llm.providers.transport import opened
from distill.pricing.token_prices import Rates, TokenPrice, token_price
from distill.serve import ServerSettings

KEY = KEYS["openai"]


def identify(argument: str) -> Model:
    """The model of that id."""
    return Model(argument, None, "openai")


def price(argument: str, rates: Mapping[str, Rates]) -> TokenPrice:
    """What an answer of the model is billed when it is asked online."""
    return token_price("openai", argument, rates)


@contextmanager
def serve(model: Model, settings: ServerSettings) -> Iterator[Endpoint]:
    """OpenAI's endpoint (OPENAI_BASE_URL, when it is set), after a look at the model."""
    endpoint = endpoint_of(model, settings, KEY)
    _check(endpoint)
    yield endpoint


def _check(endpoint: Endpoint) -> None:
    """The key is accepted, the model exists, and it is not shut down yet: asking costs nothing."""
    import openai

    with openai.OpenAI(
        max_retries=2,
        http_client=opened(openai.DefaultHttpxClient, endpoint.url, endpoint.model.api),
    ) as client:
        retrieve = partial(client.models.retrieve, endpoint.model.name)
        found = looked_up(retrieve, openai.APIError, endpoint)
    end = getattr(found, "shutdown_date", None)
    if end and date.fromisoformat(str(end)[:10]) <= datetime.now(UTC).date():
        raise InputError(f"{endpoint.model.name} was shut down on {end}: choose another teacher")
