"""OpenAI's decision models, through its official client: `decisions:<id>`.

A request is one question, whose choices are the labels with their meanings. The answer has the
probability of each label, rounded to two decimals, and is not billed; the prompt is. There are no
batches. Source: the SDK of November 2026 (openai 3.54).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from distill.core.api_keys import required_key
from distill.core.model_ref import SOURCES
from distill.core.requests import Endpoint, Model, Request
from distill.llm.providers import openai_compatible
from distill.llm.providers.choice_answers import (
    QUESTION,
    decided,
    meanings_of,
    refusal,
    usage_of,
)
from distill.llm.providers.openai import check_model
from distill.llm.providers.wire import Answer, Body, Payload, ProviderApi, Reply, post
from distill.llm.tokens import PromptTokens
from distill.pricing.token_prices import Rates, TokenPrice, token_price
from distill.serve import ServerSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NAME = "decisions"
KEY = SOURCES[NAME].key


def identify(argument: str) -> Model:
    """Return the model with that id, whose name differs from that of the chat model."""
    return Model(f"{NAME}:{argument}", None, NAME)


def price(argument: str, rates: Mapping[str, Rates]) -> TokenPrice:
    """Return a model's price."""
    return token_price(NAME, argument, rates)


@contextmanager
def serve(model: Model, settings: ServerSettings) -> Iterator[Endpoint]:
    """Yield OpenAI's endpoint (OPENAI_BASE_URL if set), after a lookup of the model."""
    required_key(KEY, model.name, "or name another model (`embedded` needs none)")
    name = _id(model.name)
    bill = price(name, settings.rates)
    endpoint = Endpoint(None, model, settings.in_flight, bill, KEY)
    check_model(endpoint, name)
    yield endpoint


def _id(name: str) -> str:
    """Return OpenAI's id of a model."""
    return name.removeprefix(f"{NAME}:")


def cached_and_written(model: Model, prompt: PromptTokens, *, warm: bool) -> tuple[int, int]:
    """Return (0, 0), because the cache has no price of its own."""
    return 0, 0


def body(request: Request) -> Body:
    """Return the JSON of a request: the input, and one question with the choices."""
    question, text = request.messages[0].content, request.messages[-1].content
    choices: list[dict[str, Any]] = [
        {"value": value} | ({"description": meaning} if meaning else {})
        for value, meaning in meanings_of(request.sampling).items()
    ]
    asked = {"type": "choice", "name": QUESTION, "instructions": question, "choices": choices}
    turn = {"type": "message", "role": "user", "content": text}
    return {"model": _id(request.model), "input": [turn], "questions": [asked]}


async def send(client: "AsyncOpenAI", body: Body) -> Reply:
    """Send one attempt, and return the reply."""
    return await post(client, "/decisions", body)


def read(payload: Payload) -> Answer:
    """Read the answer to the only question. Raises one of MALFORMED_RESPONSE without an answer."""
    found, usage = payload["answers"][0], usage_of(payload.get("usage"))
    if found["type"] == "refusal":
        return refusal(usage)
    if found["type"] != "choice":
        raise ValueError(f"the answer is no choice: {found['type']!r}")
    return decided(found["choice"], _distribution(found.get("probabilities")), usage)


def _distribution(entries: object) -> dict[str, object]:
    """Return the probabilities by choice; {} for other JSON."""
    rows = entries if isinstance(entries, list) else []
    if not all(isinstance(row, dict) and isinstance(row.get("value"), str) for row in rows):
        return {}
    return {row["value"]: row.get("probability") for row in rows}


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
