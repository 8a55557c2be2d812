"""What the teachers behind a provider's API share."""

from distill.backends.keys import required_key
from distill.backends.servers import ServerSettings
from distill.prices import token_price
from distill.records import Endpoint, Model


def endpoint_of(model: Model, settings: ServerSettings, key: str) -> Endpoint:
    """The provider's endpoint, with the model's price online and in batches; nothing is asked yet.
    Raises InputError when the key or the price is missing."""
    required_key(key, f"{model.api}:{model.name}", "or name another model (`embedded` needs none)")
    bill = token_price(model.api, model.name, settings.rates)
    half = token_price(model.api, model.name, settings.rates, batch=True)
    return Endpoint(None, model, settings.in_flight, bill, key, half)
