"""Whether the bill agrees with the ledger, whenever a run is killed.

    python -m benchmarks.kills [--work FOLDER] [--requests 2000] [--kills 50] [--seed 0]

Asks the stand-in of each provider so many questions, at once and in batches, ends the asking
process with SIGKILL so many times on the way, starts it again each time, and lets it finish. A kill
comes after a random number of further answers or, half of the times, at a random time around the
end of the start. After each, the ledger's total must be at most the stand-in's own bill, and that
at most the ledger and what may have been paid twice or is out in batches; at the end no stored
answer may have been asked for again, and no batch and no file have been submitted twice. A run that
comes to its end before it was killed so often is followed by another one. Prints a line for each
run and, as its last line, one JSON object with every figure, the targets and "ok"; exit code 1 when
a target is missed.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

from distill.rehearsal.provider import Bill, Settings, StandIn, running
from distill.store import open_store
from distill.store.batches import reserved_usd
from tests.support.spending import PURPOSE, RUN

ROOT = Path(__file__).resolve().parents[1]
SEEDS = ROOT / "prompts" / "classify" / "seeds.jsonl"
TEACHERS = ("openai:gpt-6-luna", "anthropic:claude-haiku-5-5")
LATENCY_SECONDS = 0.05
BUDGET_USD = "100"
POLL_SECONDS = 0.005
LONGEST_SECONDS = 600.0
START_SHARES = (0.5, 1.3)  # of the time of a process that asks one question
TARGETS = {"disagreements": 0, "asked_again": 0, "unanswered": 0, "submitted_twice": 0}
# A batch leaves lines without an answer, so that every run makes several; and it is soon done, so
# that many kills come while one is made and not only while one is waited for.
BATCH_SECONDS = 3.0
BATCH_FAULTS = {"expire": 0.1}
ASKS = "SELECT COUNT(*) FROM ask"
ATTEMPTS = "SELECT COUNT(*) FROM attempt"
ASKED_AGAIN = """SELECT COUNT(*) FROM attempt AS later
    JOIN attempt AS earlier ON earlier.request_id = later.request_id
    JOIN outcome ON outcome.attempt_id = earlier.id
    WHERE result = 'answered' AND later.started > outcome.finished"""


@dataclass(frozen=True, slots=True)
class Books:
    """What a store says: USD of answers, of what may have been billed without one, and of what is
    out in batches; and how far its run is. `asked_again` counts attempts for what had an answer in
    the store."""

    paid: Decimal
    lost: Decimal
    out_in_batches: Decimal
    unanswered: int
    asks: int
    attempts: int
    asked_again: int


@dataclass(frozen=True, slots=True)
class Place:
    """A stand-in, and the variables that lead there."""

    standin: StandIn
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wait:
    """How long until a kill: so many seconds or so many further answers, whichever comes first."""

    seconds: float
    answers: int


@dataclass(frozen=True, slots=True)
class Job:
    """Runs that are killed again and again."""

    teacher: str
    requests: int
    kills: int
    folder: Path
    draw: random.Random
    batches: bool

    @property
    def database(self) -> Path:
        """Its store."""
        return self.folder / "distill.duckdb"

    def command(self) -> list[str]:
        """Asks what has no answer yet."""
        numbers = [str(self.requests), BUDGET_USD]
        child = [sys.executable, "-m", "tests.support.spending", str(self.database), self.teacher]
        return [*child, *numbers, *(["batches"] if self.batches else [])]


def main() -> int:
    """Kill each provider's run, print what came of it and the verdict on the targets."""
    options = parse()
    figures = {}
    for teacher, batches in product(TEACHERS, (False, True)):
        name = f"{teacher} in batches" if batches else teacher
        folder = options.work.resolve() / name.replace(":", "-").replace(" ", "-")
        draw = random.Random(f"{options.seed} {name}")
        job = Job(teacher, options.requests, options.kills, folder, draw, batches)
        figures[name] = kill_so_often(job)
    missed = [
        f"{name}, run {number}: {figure}"
        for name, runs in figures.items()
        for number, found in enumerate(runs, 1)
        for figure, target in TARGETS.items()
        if found[figure] != target
    ]
    settings = {"requests": options.requests, "seed": options.seed, "targets": TARGETS}
    print(json.dumps(settings | {"runs": figures, "missed": missed, "ok": not missed}))
    return 1 if missed else 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--work", type=Path, default=Path("runs") / "kills")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="draws the moments of the kills")
    return parser.parse_args()


def kill_so_often(job: Job) -> list[dict[str, Any]]:
    """As many runs as it takes for the kills: every figure of each."""
    start_s = seconds_to_start(replace(job, batches=False))
    runs: list[dict[str, Any]] = []
    left = job.kills
    while left:
        found = kill_again_and_again(replace(job, kills=left), start_s)
        left -= found["kills"].total()
        runs.append(found)
    return runs


