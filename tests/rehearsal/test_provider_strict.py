"""Bodies that the product never sends: each is one of its own with one mistake, and is refused."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import anthropic
import openai
import pytest

from distill.core.requests import Attempt, Message, Request, Sampling
from distill.llm.providers import anthropic as anthropic_product
from distill.llm.providers import openai as openai_product
from distill.rehearsal.provider import StandIn
from tests.rehearsal.test_provider import (
    LABELS,
    SCHEMA,
    anthropic_client,
    openai_client,
    rehearsal,
)

MESSAGES = (Message("system", "Sort it."), Message("user", "a dog"))
Path = tuple[str | int, ...]


def request(model: str) -> Request:
    """A request that uses every parameter which the model takes."""
    sampling = Sampling(
        max_tokens=50, seed=3, stop=("\n\n", "END"), choices=tuple(LABELS), logprobs=True
    )
    return Request(model, MESSAGES, sampling)


def batched(model: str) -> Any:
    """The product's row of a batch at Anthropic."""
    return anthropic_product.batch_entry(Attempt("a-1", request(model), Decimal(1)))


OPENAI = {
    name: openai_product.body(request(name))
    for name in ("gpt-6-luna", "gpt-6.1-sol", "gpt-4o-mini")
}
ANTHROPIC = {
    name: anthropic_product.body(request(name))
    for name in ("claude-haiku-5-5", "claude-opus-5-5", "claude-haiku-4-5")
}
NUMBERS = {"n_epochs": 2, "batch_size": 4}
TRAINING: dict[str, Any] = {
    "model": "gpt-4o-mini-2024-07-18",
    "training_file": "file-1",
    "validation_file": "file-2",
    "method": {"type": "supervised", "supervised": {"hyperparameters": NUMBERS}},
    "metadata": {"distill": "tag"},
    "seed": 1,
    "suffix": "distill",
}
BATCH: dict[str, Any] = {
    "input_file_id": "file-1",
    "endpoint": "/v1/chat/completions",
    "completion_window": "24h",
    "metadata": {"distill": "tag"},
}
BODIES: dict[str, tuple[str, Any]] = {
    **{name: ("/v1/chat/completions", body) for name, body in OPENAI.items()},
    **{name: ("/v1/messages", body) for name, body in ANTHROPIC.items()},
    "batch": ("/v1/batches", BATCH),
    "training": ("/v1/fine_tuning/jobs", TRAINING),
    "message batch": ("/v1/messages/batches", {"requests": [batched("claude-haiku-5-5")]}),
}
OPTIONAL = {
    "gpt-6-luna": {
        *("max_completion_tokens", "service_tier", "reasoning_effort", "temperature", "seed"),
        *("response_format", "strict"),
    },
    "claude-haiku-5-5": {
        *("system", "cache_control", "stop_sequences", "thinking", "output_config", "effort"),
        "format",
    },
    "batch": {"metadata"},
    "training": {
        *("validation_file", "method", "metadata", "seed", "suffix", "supervised"),
        *("hyperparameters", "n_epochs", "batch_size"),
    },
    "message batch": set(),
}
"""The keys that may be missing; those of metadata are the product's own."""
OUT_OF_RANGE: list[tuple[str, Path, Any]] = [
    ("gpt-6-luna", ("max_completion_tokens",), 0),
    ("gpt-6-luna", ("max_completion_tokens",), 10**6),
    ("gpt-6-luna", ("temperature",), -0.1),
    ("gpt-6-luna", ("temperature",), 2.1),
    ("gpt-6-luna", ("temperature",), float("nan")),
    ("gpt-6-luna", ("seed",), 2**63 + 1),
    ("gpt-6-luna", ("seed",), -(2**63) - 1),
    ("gpt-6-luna", ("service_tier",), "cheap"),
    ("gpt-6-luna", ("reasoning_effort",), "much"),
    ("gpt-6-luna", ("messages",), []),
    ("gpt-6-luna", ("messages", 0, "role"), "robot"),
    ("gpt-6-luna", ("response_format", "type"), "xml"),
    ("gpt-6-luna", ("response_format", "json_schema", "name"), "a b"),
    ("gpt-6-luna", ("response_format", "json_schema", "name"), "a\n"),
    ("gpt-6-luna", ("response_format", "json_schema", "name"), "a" * 65),
    ("gpt-6-luna", ("response_format", "json_schema", "schema"), SCHEMA | {"required": []}),
    ("gpt-4o-mini", ("stop",), []),
    ("gpt-4o-mini", ("stop",), ["a"] * 5),
    ("gpt-4o-mini", ("reasoning_effort",), "low"),
    ("gpt-6.1-sol", ("reasoning_effort",), "none"),
    ("gpt-6.1-sol", ("temperature",), 0),
    ("gpt-6.1-sol", ("max_tokens",), 5),
    ("claude-haiku-5-5", ("max_tokens",), -1),
    ("claude-haiku-5-5", ("max_tokens",), 10**6),
    ("claude-haiku-5-5", ("messages",), []),
    ("claude-haiku-5-5", ("messages", 0, "role"), "system"),
    ("claude-haiku-5-5", ("messages", 0, "content"), ""),
    ("claude-haiku-5-5", ("system", 0, "text"), ""),
    ("claude-haiku-5-5", ("system", 0, "cache_control", "type"), "forever"),
    ("claude-haiku-5-5", ("system", 0, "cache_control", "ttl"), "2h"),
    ("claude-haiku-5-5", ("stop_sequences", 0), " \n"),
    ("claude-haiku-5-5", ("thinking", "type"), "enabled"),
    ("claude-haiku-5-5", ("output_config", "effort"), "minimal"),
    ("claude-haiku-5-5", ("output_config", "format", "type"), "json_object"),
    ("claude-haiku-5-5", ("output_config", "format", "schema"), SCHEMA | {"minimum": 1}),
    ("claude-haiku-5-5", ("temperature",), 0),
    ("claude-opus-5-5", ("thinking",), {"type": "disabled"}),
    ("claude-haiku-4-5", ("output_config", "effort"), "low"),
    ("batch", ("endpoint",), "/v1/responses"),
    ("batch", ("completion_window",), "1h"),
    ("batch", ("metadata",), {str(n): "x" for n in range(17)}),
    ("batch", ("metadata", "k" * 65), "x"),
    ("batch", ("metadata", "k"), "x" * 513),
    ("training", ("suffix",), ""),
    ("training", ("suffix",), "x" * 65),
    ("training", ("seed",), -1),
    ("training", ("seed",), 2**31),
    ("training", ("method", "type"), "dpo"),
    ("training", ("method", "supervised", "hyperparameters", "n_epochs"), 0),
    ("training", ("method", "supervised", "hyperparameters", "n_epochs"), 51),
    ("training", ("method", "supervised", "hyperparameters", "batch_size"), 257),
    ("message batch", ("requests",), []),
    ("message batch", ("requests", 0, "custom_id"), "a b"),
    ("message batch", ("requests", 0, "custom_id"), "a" * 65),
]


