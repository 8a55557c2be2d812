"""Frozen records, in the order in which data moves.

Units everywhere: tokens as int, USD as Decimal, seconds as float, times as UTC datetimes.
"""

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

# How a server is spoken to: texts or chat behind the vLLM that we start, any server that speaks
# OpenAI's chat protocol, OpenAI itself, Anthropic.
Api = Literal["completions", "chat", "compatible", "openai", "anthropic"]
Source = Literal["seeds", "inputs", "synthesis"]
Part = Literal["train", "validation"]
LeakKind = Literal["exact", "near", "semantic"]
Better = Literal["first", "second", "same"]


PROBLEMS = {
    "length": "cut off",
    "refusal": "refused",
    "content_filter": "content filter",
    "context_length": "longer than the model takes",
    "invalid_prompt": "refused as an invalid prompt",
    "no_choices": "answered without an answer",
}
# How servers of OpenAI's shape end a whole answer; stores of before have these words.
WHOLE = ("stop", "eos_token", "stop_sequence", "end_turn", "STOP", "")


def content_id(value: object) -> str:
    """32 hexadecimal digits of the SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def most_frequent(answers: Sequence[str]) -> str:
    """The first of them on a tie; empty when there is none."""
    return max(answers, key=answers.count) if answers else ""


def readable(text: str) -> str:
    """A text with U+FFFD for each lone surrogate: JSON may bring them, and neither UTF-8 nor the
    store can hold them. Two that belong together become their character."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def fold(text: str) -> str:
    """A text without differences of case, Unicode form and white space: what "equal" means here."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@dataclass(frozen=True, slots=True)
class Labelled:
    """A row of seeds or gold: an input with an answer given by people, and where it stands."""

    input: str
    answer: str
    file: str
    line: int

    id: str = field(init=False)  # a hash of the row and its place, worked out once

    def __post_init__(self) -> None:
        found = content_id([self.file, self.line, self.input, self.answer])
        object.__setattr__(self, "id", found)

    @property
    def key(self) -> str:
        """A hash of the row alone: rows that are put in above it leave it as it is."""
        return content_id([self.input, self.answer])


# Context of a served model, in tokens, where nothing else is said.
MODEL_TOKENS = 2048


@dataclass(frozen=True, slots=True)
class Model:
    """A model by its name, which says whose it is and, where we serve it, hashes its weights; and
    the folder of those (None: not served by us)."""

    name: str
    folder: Path | None
    api: Api


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
    server: "Started | None" = None


@dataclass(frozen=True, slots=True)
class Started:
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
    share of the likeliest; with `logprobs` the answer's probability is told."""

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


@dataclass(frozen=True, slots=True)
class Request:
    """One rendered call to a model; its id is a hash of everything that shapes the answer."""

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling

    @property
    def id(self) -> str:
        """The same request has the same id in every run, so its answer is asked for once."""
        # By hand: `asdict` takes four times as long as all the rest.
        sampling = {name: getattr(self.sampling, name) for name in Sampling.__slots__}
        # Without one of these a request is the one that it was before they were there.
        for later in ("inputs", "rationale", "logprobs", "schema"):
            if not sampling[later]:
                del sampling[later]
        turns = [{"role": turn.role, "content": turn.content} for turn in self.messages]
        return content_id({"model": self.model, "messages": turns, "sampling": sampling})


@dataclass(frozen=True, slots=True)
class Ask:
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
        if self.finish_reason in WHOLE or (self.finish_reason == "None" and self.text):
            return ""
        return PROBLEMS.get(self.finish_reason, f"ended by {self.finish_reason}")


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
class Outcome:
    """What became of an attempt: its completion, with a remark where it is odd; or why there is
    none, and whether it may have been billed all the same."""

    attempt: Attempt
    completion: Completion | None = None
    failure: str = ""
    maybe_billed: bool = False
    remark: str = ""

    @property
    def result(self) -> Literal["answered", "not_billed", "maybe_billed"]:
        """In a word."""
        if self.completion is not None:
            return "answered"
        return "maybe_billed" if self.maybe_billed else "not_billed"

    @property
    def usd(self) -> Decimal:
        """Its price; nothing; the most that it can have been billed."""
        if self.completion is not None:
            return self.completion.usd
        return self.attempt.worst_usd if self.maybe_billed else Decimal(0)


@dataclass(frozen=True, slots=True)
class Answered:
    """An ask with its completion."""

    ask: Ask
    completion: Completion


@dataclass(frozen=True, slots=True)
class Candidate:
    """An input with its answers, before curation. `origin` is the synthesis request that made it
    or the file and row it was given in; `answer_ids` are the requests that answered it; `problem`
    says why one of them is no answer."""

    input: str
    asked_label: str | None
    answers: tuple[str, ...]
    source: Source
    origin: str
    answer_ids: tuple[str, ...] = ()
    problem: str = ""

    @property
    def id(self) -> str:
        """The same text from two origins is two candidates."""
        return content_id([self.source, self.origin, self.input])

    @property
    def answer(self) -> str:
        """The most frequent answer, the first of them on a tie; empty when there is none."""
        return most_frequent(self.answers)

    @property
    def agreement(self) -> float:
        """Share of the answers that are `answer`."""
        return self.answers.count(self.answer) / len(self.answers) if self.answers else 0.0


