"""A stand-in server on loopback that simulates OpenAI, Anthropic and System One servers.

It checks requests as strictly as the providers, keeps a bill, and produces faults on request. It
sends nothing to any other machine, and its bill is not real.

`running(Settings(...))` starts it as a child process, and yields its address and its bill.
"""

import json
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO

from distill.core.errors import DistillError

READY_SECONDS = 30.0
END_SECONDS = 10.0


@dataclass(frozen=True)
class Settings:
    """The settings of a stand-in, with the names of its command-line options."""

    seeds: Path
    """The source of the answers: a JSON-lines file with rows {"input", "label"}."""
    port: int = 0
    """0 for any free port."""
    random_seed: int = 0
    """Answers and faults are the same for the same seed and the same requests."""
    latency: float = 0.0
    """The seconds before each answer of a model."""
    requests_per_second: float | None = None
    """The rate limit; further requests get status 429. None for no limit."""
    rate_headers: bool = True
    """True if the headers of every answer state the rate limit."""
    rate_windows: bool = False
    """True if unused requests of a second are not carried over to the next second."""
    faults: Mapping[str, float] = field(default_factory=dict)
    """The faults to produce; `distill.rehearsal.provider.faults` has their names."""
    batch_seconds: float = 1.0
    """The seconds that a batch or a fine-tuning job takes."""

    def options(self) -> list[str]:
        """Return the settings as arguments of `python -m distill.rehearsal.provider`."""
        options = ["--port", str(self.port), "--seeds", str(self.seeds)]
        options += ["--random-seed", str(self.random_seed), "--latency", str(self.latency)]
        options += ["--batch-seconds", str(self.batch_seconds)]
        if self.requests_per_second is not None:
            options += ["--requests-per-second", str(self.requests_per_second)]
        if not self.rate_headers:
            options.append("--no-rate-headers")
        if self.rate_windows:
            options.append("--rate-windows")
        for name, value in self.faults.items():
            options += ["--fault", f"{name}={value}"]
        return options


@dataclass(frozen=True)
class Bill:
    """The bill of a stand-in, with counts of requests and objects."""

    usd: Decimal
    """The exact sum, without rounding."""
    requests: int
    """The number of billed answers, including lost answers and answers in batches."""
    refused: int
    """The number of answers with a status of 400 or more."""
    first_at: float
    """The time of the first billed answer, in seconds of a monotonic clock; 0 if there is none."""
    last_at: float
    """The time of the last billed answer; 0 if there is none."""
    asked: Mapping[str, int]
    """The number of bills for each request, by `billing.body_hash` of its body."""
    files: int
    """The number of uploaded files."""
    batches: int
    """The number of created batches of both providers."""
    jobs: int
    """The number of created fine-tuning jobs."""
    most_at_once: int
    """The maximum number of concurrent requests to a model."""
    uploads_by_content: Mapping[str, int]
    """The number of uploads of each file, by the SHA-256 of its content."""
    batches_by_key: Mapping[str, int]
    """The number of created batches by the value of their metadata "distill"."""


@dataclass(frozen=True)
class StandIn:
    """A running stand-in."""

    url: str

    def bill(self) -> Bill:
        """Return the current bill."""
        from urllib.request import ProxyHandler, build_opener

        # A proxy in the environment must not get requests to loopback.
        opener = build_opener(ProxyHandler({}))
        with opener.open(self.url + "/rehearsal/bill", timeout=READY_SECONDS) as answer:
            fields = json.load(answer)
        return Bill(**fields | {"usd": Decimal(fields["usd"])})


@contextmanager
def running(settings: Settings) -> Iterator[StandIn]:
    """Run a stand-in as a child process, which ends with the block or with this process.

    Raises DistillError if it does not start.
    """
    command = [sys.executable, "-m", "distill.rehearsal.provider", *settings.options()]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None and child.stdout is not None
    try:
        yield StandIn(_url(child, child.stdout))
    finally:
        child.stdin.close()
        try:
            child.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def _url(child: subprocess.Popen[bytes], stdout: IO[bytes]) -> str:
    """Return the address that the child process prints when it is ready.

    Raises DistillError if it does not start.
    """
    ready, _, _ = select.select([stdout], [], [], READY_SECONDS)
    line = stdout.readline() if ready else b""
    if not line:
        raise DistillError(
            f"the rehearsal's stand-in provider did not start (exit code {child.poll()})"
        )
    url: str = json.loads(line)["url"]
    return url
