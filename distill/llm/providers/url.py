"""A teacher behind any server that speaks OpenAI's chat protocol.

Examples are vLLM, Ollama, llama.cpp and gateways. The server's key, if it needs one, is in
DISTILL_TEACHER_KEY.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from distill.core.errors import InputError
from distill.core.hosts import is_here
from distill.core.requests import Endpoint, Model
from distill.llm.providers import openai_compatible
from distill.llm.providers.wire import ProviderApi
from distill.llm.tokens import PromptTokens
from distill.pricing.token_prices import MachinePrice, Rates, TokenPrice, rates_given, token_price
from distill.serve import ServerSettings

KEY = "DISTILL_TEACHER_KEY"


def identify(argument: str) -> Model:
    """Return the model, by the server's address and the model's name there.

    Raises InputError if the address has no host or model, or contains a query or a key.
    """
    url, _, name = argument.partition("#")
    try:
        parts = urlsplit(url)
    except ValueError as error:  # "http://[::1/v1"
        raise InputError(f"teacher.model: {argument!r}: {error}") from error
    if not (name and parts.hostname):
        raise InputError(
            f"teacher.model: {argument!r} must be <url>#<model>, like http://host/v1#name"
        )
    if parts.query:
        raise InputError(
            "teacher.model: the address must not have a query, because a query may hold a key: "
            f"remove the query, and set {KEY} to the server's key. For Azure, use the address "
            "https://<resource>.openai.azure.com/openai/v1#<deployment>."
        )
    if parts.username or parts.password:
        raise InputError(
            "teacher.model: the address must not have a user or password: remove them, and set "
            f"{KEY} to the server's key"
        )
    return Model(argument, None, "compatible")


def price(argument: str, rates: Mapping[str, Rates]) -> TokenPrice | None:
    """Return the task's price; None for a server on this machine without a price."""
    url, _, name = identify(argument).name.partition("#")
    if is_here(urlsplit(url).hostname or "") and rates_given(rates, "url", name) is None:
        return None
    return token_price("url", name, rates)


@contextmanager
def serve(model: Model, settings: ServerSettings) -> Iterator[Endpoint]:
    """Yield the endpoint of a running server. Without a price, its cost is the machine's time."""
    bill = price(model.name, settings.rates)
    machine = MachinePrice(settings.usd_per_hour, settings.in_flight)
    yield Endpoint(model.name.partition("#")[0], model, settings.in_flight, bill or machine, KEY)


def cached_and_written(model: Model, prompt: PromptTokens, *, warm: bool) -> tuple[int, int]:
    """Return (0, 0), because no cache is known to change this cost."""
    return 0, 0


APIS: dict[str, ProviderApi] = {
    "compatible": ProviderApi(
        openai_compatible.connect,
        openai_compatible.failures,
        openai_compatible.compatible_body,
        openai_compatible.send_chat,
        openai_compatible.read_chat,
    )
}
BATCHES = None
