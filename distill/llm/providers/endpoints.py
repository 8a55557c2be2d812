"""Endpoints and model lookups that the providers' modules share."""

import json
from collections.abc import Callable
from typing import TypeVar

from distill.core.api_keys import required_key
from distill.core.errors import InputError, KeyMissing, Problem
from distill.core.requests import Endpoint, Model
from distill.llm.failures import explain, unreadable
from distill.pricing.token_prices import token_price
from distill.serve import ServerSettings

NOT_ACCEPTED = 401  # status of a key that the provider does not know
LOOKS = 3  # tries: a truncated answer does not tell whether the model exists

Found = TypeVar("Found")


def endpoint_of(model: Model, settings: ServerSettings, key: str) -> Endpoint:
    """Return the provider's endpoint, with the model's price online and in batches.

    Sends no request. Raises InputError if the key or the price is missing.
    """
    required_key(key, f"{model.api}:{model.name}", "or name another model (`embedded` needs none)")
    bill = token_price(model.api, model.name, settings.rates)
    half = token_price(model.api, model.name, settings.rates, batch=True)
    return Endpoint(None, model, settings.in_flight, bill, key, half)


def looked_up(retrieve: Callable[[], Found], failed: type[Exception], endpoint: Endpoint) -> Found:
    """Return a provider's record of a model.

    Raises KeyMissing if the key is not accepted. Raises InputError if the model does not exist, or
    if the answer cannot be read.
    """
    for _ in range(LOOKS):
        try:
            return retrieve()
        except failed as error:
            said = explain(error, endpoint).message
            if getattr(error, "status_code", None) == NOT_ACCEPTED:
                raise KeyMissing(Problem(said, key=endpoint.key_variable or "")) from error
            raise InputError(said) from error
        except json.JSONDecodeError as error:
            text = error.doc
    raise InputError(unreadable(text, endpoint).message)
