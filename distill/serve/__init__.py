"""Servers, each of which serves a model's folder as an endpoint."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from distill.core.requests import MODEL_TOKENS, Endpoint, Model
from distill.pricing.token_prices import Rates
from distill.serve import vllm
from distill.serve.vllm import KEY_VARIABLE as KEY_VARIABLE

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Settings of a server.

    - in_flight: requests at a time
    - usd_per_hour: price of the machine
    - log: file of the server's log
    - port: None for a free port
    - host: address to bind to; beyond this machine the server asks for the key in KEY_VARIABLE
    - rates: the task's own prices of models
    - model_tokens: the most tokens of a prompt with its answer
    """

    in_flight: int
    usd_per_hour: Decimal
    log: Path
    port: int | None = None
    host: str = LOOPBACK
    rates: Mapping[str, Rates] = field(default_factory=dict)
    model_tokens: int = MODEL_TOKENS


class Server(Protocol):
    """A server backend."""

    def serve(self, model: Model, settings: ServerSettings) -> AbstractContextManager[Endpoint]:
        """Keep a model's endpoint open."""


SERVERS: dict[str, Server] = {"vllm": vllm}
