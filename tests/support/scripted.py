"""Backends that stand in for what takes minutes: every model is the stand-in server, and the
trainer copies its base."""

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import save_file

from distill.core import processors
from distill.core.requests import Endpoint, Model
from distill.evaluate import encoder_rival
from distill.llm.batches import BatchApi
from distill.llm.models import PROVIDERS
from distill.llm.providers.wire import ProviderApi
from distill.llm.tokens import PromptTokens
from distill.pricing.token_prices import MachinePrice, Rates
from distill.serve import SERVERS, ServerSettings
from distill.serve.embedded_models import MANIFEST, STUDENT, TEACHER, embedded
from distill.text import embeddings
from distill.train.trainers import TRAINERS, lora
from distill.train.trainers.base import LocalWeights, OnSteps, TrainJob, TrainResult
from tests.support.standin import StandIn


def write_models(folder: Path) -> Path:
    """Folders that look like unpacked embedded models."""
    for name in (TEACHER, STUDENT):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text("{}", encoding="utf-8")
        weights = {"w": numpy.zeros((3, len(name)), dtype=numpy.float16)}
        save_file(weights, folder / name / "model.safetensors")
        manifest = {"name": name, "hash": "0123456789ab"}
        (folder / name / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@dataclass
class Server:
    """Gives out the stand-in's address; `starts` tells for which models and how it was started."""

    standin: StandIn
    starts: list[tuple[str, ServerSettings]] = field(default_factory=list)

    @contextmanager
    def serve(self, model: Model, settings: ServerSettings) -> Iterator[Endpoint]:
        self.starts.append((model.name, settings))
        price = MachinePrice(settings.usd_per_hour, settings.in_flight)
        yield Endpoint(self.standin.url, model, settings.in_flight, price)


@dataclass
class Teacher:
    """The stand-in as the embedded teacher."""

    server: Server
    APIS: Mapping[str, ProviderApi] = field(default_factory=dict)
    BATCHES: BatchApi | None = None

    def identify(self, argument: str) -> Model:
        name, folder = embedded(TEACHER)
        return Model(name, folder, "completions")

    def price(self, argument: str, rates: Mapping[str, Rates]) -> None:
        """Nobody sends a bill for it."""

    def cached_and_written(
        self, model: Model, prompt: PromptTokens, *, warm: bool
    ) -> tuple[int, int]:
        return 0, 0

    @contextmanager
    def serve(self, model: Model, settings: ServerSettings) -> Iterator[Endpoint]:
        with self.server.serve(model, settings) as endpoint:
            yield endpoint


def replace_backends(monkeypatch: pytest.MonkeyPatch, standin: StandIn) -> None:
    """Let the stand-in be every model, and the trainer copy its base."""
    server = Server(standin)
    monkeypatch.setitem(SERVERS, "vllm", server)
    monkeypatch.setitem(PROVIDERS, "embedded", Teacher(server))
    monkeypatch.setitem(TRAINERS, "unsloth", Trainer())
    monkeypatch.setattr(embeddings, "_model", Embedder)
    monkeypatch.setattr(encoder_rival, "is_trained", lambda context: False)  # it takes a minute
    monkeypatch.setattr(processors, "LEAST_SECONDS", math.inf)  # who else ran is not known


class Embedder:
    """Embeddings of a sort, in no time: hashed counts of words; the same for every model."""

    def __init__(self, embedding_model: str = "") -> None:
        self.embedding_model = embedding_model

    def encode(self, texts: list[str], **_: object) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(n_features=384).transform(texts).toarray()


class Trainer:
    """Copies the base, and says so step by step."""

    PROVIDER = lora.PROVIDER
    automatic = staticmethod(lora.automatic)
    suits = staticmethod(lora.suits)
    check = staticmethod(lora.check)
    locate = staticmethod(lora.locate)
    recipe = staticmethod(lora.recipe)
    longer_than = staticmethod(lora.longer_than)
    worst_usd = staticmethod(lora.worst_usd)
    is_made = staticmethod(lora.is_made)
    cancel = staticmethod(lora.cancel)
    closed = staticmethod(lora.closed)
    closing = staticmethod(lora.closing)

    def total_steps(self, job: TrainJob) -> int:
        return 2

    def train(self, job: TrainJob, on_steps: OnSteps) -> TrainResult:
        merged = job.out / "merged"
        shutil.copytree(job.base, merged)
        shutil.copy(job.train, merged / "rows.json")
        on_steps(2)
        losses = ({"step": 1.0, "loss": 2.0}, {"step": 2.0, "loss": 1.0})
        return TrainResult(LocalWeights(merged), 1234, 2, losses)
