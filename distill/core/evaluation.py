"""Frozen records of an evaluation: predictions, scores, speeds and comparisons."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from distill.core.purpose import Purpose
from distill.core.text import stable_hash

Better = Literal["first", "second", "same"]


@dataclass(frozen=True, slots=True)
class Preference:
    """A person's preference between two answers to an input, with its file and line."""

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
    """A system's answer on a gold row.

    `request_id`: None for systems that answer in this process.
    `latency_s`: seconds from the request to the answer.
    `confidence`: the probability that the system gives to its answer; None if it gives none.
    """

    system: str
    gold_id: str
    answer: str
    valid: bool
    latency_s: float
    request_id: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """A system's answer to a regression probe; `value` is 1.0 if the answer passes."""

    system: str
    group: str
    kind: str
    text: str
    answer: str
    value: float


@dataclass(frozen=True, slots=True)
class ServerStats:
    """The startup figures of a system's server.

    `start_s`: seconds until the server was healthy.
    `memory_mib`: MiB of memory after the load tests.
    """

    system: str
    start_s: float
    memory_mib: float


@dataclass(frozen=True, slots=True)
class LoadTestResult:
    """The speed of a system with `in_flight` concurrent requests.

    `requests`, `seconds`: the number of requests, and the total time of the test.
    `latency_p50_s`, `latency_p95_s`, `latency_p99_s`: percentiles of the latency in seconds.
    `completion_tokens`: the tokens of all answers.
    `others_cpu`: the share of the processors that other processes used during the test; None if
        unknown.
    `measured`: the time of the measurement in UTC.
    """

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
        """True if all systems of the run were measured in the same way.

        Older versions measured only the student. `measured` is the epoch (0) in their rows.
        """
        return self.measured.timestamp() > 0

    @property
    def requests_per_s(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds

    @property
    def completion_tokens_per_s(self) -> float:
        """Completion tokens per second."""
        return self.completion_tokens / self.seconds


@dataclass(frozen=True, slots=True)
class Pace:
    """The speed of a model on our machine for a purpose of a run.

    `seconds`: the time during which at least one request was in flight.
    """

    run_id: str
    purpose: Purpose
    model: str
    answers: int
    seconds: float

    @property
    def per_s(self) -> float:
        """Answers per second; 0 if no time was measured."""
        return self.answers / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class LoadExtent:
    """A period in which our machine answered the requests of a purpose.

    `others_cpu`: the share of the processors that other processes used in the period; None if
        unknown.
    """

    purpose: Purpose
    began: datetime
    ended: datetime
    others_cpu: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """A prediction's score by one metric."""

    system: str
    gold_id: str
    metric: str
    value: float
