"""One client of the throughput benchmark, in a process of its own.

    python -m benchmarks.clients write|ours|bare|raw PROMPTS IN_FLIGHT FOLDER

PROMPTS holds JSON lines {"system", "user"}. `write` writes them down as asks in a store in FOLDER;
`ours` asks what is unanswered there, with the ledger. `bare` is an asyncio.gather over the same
official client, with its own retries, and stores nothing; `raw` is the same with the client's raw
answers, of which it makes no objects. OPENAI_BASE_URL says where to ask. Prints one JSON line: the
answers, the seconds from the first question to the last thing stored, and the process's most
memory.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from openai import AsyncOpenAI

from distill.core.purpose import ANSWER
from distill.core.requests import Completion, Message, PlannedRequest, Request, Sampling
from distill.llm.client import complete_all
from distill.llm.ledger import SpendLedger
from distill.llm.models import choose
from distill.llm.providers import openai, openai_compatible
from distill.serve import ServerSettings
from distill.store import open_store

MODEL = "gpt-4o-mini"
MAX_TOKENS = 256
RUN, PURPOSE = "r", ANSWER
BUDGET_USD = Decimal(10_000)
RETRIES = 1000  # where there is a limit: with few of them answers are lost
STATUS = Path("/proc/self/status")
KIB_PER_MB = 1000 / 1.024

Send = Callable[[AsyncOpenAI, dict[str, Any]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked, how many at a time, and where the store lies."""

    prompts: Path
    in_flight: int
    folder: Path

    @property
    def database(self) -> Path:
        """The store's file."""
        return self.folder / "distill.duckdb"

    def requests(self) -> list[Request]:
        """The prompts as requests."""
        with self.prompts.open(encoding="utf-8") as lines:
            return [_request(json.loads(line)) for line in lines]


@dataclass(frozen=True, slots=True)
class Asked:
    """How many answers came, in how many seconds, and the processor's seconds for it."""

    answers: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Start:
    """When the asking began."""

    at: float = field(default_factory=perf_counter)
    cpu: float = field(default_factory=process_time)

    def asked(self, answers: int) -> Asked:
        """What it has taken until now."""
        return Asked(answers, perf_counter() - self.at, process_time() - self.cpu)


def _request(row: dict[str, str]) -> Request:
    turns = (Message("system", row["system"]), Message("user", row["user"]))
    return Request(MODEL, turns, Sampling(MAX_TOKENS))


def write(job: Job) -> Asked:
    """The asks, written down; nothing is asked yet."""
    asks = [PlannedRequest(PURPOSE, str(n), row) for n, row in enumerate(job.requests())]
    start = Start()
    with open_store(job.database) as store:
        store.add_asks(RUN, asks)
    return start.asked(0)


def ours(job: Job) -> Asked:
    """What is unanswered in the store, asked as every stage asks."""
    came: list[int] = []

    def count(answers: Sequence[Completion]) -> None:
        came.append(len(answers))

    settings = ServerSettings(job.in_flight, Decimal(1), job.folder / "log")
    teacher = choose(f"openai:{MODEL}")
    with open_store(job.database) as store, teacher.serve(settings) as endpoint:
        start = Start()
        store.settle_lost()
        ledger = SpendLedger(store, RUN, endpoint, BUDGET_USD)
        complete_all(endpoint, ledger.ask(store.unanswered(RUN, PURPOSE), count))
        return start.asked(sum(came))


def bare(job: Job) -> Asked:
    """The client as its own documentation shows it."""
    return asyncio.run(_gather(job, lambda client, body: client.chat.completions.create(**body)))


def raw(job: Job) -> Asked:
    """The same, with the client's raw answers."""
    return asyncio.run(_gather(job, openai_compatible.send_chat))


async def _gather(job: Job, send: Send) -> Asked:
    requests, room = job.requests(), asyncio.Semaphore(job.in_flight)
    start = Start()
    async with AsyncOpenAI(max_retries=RETRIES) as client:

        async def ask(request: Request) -> None:
            async with room:
                await send(client, openai.body(request))

        await asyncio.gather(*(ask(row) for row in requests))
    return start.asked(len(requests))


CLIENTS: dict[str, Callable[[Job], Asked]] = {
    "write": write,
    "ours": ours,
    "bare": bare,
    "raw": raw,
}


def peak_mb() -> float:
    """The most memory that this process had resident."""
    line = next(row for row in STATUS.read_text().splitlines() if row.startswith("VmHWM"))
    return int(line.split()[1]) / KIB_PER_MB


def main() -> int:
    """Ask, and say what came of it."""
    name, prompts, in_flight, folder = sys.argv[1:]
    asked = CLIENTS[name](Job(Path(prompts), int(in_flight), Path(folder)))
    print(json.dumps(asdict(asked) | {"peak_mb": peak_mb()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
