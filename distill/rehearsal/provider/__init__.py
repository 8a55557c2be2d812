"""A stand-in for the two providers, on loopback: it answers as strictly as they do, keeps its own
bill, and misbehaves when it is told to. Nothing that goes to it is sent anywhere or costs anything.

`running(Settings(...))` starts it as a child process and hands over its address and its bill.
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
    """What a stand-in is started with; the same names as the options of its command line."""

    seeds: Path
    """JSON lines {"input", "label"}: what the answers are made of."""
    port: int = 0
    """0 is any free port."""
    random_seed: int = 0
    """Answers and faults are the same for the same seed and the same requests."""
    latency: float = 0.0
    """Seconds before a model's answer comes."""
    requests_per_second: float | None = None
    """Asking faster is answered with 429; None is no limit, and none is announced."""
    rate_headers: bool = True
    """Whether the limit is announced in the headers of every answer."""
    rate_windows: bool = False
    """Whether the limit counts in windows of one second, from which nothing is saved up."""
    faults: Mapping[str, float] = field(default_factory=dict)
    """How to misbehave; the names are in `distill.rehearsal.provider.faults`."""
    batch_seconds: float = 1.0
    """How long a batch or a training takes."""

    def options(self) -> list[str]:
        """The same as arguments of `python -m distill.rehearsal.provider`."""
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
    """What the stand-in has charged, and what it was asked for."""

    usd: Decimal
    """Exact; never rounded."""
    requests: int
    """Answers that were billed, whether or not the client got them; lines of batches too."""
    refused: int
    """Answers with a status of 400 or more."""
    first_at: float
    """When the first answer was billed, in seconds of a clock that never goes back; 0 for never."""
    last_at: float
    """When the last one was."""
    asked: Mapping[str, int]
    """`billing.body_hash` of a request's body: how often it was billed."""
    files: int
    """Files uploaded."""
    batches: int
    """Batches created, of both providers."""
    jobs: int
    """Trainings created."""
    most_at_once: int
    """The most requests to a model that were under way at a time."""
    uploads_by_content: Mapping[str, int]
    """SHA-256 of a file's bytes: how often it was uploaded."""
    batches_by_key: Mapping[str, int]
    """The batches' metadata "distill": how many were created with it."""


@dataclass(frozen=True)
class StandIn:
    """A stand-in that runs."""

    url: str

    def bill(self) -> Bill:
        """The bill as it is now."""
        from urllib.request import ProxyHandler, build_opener

        # A proxy that the user has set up must not be asked for loopback.
        opener = build_opener(ProxyHandler({}))
        with opener.open(self.url + "/rehearsal/bill", timeout=READY_SECONDS) as answer:
            fields = json.load(answer)
        return Bill(**fields | {"usd": Decimal(fields["usd"])})


@contextmanager
def running(settings: Settings) -> Iterator[StandIn]:
    """A stand-in in a process of its own, ended when the block is left or this process dies."""
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
    """The address that the child prints when it is ready."""
    ready, _, _ = select.select([stdout], [], [], READY_SECONDS)
    line = stdout.readline() if ready else b""
    if not line:
        raise DistillError(f"The stand-in did not start (exit code {child.poll()}).")
    url: str = json.loads(line)["url"]
    return url
