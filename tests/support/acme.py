"""A provider of a dozen lines: OpenAI's protocol and batches, with a key of its own."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from distill.core.requests import Endpoint, Model
from distill.llm.providers import openai
from distill.llm.providers.endpoints import endpoint_of
from distill.llm.providers.openai import BATCHES, cached_and_written
from distill.pricing.token_prices import Rates, TokenPrice, token_price
from distill.serve import ServerSettings

__all__ = ["APIS", "BATCHES", "cached_and_written", "identify", "price", "serve"]
APIS = {"acme": openai.APIS["openai"]}


def identify(argument: str) -> Model:
    """The model of that id."""
    return Model(argument, None, "acme")


def price(argument: str, rates: Mapping[str, Rates]) -> TokenPrice:
    """What an answer of the model is billed."""
    return token_price("acme", argument, rates)


@contextmanager
def serve(model: Model, settings: ServerSettings) -> Iterator[Endpoint]:
    """Acme's endpoint."""
    endpoint = endpoint_of(model, settings, "ACME_API_KEY")
    yield replace(endpoint, url=os.environ["ACME_BASE_URL"])
