"""The protocols against a server that nobody here wrote: vLLM's, with a real model, through both
official clients. Nobody sends a bill for it: the prices are made up."""

import json
import math
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from distill.core.requests import Completion, Endpoint, Message, Model, Request, Sampling
from distill.llm.client import complete_all
from distill.llm.models import choose
from distill.llm.providers import vllm
from distill.pricing.token_prices import Rates
from distill.serve import ServerSettings, embedded_models
from distill.task.answer_json import inputs_of, label_of
from distill.task.kinds.extract import Fields
from tests.support.books import Books

pytestmark = [pytest.mark.models, pytest.mark.timeout(900)]
LABELS = ("cats", "dogs")
TURNS = (Message("system", "You sort texts about pets."), Message("user", "My dog barks."))
RATES = Rates(Decimal(1), Decimal(5), Decimal(1), Decimal(1))


def settings(log: Path, model: str = "") -> ServerSettings:
    return ServerSettings(4, Decimal(1), log, rates={model: RATES} if model else {})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A small chat model, as the teacher `vllm:<folder>`."""
    _, folder = embedded_models.embedded(embedded_models.STUDENT)
    teacher = choose(f"vllm:{folder}")
    with teacher.serve(settings(tmp_path_factory.mktemp("vllm") / "log")) as endpoint:
        yield endpoint


def ask(endpoint: Endpoint) -> list[Completion]:
    """A label, and two new inputs."""
    name = endpoint.model.name
    requests = [
        Request(name, TURNS, Sampling(64, choices=LABELS)),
        Request(name, TURNS, Sampling(200, inputs=2)),
    ]
    books = Books(requests)
    complete_all(endpoint, books)
    answers = {row.request_id: row for row in books.completions}
    return [answers[request.id] for request in requests]


def test_a_folder_with_a_model_is_a_teacher(served: Endpoint) -> None:
    label, _ = ask(served)
    assert label_of(label.text) in LABELS
    assert label.usd > 0 and label.prompt_tokens > 0


def test_an_answer_fits_a_schema_and_has_no_white_space_between_its_parts(
    served: Endpoint,
) -> None:
    """As students learn to write objects."""
    form = Fields(
        {
            "type": "object",
            "properties": {
                "animal": {"enum": ["cat", "dog"]},
                "legs": {"type": "integer", "minimum": 0, "maximum": 8},
                "does": {"type": "string", "maxLength": 20},
            },
            "required": ["animal", "legs"],
        }
    )
    request = Request(served.model.name, TURNS, Sampling(60, schema=form.schema_text))
    books = Books([request])
    complete_all(served, books)
    (answer,) = books.completions
    assert answer.finish_reason == "stop" and form.is_valid(answer.text), answer.text
    assert answer.text.startswith('{"animal":"')


def first_token(endpoint: Endpoint, *labels: str) -> dict[str, float]:
    """The probabilities of what an answer that must be one of `labels` may begin with."""
    request = Request(endpoint.model.name, TURNS, Sampling(8, choices=labels, logprobs=True))
    body = json.dumps(vllm.chat_body(request) | {"top_logprobs": 5}).encode()
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{endpoint.url}/chat/completions", body, headers)
    with urllib.request.urlopen(asked, timeout=300) as answer:
        (first, *_) = json.load(answer)["choices"][0]["logprobs"]["content"]
    told = {row["token"]: math.exp(row["logprob"]) for row in first["top_logprobs"]}
    return {token: share for token, share in told.items() if share > 1e-6}


def test_a_probability_is_among_what_can_spell_a_label(served: Endpoint) -> None:
    """With one label there is nothing to be unsure of, with two they share; but a label that can be
    written with other tokens has part of its probability there."""
    assert first_token(served, "7") == pytest.approx({"7": 1.0}, abs=1e-3)
    two = first_token(served, "7", "8")
    assert set(two) == {"7", "8"} and sum(two.values()) == pytest.approx(1.0, abs=1e-3)
    longer = first_token(served, "wolves")
    assert len(longer) > 1 and all("wolves".startswith(token) for token in longer)
    assert sum(longer.values()) == pytest.approx(1.0, abs=1e-3)


def test_any_server_of_that_shape_answers_by_its_schema(served: Endpoint, tmp_path: Path) -> None:
    teacher = choose(f"{served.url}#{served.model.name}")
    with teacher.serve(settings(tmp_path / "log")) as endpoint:
        label, made = ask(endpoint)
    assert label_of(label.text) in LABELS and label.text.startswith("{")
    assert made.problem == "cut off" or all(inputs_of(made.text))


def test_anthropics_protocol_is_spoken_with_a_server_of_another_hand(
    served: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert served.url is not None
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    model = Model(served.model.name, None, "anthropic")
    url = served.url.removesuffix("/v1")
    endpoint = Endpoint(url, model, 4, served.price, "ANTHROPIC_API_KEY")
    label, made = ask(endpoint)
    assert label_of(label.text) in LABELS and label.text.startswith("{")
    assert label.prompt_tokens > 0 and label.completion_tokens > 0
    assert made.problem == "cut off" or all(inputs_of(made.text))
