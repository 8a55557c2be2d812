"""The bill of the stand-in: exact sums in Decimal, and counts of requests."""

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from time import monotonic
from typing import Any

from distill.rehearsal.provider.models import Price

HALF = Decimal("0.5")


@dataclass(frozen=True)
class Use:
    """The billed tokens of an answer.

    `input`: the prompt tokens without those read from the cache or written to it.
    """

    input: int
    output: int
    cached: int = 0
    written: int = 0


def cost(price: Price, use: Use) -> Decimal:
    """Return the exact price of an answer's tokens in USD."""
    total = (
        price.input * use.input
        + price.cached * use.cached
        + price.write * use.written
        + price.output * use.output
    )
    return total.scaleb(-6)


def training_cost(price: Price, tokens: int) -> Decimal:
    """Return the price in USD of a fine-tuning job with `tokens` trained tokens."""
    return (price.training * tokens).scaleb(-6)


def body_hash(body: object) -> str:
    """Return the hash of a request's body for `Bill.asked`, regardless of the order of keys."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class ProviderLedger:
    """The bill so far."""

    usd: Decimal = Decimal(0)
    requests: int = 0
    refused: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    files: int = 0
    batches: int = 0
    jobs: int = 0
    most_at_once: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    uploads_by_content: Counter[str] = field(default_factory=Counter)
    batches_by_key: Counter[str] = field(default_factory=Counter)

    def charge(self, usd: Decimal, name: str) -> None:
        """Add a billed answer; `name` is the hash of the request's body."""
        self.usd += usd
        self.requests += 1
        self.last_at = monotonic()
        self.first_at = self.first_at or self.last_at
        self.asked[name] += 1

    def uploaded(self, content: bytes) -> None:
        """Count an uploaded file."""
        self.files += 1
        self.uploads_by_content[sha256(content).hexdigest()] += 1

    def batch_created(self, metadata: dict[str, str] | None) -> None:
        """Count a created batch, also by the value of "distill" in its metadata."""
        self.batches += 1
        if metadata and "distill" in metadata:
            self.batches_by_key[metadata["distill"]] += 1

    def as_json(self) -> dict[str, Any]:
        """Return the fields of `Bill`, with USD as a string."""
        return vars(self) | {"usd": f"{self.usd:f}"}
