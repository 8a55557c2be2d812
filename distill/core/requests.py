"""Frozen records of requests to models: endpoints, requests, attempts and completions.

Units everywhere: tokens as int, USD as Decimal, seconds as float, times as UTC datetimes.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol

from distill.core.finish_reasons import ending_of, says_nothing
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
# Context of a served model, in tokens, where nothing else is said.
MODEL_TOKENS = 2048


@dataclass(frozen=True, slots=True)
class Model:
    """A model by its name, which says whose it is and, where we serve it, hashes its weights; and
    the folder of those (None: not served by us)."""

    name: str
    folder: Path | None
    api: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of an answer. `prompt` counts the cached and the newly cached ones too, `completion`
    those of reasoning. `tier` is the service tier that answered, empty where nobody tells."""

    prompt: int
    completion: int
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0
    tier: str = ""


class Price(Protocol):
    """What answers of a model cost, in USD; whether that is the time of our machine."""

    @property
    def by_seconds(self) -> bool:
        """Whether nobody bills an answer, and its time is its price."""

    def usd(self, usage: Usage, seconds: float) -> Decimal:
        """One answer that took `seconds`."""

    def worst(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """The most that an answer with at most so many tokens can be billed."""

    def covers(self, tier: str) -> bool:
        """Whether the most that can be billed holds for answers of a service tier, too."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers (None: where its official client looks for it), what its answers
    cost, the name of the environment variable that holds the key, None for no key, what answers
    cost in batches, None where there are none, and the server that was started for it, if any."""

    url: str | None
    model: Model
    in_flight: int
    price: Price
    key_variable: str | None = None
    batch_price: Price | None = None
    server: "ServerProcess | None" = None


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A server that we started: its process, and the seconds until it was healthy."""

    process: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """Everything besides the messages that shapes an answer. `choices` constrains it to one of
    them, `schema` to an object that fits that JSON Schema, both after a `rationale` where that is
    wanted, `inputs` to a list of so many texts; `min_p` leaves out tokens less likely than that
    share of the likeliest; with `logprobs` the answer's probability is told. `again` counts how
    often earlier answers were put aside: servers do not see it."""

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

    @property
    def is_json(self) -> bool:
        """True if the answer is JSON: a choice, an object of a schema or a list of texts."""
        return bool(self.choices or self.schema or self.inputs)

    @property
    def hashed(self) -> dict[str, object]:
        """Return the values that a request's id hashes, under names that never change."""
        since_the_first = {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "min_p": self.min_p,
            "seed": self.seed,
            "stop": self.stop,
            "choices": self.choices,
        }
        # Without one of these a request is the one that it was before they were there.
        later = {
            "inputs": self.inputs,
            "rationale": self.rationale,
            "logprobs": self.logprobs,
            "schema": self.schema,
            "again": self.again,
        }
        return since_the_first | {name: value for name, value in later.items() if value}


@dataclass(frozen=True, slots=True)
class Request:
    """One rendered call to a model; its id is a hash of everything that shapes the answer."""

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling

    @property
    def id(self) -> str:
        """The same request has the same id in every run, so its answer is asked for once."""
        turns = [{"role": turn.role, "content": turn.content} for turn in self.messages]
        return stable_hash(
            {"model": self.model, "messages": turns, "sampling": self.sampling.hashed}
        )

    def asked_again(self, times: int) -> "Request":
        """The same after so many answers that were put aside; 0 gives the first."""
        if times == self.sampling.again:
            return self
        return replace(self, sampling=replace(self.sampling, again=times))


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A request in its run: what it is for, and what it is about (a label or an input)."""

    purpose: str
    subject: str
    request: Request


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back for a request, with its usage, price and time; `logprob` is the logarithm of
    the text's probability, where it was asked for and told; `in_flight` is how many requests might
    be under way (None: in a batch, or from before that was written down), and `by_seconds` tells
    that the time of our machine is its price."""

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

    @property
    def problem(self) -> str:
        """Why it is no answer although it was paid for; empty for an answer."""
        reason = self.finish_reason
        if reason == "stop" or (says_nothing(reason) and (self.text or not reason)):
            return ""
        # Stores of before have the words of the servers.
        kind = "" if reason in UNUSABLE_FINISH_REASONS else ending_of(reason)
        return (
            ""
            if kind == "stop"
            else UNUSABLE_FINISH_REASONS.get(kind or reason, f"ended by {reason}")
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a request, written down before it goes out, and the most it can cost."""

    id: str
    request: Request
    worst_usd: Decimal
    request_id: str = field(init=False)  # a hash: worked out once

    def __post_init__(self) -> None:
        object.__setattr__(self, "request_id", self.request.id)


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """What became of an attempt: its completion, with a remark where it is odd; or why there is
    none. Without an answer it may have been billed all the same."""

    attempt: Attempt
    completion: Completion | None = None
    failure: str = ""
    maybe_billed: bool = False
    remark: str = ""

    @property
    def result(self) -> Literal["answered", "not_billed", "maybe_billed"]:
        """In a word."""
        if self.maybe_billed:
            return "maybe_billed"
        return "not_billed" if self.completion is None else "answered"

    @property
    def usd(self) -> Decimal:
        """Its price; nothing; the most that it can have been billed."""
        if self.maybe_billed:
            return self.attempt.worst_usd
        return Decimal(0) if self.completion is None else self.completion.usd


@dataclass(frozen=True, slots=True)
class CompletedRequest:
    """An ask with its completion."""

    ask: PlannedRequest
    completion: Completion
