"""Decision models behind any server with the System One protocol: `<url>#systemone`.

TypeSafe's Jev, OpenRouter, vLLM and other open servers speak it. The address is the part before
`/systemone`. `<url>#systemone:<model>` names one of the server's models. The server's key, if it
needs one, is in DISTILL_TEACHER_KEY. The protocol has no refusals and no batches.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from distill.core.hosts import is_here
from distill.core.requests import Endpoint, Model, Request
from distill.llm.providers import openai_compatible, url
from distill.llm.providers.choice_answers import QUESTION, decided, meanings_of, usage_of
from distill.llm.providers.wire import Answer, Body, Payload, ProviderApi, Reply, post
from distill.llm.tokens import PromptTokens
from distill.pricing.token_prices import MachinePrice, Rates, TokenPrice, rates_given, token_price
from distill.serve import ServerSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NAME = "systemone"
# The price library's providers, by the host of the address.
PRICED_HOSTS = {"api.typesafe.ai": "typesafe", "openrouter.ai": "openrouter"}


def identify(argument: str) -> Model:
    """Return the model, by the server's address. Raises InputError as for `<url>#<model>`."""
    return Model(url.identify(argument).name, None, NAME)


def price(argument: str, rates: Mapping[str, Rates]) -> TokenPrice | None:
    """Return the price of the task or of the library.

    None for a server on this machine without a price. The key in `rates` is the model's name, or
    "systemone" if the address names none.
    """
    address, _, called = identify(argument).name.partition("#")
    host, name = urlsplit(address).hostname or "", _model(called) or NAME
    own = rates_given(rates, NAME, name)
    if is_here(host) and own is None:
        return None
    return token_price(PRICED_HOSTS.get(host, NAME), name, {} if own is None else {name: own})


@contextmanager
def serve(model: Model, settings: ServerSettings) -> Iterator[Endpoint]:
    """Yield the endpoint of a running server. Without a price, its cost is the machine's time."""
    bill = price(model.name, settings.rates)
    machine = MachinePrice(settings.usd_per_hour, settings.in_flight)
    address = model.name.partition("#")[0]
    yield Endpoint(address, model, settings.in_flight, bill or machine, url.KEY)


def _model(called: str) -> str:
    """Return the server's name of the model after `#`; "" for the server's only model."""
    return called.partition(":")[2]


def cached_and_written(model: Model, prompt: PromptTokens, *, warm: bool) -> tuple[int, int]:
    """Return (0, 0), because the cache has no price of its own."""
    return 0, 0


def body(request: Request) -> Body:
    """Return the JSON of a request: the input, and one question with the choices."""
    question, text = request.messages[0].content, request.messages[-1].content
    name = _model(request.model.rpartition("#")[2])
    criteria = {value: said or None for value, said in meanings_of(request.sampling).items()}
    asked = {"type": "choice", "instructions": question, "criteria": criteria}
    return ({"model": name} if name else {}) | {"state": text, "questions": {QUESTION: asked}}


async def send(client: "AsyncOpenAI", body: Body) -> Reply:
    """Send one attempt, and return the reply."""
    return await post(client, "/systemone", body)


def read(payload: Payload) -> Answer:
    """Read the answer to the only question. Raises one of MALFORMED_RESPONSE without an answer."""
    found, usage = payload["answers"][QUESTION], usage_of(payload.get("usage"))
    if found["type"] != "choice":
        raise ValueError(f"the answer is no choice: {found['type']!r}")
    shares = found.get("probabilities")
    return decided(found["choice"], shares if isinstance(shares, dict) else {}, usage)


APIS: dict[str, ProviderApi] = {
    NAME: ProviderApi(
        openai_compatible.connect,
        openai_compatible.failures,
        body,
        send,
        read,
    )
}
BATCHES = None