class Pair(NamedTuple):
    """Two texts that are alike, by their indices, and how much: 1.0 is the same. Within one list
    `first` < `second`; across two lists `first` is of the first list."""

    first: int
    second: int
    score: float


@dataclass(frozen=True, slots=True)
class Leak:
    """A text that is a gold row, or almost: their indices in the two lists, how they are alike, and
    how much: 1.0 is the same."""

    text: int
    gold: int
    kind: LeakKind
    score: float


@dataclass(frozen=True, slots=True)
class Review:
    """A person's word on an input: the right answer, None for "do not learn from it"; and where it
    stands."""

    input: str
    answer: str | None
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Preference:
    """A person's word on two answers to an input: the better one; and where it stands."""

    input: str
    first: str
    second: str
    better: Better
    file: str
    line: int

    @property
    def id(self) -> str:
        """Hash of the row and its place."""
        return content_id([self.file, self.line, self.input, self.first, self.second])


@dataclass(frozen=True, slots=True)
class Drop:
    """A candidate left out: which check, why (in the same words for every such row, so that they
    can be counted), what it was compared with, and for duplicates how well that matched."""

    candidate_id: str
    check: str
    reason: str
    matched: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """An input with the answer the student is to learn; its id is its candidate's."""

    id: str
    input: str
    answer: str
    source: Source


@dataclass(frozen=True, slots=True)
class SplitRow:
    """An example's place; `repeats` is how often an epoch shows it."""

    example: Example
    part: Part
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class Spread:
    """How different the examples of a group are from each other (`distill.text.diversity` says
    how that is measured), and which share of the group's real texts (seeds, given inputs) has one
    of the synthesised near it."""

    label: str
    rows: int
    distinct_1: float
    distinct_2: float
    mean_nearest_distance: float
    covered: float


@dataclass(frozen=True, slots=True)
class Student:
    """A trained student: what it was made of, and where it lies; or the `model` that it is at the
    provider that trained it, and what that billed. `licence` is its base's; `others_cpu` is the
    share of the processors that other processes took during the training (None: not known)."""

    id: str
    base: str
    trainer: str
    recipe: Mapping[str, object]
    data_hash: str
    folder: Path
    train_seconds: float
    trained_tokens: int
    kept_step: int | None = None  # None: of a student from before it was written down
    losses: Sequence[Mapping[str, float]] = field(default_factory=tuple)
    model: str = ""
    train_usd: Decimal | None = None
    licence: str = ""
    others_cpu: float | None = None


@dataclass(frozen=True, slots=True)
class TrainingSpeed:
    """How fast a run's student was trained: seconds for 1,000 rows learned, start and merge
    included, and the epochs that its recipe wanted."""

    run_id: str
    seconds_per_1k: float
    epochs: float


@dataclass(frozen=True, slots=True)
class Parity:
    """How many prompts the trained and the served student were asked, and how many they answered
    with the same text."""

    asked: int
    agreed: int

    @property
    def agreement(self) -> float:
        """The share that agrees, 1 for no prompt."""
        return self.agreed / self.asked if self.asked else 1.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """A system's answer on a gold row; no request for systems that answer in this process.
    `confidence` is the probability that the system gives its own answer, where it tells it."""

    system: str
    gold_id: str
    answer: str
    valid: bool
    latency_s: float
    request_id: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """A system's answer to a probe of what fine-tuning may have broken; 1.0 when it is all
    right."""

    system: str
    group: str
    kind: str
    text: str
    answer: str
    value: float


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """What a system's server took: the seconds until it was healthy, and MiB of memory after it was
    loaded."""

    system: str
    start_s: float
    memory_mib: float


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a system answers with `in_flight` requests at a time: how many were asked, in how
    many seconds, the latencies that 50, 95 and 99 % of them do not pass, the answers' tokens, the
    share of the processors that other processes took meanwhile (None: not known), and when."""

    system: str
    in_flight: int
    requests: int
    seconds: float
    latency_p50_s: float
    latency_p95_s: float
    latency_p99_s: float
    completion_tokens: int
    others_cpu: float | None = None
    measured: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_comparable(self) -> bool:
        """Whether every system of the run was measured so: once only the student was, and those
        rows of before have no time of their own."""
        return self.measured.timestamp() > 0

    @property
    def requests_per_s(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds

    @property
    def completion_tokens_per_s(self) -> float:
        """Tokens of answers a second."""
        return self.completion_tokens / self.seconds


@dataclass(frozen=True, slots=True)
class Pace:
    """How many answers to a run's purpose a model of our machine gave, and in how many seconds in
    which at least one of them was being made."""

    run_id: str
    purpose: str
    model: str
    answers: int
    seconds: float

    @property
    def per_s(self) -> float:
        """Answers a second, 0 for no time."""
        return self.answers / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which our machine answered a purpose's requests, and the share of its processors
    that other processes took meanwhile (None: not known)."""

    purpose: str
    began: datetime
    ended: datetime
    others_cpu: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """What the scorer made of a prediction."""

    system: str
    gold_id: str
    metric: str
    value: float
