"""Server backends, which serve the weights in a folder as an endpoint."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from distill.core.requests import MODEL_TOKENS, Endpoint, Model
from distill.pricing.token_prices import Rates
from distill.serve import encoder, vllm
from distill.serve.http_child import KEY_VARIABLE as KEY_VARIABLE

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The settings of a server.

    - in_flight: the maximum number of concurrent requests
    - usd_per_hour: the price of the machine
    - log: the file of the server's log
    - port: the port; None for a free port
    - host: the address to bind to; on any but loopback, clients need the key in KEY_VARIABLE
    - rates: the prices in the task, by model
    - model_tokens: the context length in tokens, for a prompt with its answer
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
        """Serve a model as an endpoint during the block."""


SERVERS: dict[str, Server] = {"vllm": vllm, "encoder": encoder}
