"""A teacher at Anthropic."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from distill.core.model_ref import KEYS
from distill.core.requests import Endpoint, Model
from distill.llm.models.provider import endpoint_of, looked_up
from distill.llm.providers.transport import opened
from distill.pricing.token_prices import Rates, TokenPrice, token_price
from distill.serve import ServerSettings

KEY = KEYS["anthropic"]


def identify(argument: str) -> Model:
    """The model of that id."""
    return Model(argument, None, "anthropic")


def price(argument: str, rates: Mapping[str, Rates]) -> TokenPrice:
    """What an answer of the model is billed when it is asked online."""
    return token_price("anthropic", argument, rates)


@contextmanager
def serve(model: Model, settings: ServerSettings) -> Iterator[Endpoint]:
    """Anthropic's endpoint (ANTHROPIC_BASE_URL, when it is set), after a look at the model."""
    endpoint = endpoint_of(model, settings, KEY)
    _check(endpoint)
    yield endpoint


def _check(endpoint: Endpoint) -> None:
    """The key is accepted and the model exists: asking costs nothing."""
    import anthropic

    with anthropic.Anthropic(
        max_retries=2,
        http_client=opened(anthropic.DefaultHttpxClient, endpoint.url, endpoint.model.api),
    ) as client:
        retrieve = partial(client.models.retrieve, endpoint.model.name)
        looked_up(retrieve, anthropic.APIError, endpoint)
