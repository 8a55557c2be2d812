"""Frozen records of an evaluation: predictions, scores, speeds and comparisons."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from distill.core.text import stable_hash

Better = Literal["first", "second", "same"]


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
        return stable_hash([self.file, self.line, self.input, self.first, self.second])


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
class ServerStats:
    """What a system's server took: the seconds until it was healthy, and MiB of memory after it was
    loaded."""

    system: str
    start_s: float
    memory_mib: float


@dataclass(frozen=True, slots=True)
class LoadTestResult:
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
class LoadExtent:
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
