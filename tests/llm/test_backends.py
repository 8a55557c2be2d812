"""Backends: they fit their Protocols, are chosen by name, and say what is missing."""

import importlib.util
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from distill.core import hardware
from distill.core.errors import ChildError, DistillError, InputError
from distill.core.requests import Message, Model, Request, Sampling
from distill.llm import models
from distill.llm.client import complete_all
from distill.llm.doctor import diagnose
from distill.llm.models import provider_api
from distill.llm.providers.wire import tier_of
from distill.serve import ServerSettings, embedded_models, vllm
from distill.serve.http_child import free_port
from distill.text import embeddings
from distill.text.classifiers import fit_embeddings
from distill.train import trainers
from tests.support import scripted
from tests.support.books import Books


def test_auto_and_unknown_trainers() -> None:
    assert trainers.choose("auto") == trainers.choose("unsloth") == "unsloth"
    with pytest.raises(InputError, match=r"'x' does not exist: choose one of auto, unsloth"):
        trainers.choose("x")


def test_unknown_teachers() -> None:
    with pytest.raises(InputError, match=r"'x' does not exist; known: auto, embedded, openai"):
        models.choose("x")


def test_a_part_has_its_own_interpreter_when_set_up_made_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert hardware.interpreter("vllm") == sys.executable
    own = tmp_path / ".venv-vllm" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    assert hardware.interpreter("vllm") == str(own)


def test_the_server_is_told_to_stay_on_loopback(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    settings = ServerSettings(4, Decimal(1), tmp_path / "log")
    command = vllm._command(Model("m", tmp_path, "chat"), 4321, settings)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--served-model-name") + 1] == "m"


@pytest.mark.parametrize(("positions", "served"), [(8192, "6000"), (4096, "4096"), (None, "6000")])
def test_no_server_is_started_with_more_context_than_the_model_has(
    tmp_path: Path, positions: int | None, served: str
) -> None:
    about = {} if positions is None else {"max_position_embeddings": positions}
    (tmp_path / "config.json").write_text(json.dumps(about), encoding="utf-8")
    settings = ServerSettings(4, Decimal(1), tmp_path / "log", model_tokens=6000)
    command = vllm._command(Model("m", tmp_path, "chat"), 4321, settings)
    assert command[command.index("--max-model-len") + 1] == served


# Healthy until it is asked something.
MORTAL = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def do_POST(self):
        print("no memory left", flush=True)
        os._exit(3)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_a_server_that_dies_while_it_is_asked_shows_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        vllm, "_command", lambda model, port, settings: [sys.executable, "-c", MORTAL, str(port)]
    )
    settings = ServerSettings(4, Decimal(1), tmp_path / "vllm.log")
    request = Request("m", (Message("user", "hello"),), Sampling(5))
    with (
        pytest.raises(ChildError, match=r"vLLM server ended with code 3\.") as caught,
        vllm.serve(Model("m", tmp_path, "chat"), settings) as endpoint,
    ):
        complete_all(endpoint, Books([request]))
    assert "no memory left" in str(caught.value) and "vllm.log" in str(caught.value)


def test_free_ports_can_be_bound() -> None:
    assert 1024 < free_port() < 65536


def test_whatever_shapes_an_answer_changes_the_hash_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    before = embedded_models.folder_hash(tmp_path)
    (tmp_path / "notes.txt").write_text("no matter", encoding="utf-8")
    assert embedded_models.folder_hash(tmp_path) == before
    (tmp_path / "tokenizer.json").write_text('{"a": 1}', encoding="utf-8")
    assert embedded_models.folder_hash(tmp_path) != before


def test_a_model_that_cannot_be_unpacked_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISTILL_MODELS", str(tmp_path / "file"))
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(DistillError, match="cannot unpack gemma-3-270m; run `make setup`"):
        embedded_models.embedded(embedded_models.TEACHER)


@pytest.mark.models
def test_the_teacher_starts_every_text_with_bos() -> None:
    """GGUF tokenizers lose the rule, and Gemma is badly broken without."""
    from tokenizers import Tokenizer

    _, folder = embedded_models.embedded(embedded_models.TEACHER)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.encode("hello").tokens[0] == "<bos>"


def test_a_rival_computes_the_embeddings_that_it_is_timed_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prompts show the nearest seeds, so that every gold text was embedded before."""
    embedded: list[str] = []

    class Embedder(scripted.Embedder):
        def encode(self, texts: list[str], **options: object) -> Any:
            embedded.extend(texts)
            return super().encode(texts, **options)

    model = Embedder()
    monkeypatch.setattr(embeddings, "_model", lambda _: model)
    gold, seeds = ["my dog barks"], ["a dog", "a cat"]
    embeddings.nearest(gold, seeds, 1)
    embeddings.nearest(gold, seeds, 1)
    assert embedded == [*gold, *seeds]
    classifier = fit_embeddings(seeds, ["dogs", "cats"])
    assert classifier.predict(gold) == ["dogs"]
    assert embedded == [*gold, *seeds, *seeds, *gold]


def test_without_vllm_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "vllm" else find(name)
    )
    model, settings = Model("m", tmp_path, "chat"), ServerSettings(1, Decimal(1), tmp_path / "log")
    with (
        pytest.raises(InputError, match=r"vllm is not installed in .*`make setup`.*locks/cpu\.txt"),
        vllm.serve(model, settings),
    ):
        pass
    rows = {row["what"]: row for row in diagnose()}
    assert "`make setup`" in rows["vllm runs with"]["why"]
    assert "`make setup`" not in rows["unsloth runs with"]["why"]


def test_only_openai_itself_is_asked_for_a_service_tier_and_believed() -> None:
    request = Request("gpt-6-luna", (Message("user", "a"),), Sampling(9))
    choice = {"message": {"content": "b"}, "finish_reason": "stop"}
    counts = {"prompt_tokens": 1, "completion_tokens": 1}
    told = {"choices": [choice], "usage": counts, "service_tier": "priority"}
    tiers: dict[str, str] = {"openai": "priority", "compatible": "", "chat": ""}
    for api, tier in tiers.items():
        dialect = provider_api(api)
        assert dialect.body(request).get("service_tier") == ("default" if tier else None)
        assert tier_of(dialect.read(told)) == tier
    assert tier_of(provider_api("openai").read(told | {"service_tier": None})) == ""