def kill_again_and_again(job: Job, start_s: float) -> dict[str, Any]:
    """One run with its kills, finished at the end: every figure."""
    shutil.rmtree(job.folder, ignore_errors=True)
    job.folder.mkdir(parents=True)
    moments: Counter[str] = Counter()
    disagreements = 0
    with provider(job) as place:
        before = look(job)
        while moments.total() < job.kills:
            wait = any_wait(job, before, job.kills - moments.total(), start_s)
            if kill(job, place, wait):
                books, bill = look(job), place.standin.bill()
                moments[moment(before, books)] += 1
                disagreements += not agree(books, bill)
                before = books
            elif not look(job).unanswered:
                break
        subprocess.run(job.command(), env=place.variables, cwd=ROOT, check=True)
        books, bill = look(job), place.standin.bill()
    disagreements += not agree(books, bill)
    print(f"{job.folder.name}: killed {dict(moments)}; {disagreements} disagreements", flush=True)
    found = figures(books, bill) | {"kills": moments, "disagreements": disagreements}
    return found | {"batches": bill.batches, "submitted_twice": submitted_twice(job, bill)}


@contextmanager
def provider(job: Job) -> Iterator[Place]:
    """A stand-in, and what points the official clients to it."""
    settings = Settings(SEEDS, latency=LATENCY_SECONDS)
    if job.batches:
        settings = replace(settings, batch_seconds=BATCH_SECONDS, faults=BATCH_FAULTS)
    with running(settings) as standin:
        where = {"OPENAI_BASE_URL": f"{standin.url}/v1", "ANTHROPIC_BASE_URL": standin.url}
        keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY"), "none-needed")
        yield Place(standin, os.environ | where | keys)


def seconds_to_start(job: Job) -> float:
    """How long a process takes for one answer, of a provider of its own."""
    first = replace(job, folder=job.folder / "start", requests=1)
    shutil.rmtree(first.folder, ignore_errors=True)
    first.folder.mkdir(parents=True)
    with provider(job) as place:
        start = time.monotonic()
        subprocess.run(first.command(), env=place.variables, cwd=ROOT, check=True)
        return time.monotonic() - start


def any_wait(job: Job, books: Books, kills_left: int, start_s: float) -> Wait:
    """So few answers that some are left for the last kill; half of the times also so few seconds
    that it is about the end of a process's start (the first half of that is Python's own)."""
    left = books.unanswered if books.asks else job.requests
    answers = job.draw.randint(1, 1 + 2 * left // (kills_left + 1))
    by_the_clock = job.draw.random() < 0.5 or not left
    seconds = start_s * job.draw.uniform(*START_SHARES)
    return Wait(seconds if by_the_clock else LONGEST_SECONDS, answers)


def kill(job: Job, place: Place, wait: Wait) -> bool:
    """Starts the run, waits and kills it; False when it had ended by itself before."""
    billed = place.standin.bill().requests + wait.answers
    end = time.monotonic() + wait.seconds
    child = subprocess.Popen(job.command(), env=place.variables, cwd=ROOT)
    while child.poll() is None and time.monotonic() < end:
        if place.standin.bill().requests >= billed:
            break
        time.sleep(POLL_SECONDS)
    child.send_signal(signal.SIGKILL)
    return child.wait() == -signal.SIGKILL


def moment(before: Books, after: Books) -> str:
    """What a killed process was at, by what it left behind."""
    if not after.asks:
        return "before the asks were written"
    if after.attempts > before.attempts:
        return "while asking" if after.unanswered else "after the last answer"
    waits = after.out_in_batches and before.out_in_batches
    return "while waiting for a batch" if waits else "before anything was sent"


def look(job: Job) -> Books:
    """What the store says, read from a copy: the next process finds it as the killed one left
    it."""
    copy = job.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in job.folder.glob("distill.duckdb*"):
        shutil.copy(file, copy)
    with open_store(copy / job.database.name) as store:
        store.settle_lost()
        lost = store.possibly_paid_twice_usd(RUN)
        out = sum(reserved_usd(store, RUN).values(), Decimal(0))
        counts = [store.rows(query)[0][0] for query in (ASKS, ATTEMPTS, ASKED_AGAIN)]
        unanswered = store.count_unanswered(RUN, PURPOSE)
        return Books(store.committed_usd(RUN) - lost, lost, out, unanswered, *counts)


def agree(books: Books, bill: Bill) -> bool:
    """No answer is stored that was not billed, and nothing was billed unseen."""
    return books.paid <= bill.usd <= books.paid + books.lost + books.out_in_batches


def figures(books: Books, bill: Bill) -> dict[str, Any]:
    """What stands in the books and on the bill at the end."""
    money = {
        "ledger_usd": books.paid,
        "bill_usd": bill.usd,
        "possibly_paid_twice_usd": books.lost + books.out_in_batches,
    }
    counts = {"attempts": books.attempts, "billed": bill.requests, "unanswered": books.unanswered}
    texts = {name: str(usd) for name, usd in money.items()}
    return texts | counts | {"asked_again": books.asked_again}


def submitted_twice(job: Job, bill: Bill) -> int:
    """Batches, files and requests in batches that came to the provider more than once. No answer
    of a batch is lost on the way, so that none of its requests may; at once some are."""
    asked = (bill.asked,) if job.batches else ()
    counts = (bill.batches_by_key, bill.uploads_by_content, *asked)
    return sum(times - 1 for counted in counts for times in counted.values())


if __name__ == "__main__":
    sys.exit(main())
