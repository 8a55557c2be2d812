"""Servers: a model's folder → an endpoint, for as long as the block lasts."""

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
    """How many requests at a time, what the machine costs, where the log goes, the task's own
    prices of models, how many tokens a prompt with its answer may have, and the address that the
    server binds to: beyond this machine it asks for the key in KEY_VARIABLE."""

    in_flight: int
    usd_per_hour: Decimal
    log: Path
    port: int | None = None
    host: str = LOOPBACK
    rates: Mapping[str, Rates] = field(default_factory=dict)
    model_tokens: int = MODEL_TOKENS


class Server(Protocol):
    """What a server backend offers."""

    def serve(self, model: Model, settings: ServerSettings) -> AbstractContextManager[Endpoint]:
        """The model's endpoint, for as long as the block lasts."""


SERVERS: dict[str, Server] = {"vllm": vllm}
