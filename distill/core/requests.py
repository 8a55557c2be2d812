"""Frozen records of requests to models: endpoints, requests, attempts and completions.

Units everywhere: tokens as int, USD as Decimal, seconds as float, times as UTC datetimes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol

from distill.core.finish_reasons import ending_of, says_nothing
from distill.core.purpose import Purpose
from distill.core.text import stable_hash

UNUSABLE_FINISH_REASONS = {
    "length": "cut off",
    "refusal": "refused",
    "content_filter": "content filter",
    "context_length": "longer than the model takes",
    "invalid_prompt": "refused as an invalid prompt",
    "no_choices": "answered without an answer",
    "no_answer": "not answered in any try",
    "refused_row": "refused by the provider",
}
# Protocols of decision models, which answer with one of the given choices and write no texts.
DECISION_APIS = ("decisions", "systemone")
# Default context length of a served model, in tokens.
MODEL_TOKENS = 2048


@dataclass(frozen=True, slots=True)
class Model:
    """A model.

    `name`: the provider and the model, with a hash of the weights if the tool serves the model.
    `folder`: the folder of the weights; None if the tool does not serve the model.
    `api`: the protocol of the server.
    """

    name: str
    folder: Path | None
    api: str

    @property
    def is_local(self) -> bool:
        """True if we serve the model from a folder; False if it is asked over an API."""
        return self.folder is not None

    @property
    def decides(self) -> bool:
        """True for a decision model, which answers with one of the given choices."""
        return self.api in DECISION_APIS


@dataclass(frozen=True, slots=True)
class Usage:
    """The token counts of an answer.

    `prompt`: all prompt tokens, including `cached` and `cache_written`.
    `completion`: all completion tokens, including `reasoning`.
    `tier`: the service tier that answered; "" if unknown.
    """

    prompt: int
    completion: int
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0
    tier: str = ""


class Price(Protocol):
    """The price of a model's answers in USD."""

    @property
    def by_seconds(self) -> bool:
        """True if the price of an answer is the time of our machine, because nobody bills it."""

    def usd(self, usage: Usage, seconds: float) -> Decimal:
        """Return the price in USD of an answer that took `seconds`."""

    def worst(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Return the maximum bill, in USD, for an answer with at most the given tokens."""

    def covers(self, tier: str) -> bool:
        """True if `worst` is also the maximum for answers of the service tier `tier`."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that serves a model, with the prices of its answers.

    `url`: the address; None for the default of the provider's official client.
    `in_flight`: the maximum number of concurrent requests.
    `key_variable`: the environment variable of the key; None if no key is needed.
    `batch_price`: the price of answers in batches; None without a batch API.
    `server`: the server that the tool started for the endpoint; None if it started none.
    """

    url: str | None
    model: Model
    in_flight: int
    price: Price
    key_variable: str | None = None
    batch_price: Price | None = None
    server: "ServerProcess | None" = None


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A server started by the tool: its process id, and the seconds until it was healthy."""

    process: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """All parameters of a request except the messages.

    `min_p`: tokens below this share of the likeliest token's probability are excluded.
    `choices`: the allowed answers; empty for any answer.
    `inputs`: the number of texts if the answer is a list of texts, otherwise 0.
    `rationale`: True if a rationale precedes the choice or object.
    `logprobs`: True to get the probability of the answer.
    `schema`: the JSON Schema of an answer that is an object; "" without one.
    `again`: the number of discarded earlier answers. The value is not sent to the server.
    `meanings`: the meaning of each choice, for a decision model; empty for other models.
    """

    max_tokens: int
    temperature: float = 0.0
    min_p: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    inputs: int = 0
    rationale: bool = False
    logprobs: bool = False
    schema: str = ""
    again: int = 0
    meanings: tuple[str, ...] = ()

    @property
    def is_json(self) -> bool:
        """True if the answer is JSON: a choice, an object of a schema or a list of texts."""
        return bool(self.choices or self.schema or self.inputs)

    @property
    def hashed(self) -> dict[str, object]:
        """The values that are hashed into a request's id, under names that never change."""
        since_the_first = {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "min_p": self.min_p,
            "seed": self.seed,
            "stop": self.stop,
            "choices": self.choices,
        }
        # Left out if not set, so that the ids of older requests stay the same.
        later = {
            "inputs": self.inputs,
            "rationale": self.rationale,
            "logprobs": self.logprobs,
            "schema": self.schema,
            "again": self.again,
            "meanings": self.meanings,
        }
        return since_the_first | {name: value for name, value in later.items() if value}


@dataclass(frozen=True, slots=True)
class Request:
    """A rendered call to a model, with a hash of all its values as the id."""

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling

    @property
    def id(self) -> str:
        """Hash of the request, the same in every run, so that all runs share one answer."""
        turns = [{"role": turn.role, "content": turn.content} for turn in self.messages]
        return stable_hash(
            {"model": self.model, "messages": turns, "sampling": self.sampling.hashed}
        )

    def asked_again(self, times: int) -> "Request":
        """Return the request to send after `times` discarded answers; the original one for 0."""
        if times == self.sampling.again:
            return self
        return replace(self, sampling=replace(self.sampling, again=times))


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A request of a run with its purpose and its subject: a label or an input."""

    purpose: Purpose
    subject: str
    request: Request


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer to a request, with usage, price and time.

    `logprob`: the logarithm of the text's probability; None if not requested or not returned.
    `in_flight`: the maximum of concurrent requests; None for a batch, and in older stores.
    `by_seconds`: True if the price is the time of our machine.
    `probabilities`: the probability of each choice, from a decision model; empty from others. It is
        stored, but not in the completions that are read from the store.
    """

    request_id: str
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    usd: Decimal
    latency_s: float
    at: datetime
    cached_tokens: int = 0
    cache_written_tokens: int = 0
    reasoning_tokens: int = 0
    logprob: float | None = None
    in_flight: int | None = None
    by_seconds: bool = False
    probabilities: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def problem(self) -> str:
        """The reason why a paid answer is unusable; "" for a usable answer."""
        reason = self.finish_reason
        if reason == "stop" or (says_nothing(reason) and (self.text or not reason)):
            return ""
        # Older stores contain the finish reasons in the servers' words.
        kind = "" if reason in UNUSABLE_FINISH_REASONS else ending_of(reason)
        return (
            ""
            if kind == "stop"
            else UNUSABLE_FINISH_REASONS.get(kind or reason, f"ended by {reason}")
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send a request, with its maximum cost, recorded before it is sent."""

    id: str
    request: Request
    worst_usd: Decimal
    request_id: str = field(init=False)  # a hash, computed once

    def __post_init__(self) -> None:
        object.__setattr__(self, "request_id", self.request.id)


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """The outcome of an attempt: a completion, or the reason for the failure.

    `maybe_billed`: True if an attempt without an answer may have been billed.
    `remark`: a note on an unusual completion; "" for none.
    """

    attempt: Attempt
    completion: Completion | None = None
    failure: str = ""
    maybe_billed: bool = False
    remark: str = ""

    @property
    def result(self) -> Literal["answered", "not_billed", "maybe_billed"]:
        """The outcome in one word."""
        if self.maybe_billed:
            return "maybe_billed"
        return "not_billed" if self.completion is None else "answered"

    @property
    def usd(self) -> Decimal:
        """The price of the completion; the maximum cost if maybe billed, 0 if not billed."""
        if self.maybe_billed:
            return self.attempt.worst_usd
        return Decimal(0) if self.completion is None else self.completion.usd


@dataclass(frozen=True, slots=True)
class CompletedRequest:
    """A planned request with its completion."""

    ask: PlannedRequest
    completion: Completion
