"""The encoder's server: OpenAI's protocol, keys, and requests that it cannot answer."""

import math
from collections.abc import Sequence
from typing import Any, cast

import pytest
from starlette.testclient import TestClient

from distill.serve.encoder_app import app
from distill.text.encoder import Encoder, EncoderAnswer

NAME = "student@1"


class Parrot:
    """Answers with the last word of a text; a text without words breaks it."""

    def __init__(self) -> None:
        self.batches: list[Sequence[str]] = []

    def answers(self, texts: Sequence[str]) -> list[EncoderAnswer]:
        self.batches.append(texts)
        if "" in texts:
            raise ValueError("nothing to read")
        return [EncoderAnswer(text.split()[-1], 0.25, len(text.split())) for text in texts]


def client(key: str = "") -> TestClient:
    return TestClient(app(cast(Encoder, Parrot()), NAME, key), raise_server_exceptions=False)


def body(text: object = "it is dogs", **more: object) -> dict[str, Any]:
    turns = [{"role": "system", "content": "Which?"}, {"role": "user", "content": text}]
    return {"model": NAME, "messages": turns, **more}


def test_an_answer_has_the_label_its_probability_and_its_tokens() -> None:
    with client() as server:
        choices = {"structured_outputs": {"choice": ["dogs", "cats"]}}
        found = server.post("/v1/chat/completions", json=body(logprobs=True, **choices)).json()
        plain = server.post("/v1/chat/completions", json=body()).json()
        assert server.get("/health").status_code == 200
        assert server.get("/v1/models").json()["data"][0]["id"] == NAME
    (choice,) = found["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("dogs", "stop")
    assert math.exp(choice["logprobs"]["content"][0]["logprob"]) == pytest.approx(0.25)
    assert (found["usage"]["prompt_tokens"], found["model"]) == (3, NAME)
    assert plain["choices"][0]["logprobs"] is None


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (body() | {"model": "gpt"}, "has only 'student@1'"),
        (body() | {"messages": []}, "last message"),
        (body([{"type": "text", "text": "x"}]), "last message"),
        (body(stream=True), "nothing to stream"),
        ([], "a JSON object"),
    ],
)
def test_what_cannot_be_answered_is_a_400(sent: Any, message: str) -> None:
    with client() as server:
        found = server.post("/v1/chat/completions", json=sent)
    assert found.status_code == 400 and message in found.json()["error"]["message"]


def test_a_text_that_breaks_the_model_does_not_end_the_server() -> None:
    with client() as server:
        assert server.post("/v1/chat/completions", json=body("")).status_code == 500
        assert server.post("/v1/chat/completions", json=body()).status_code == 200
        broken = server.post("/v1/chat/completions", content=b"{")
    assert broken.status_code == 400


def test_a_key_is_needed_where_one_is_set() -> None:
    with client("secret") as server:
        for given in ({}, {"Authorization": "Bearer other"}):
            found = server.post("/v1/chat/completions", json=body(), headers=given)
            assert found.status_code == 401 and "secret" not in found.text
        right = {"Authorization": "Bearer secret"}
        assert server.post("/v1/chat/completions", json=body(), headers=right).is_success
        assert server.get("/v1/models").status_code == 401
        assert server.get("/health").status_code == 200
