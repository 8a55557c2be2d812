"""A stand-in for the two providers, on loopback.

It checks requests as strictly as the providers, keeps its own bill, and produces faults on request.
Nothing that it receives is sent anywhere or costs anything.

`running(Settings(...))` starts it as a child process and provides its address and its bill.
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
    """The settings of a stand-in, named as the options of its command line."""

    seeds: Path
    """JSON lines {"input", "label"}: the source of the answers."""
    port: int = 0
    """0 is any free port."""
    random_seed: int = 0
    """Answers and faults are the same for the same seed and the same requests."""
    latency: float = 0.0
    """Seconds before a model's answer comes."""
    requests_per_second: float | None = None
    """Faster requests get a 429. With None there is no limit, and none is announced."""
    rate_headers: bool = True
    """True if the headers of every answer announce the limit."""
    rate_windows: bool = False
    """True if the limit counts in windows of one second, without carrying over unused requests."""
    faults: Mapping[str, float] = field(default_factory=dict)
    """The faults to produce; `distill.rehearsal.provider.faults` has their names."""
    batch_seconds: float = 1.0
    """Seconds that a batch or a training takes."""

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
    """The charges of a stand-in, and counts of its requests."""

    usd: Decimal
    """Exact; never rounded."""
    requests: int
    """Billed answers, whether or not the client received them; lines of batches too."""
    refused: int
    """Answers with a status of 400 or more."""
    first_at: float
    """Time of the first billed answer, in seconds of a monotonic clock; 0 if there is none."""
    last_at: float
    """Time of the last billed answer; 0 if there is none."""
    asked: Mapping[str, int]
    """`billing.body_hash` of a request's body → number of times that it was billed."""
    files: int
    """Files uploaded."""
    batches: int
    """Batches created, of both providers."""
    jobs: int
    """Trainings created."""
    most_at_once: int
    """The maximum number of concurrent requests to a model."""
    uploads_by_content: Mapping[str, int]
    """SHA-256 of a file's bytes → number of its uploads."""
    batches_by_key: Mapping[str, int]
    """The batches' metadata "distill" → number of batches created with it."""


@dataclass(frozen=True)
class StandIn:
    """A running stand-in."""

    url: str

    def bill(self) -> Bill:
        """Return the current bill."""
        from urllib.request import ProxyHandler, build_opener

        # A proxy of the user must not get requests to loopback.
        opener = build_opener(ProxyHandler({}))
        with opener.open(self.url + "/rehearsal/bill", timeout=READY_SECONDS) as answer:
            fields = json.load(answer)
        return Bill(**fields | {"usd": Decimal(fields["usd"])})


@contextmanager
def running(settings: Settings) -> Iterator[StandIn]:
    """Hold a stand-in in a child process, which ends with the block or with this process."""
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
    """Return the address that the child prints when it is ready. Raises DistillError if it does not
    start."""
    ready, _, _ = select.select([stdout], [], [], READY_SECONDS)
    line = stdout.readline() if ready else b""
    if not line:
        raise DistillError(f"The stand-in did not start (exit code {child.poll()}).")
    url: str = json.loads(line)["url"]
    return url