@dataclass(frozen=True)
class Mistake:
    """A body with one mistake."""

    name: str
    kind: str
    path: Path
    body: Any

    def __str__(self) -> str:
        return f"{self.name}: {self.kind} at {'.'.join(map(str, self.path)) or 'the top'}"


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place of a body and its value, without what is within a schema or a batch's row."""
    yield path, value
    if path and path[-1] in ("schema", "params"):
        return
    entries: Any = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for name, entry in entries:
        yield from places(entry, (*path, name))


def changed(body: Any, path: Path, value: Any) -> Any:
    """The body with another value at one place."""
    if not path:
        return value
    body = deepcopy(body)
    at = body
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return body


def without(body: Any, path: Path) -> Any:
    """The body without one key."""
    body = deepcopy(body)
    at = body
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return body


def of_other_types(value: Any) -> list[Any]:
    """Values of other types than this one's, for which nothing is to be guessed."""
    if isinstance(value, bool):
        return ["true", 1]
    if isinstance(value, int | float):
        return ["5", True, [5]] + [1.5] * isinstance(value, int)
    return [5, {}] if isinstance(value, str | list) else ["x", []]


def mistakes() -> Iterator[Mistake]:
    """An unknown key, a wrong type or a missing key at every place; and values out of range."""
    for name, (_, body) in BODIES.items():
        for path, value in places(body):
            named = str(path[-1]) if path else ""
            free = named in ("schema", "params", "metadata")
            if isinstance(value, dict) and not free:
                yield Mistake(name, "unknown key", path, changed(body, (*path, "nonsense"), 1))
            for number, other in enumerate(of_other_types(value)):
                kind = f"wrong type {number}"
                yield Mistake(name, kind, path, changed(body, path, other))
            known = name in OPTIONAL and isinstance((path or (0,))[-1], str)
            if known and "metadata" not in path[:-1] and named not in OPTIONAL[name]:
                yield Mistake(name, "missing", path, without(body, path))
    for name, path, value in OUT_OF_RANGE:
        yield Mistake(name, f"{value!r:.40}", path, changed(BODIES[name][1], path, value))


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with rehearsal(tmp_path_factory.mktemp("rehearsal")) as server:
        yield server


@pytest.fixture(scope="module")
def clients(standin: StandIn) -> Iterator[tuple[openai.OpenAI, anthropic.Anthropic]]:
    with openai_client(standin) as theirs, anthropic_client(standin) as ours:
        yield theirs, ours


Clients = tuple[openai.OpenAI, anthropic.Anthropic]


def send(clients: Clients, name: str, body: Any) -> object:
    """Send a body as it is, NaN included."""
    theirs, ours = clients
    path = BODIES[name][0]
    content = json.dumps(body).encode()
    if path.startswith("/v1/messages"):
        return ours.post(path, cast_to=object, content=content)
    return theirs.post(path.removeprefix("/v1"), cast_to=object, content=content)


@pytest.mark.parametrize("name", [*OPENAI, *ANTHROPIC, "message batch"])
def test_what_the_product_sends_is_taken(clients: Clients, name: str) -> None:
    assert send(clients, name, BODIES[name][1])


@pytest.mark.parametrize("mistake", list(mistakes()), ids=str)
def test_one_mistake_is_refused_and_not_billed(
    standin: StandIn, clients: Clients, mistake: Mistake
) -> None:
    before = standin.bill()
    refused: Any = (openai.BadRequestError, anthropic.BadRequestError)
    with pytest.raises(refused) as error:
        send(clients, mistake.name, mistake.body)
    assert error.value.type == "invalid_request_error"
    # A file that does not exist is refused too, and is not what these bodies are about.
    assert "file-1" not in str(error.value)
    after = standin.bill()
    assert (after.usd, after.batches, after.jobs) == (before.usd, before.batches, before.jobs)
    assert after.refused == before.refused + 1
