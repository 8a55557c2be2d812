"""How fast answers are asked for and stored, beside a bare client and two other tools.

    python -m benchmarks.throughput [--work FOLDER] [--peers FOLDER] [--requests 3000] [--rounds 3]

Everybody asks the same prompts, the same number at a time, of the stand-in for OpenAI on this
machine, whose answers take 50 ms: without a limit, at 200 requests/s that its headers announce, at
200 that nothing announces, and at 40 that its headers announce and that it counts in windows of one
second. `--peers` names a folder for the other tools' environments, which are
made there when they are missing; without it they are left out. Prints a table and, as its last
line, one JSON object with every figure, the targets and "ok"; exit code 1 when a target is missed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.peers import PEERS, Unavailable, installed
from distill.rehearsal.provider import Settings, running

ROOT = Path(__file__).resolve().parents[1]
SEEDS = ROOT / "prompts" / "classify" / "seeds.jsonl"
SYSTEM = "You sort messages to an online shop into the teams that can act on them. Be brief."
USER = "Order {n}: my parcel was due on Tuesday, tracking has not moved since Sunday, nobody rang."
LATENCY_SECONDS = 0.05
LIMIT = 200.0
WINDOW_LIMIT = 40.0
FREE, ANNOUNCED, SILENT = "no limit", "announced limit", "silent limit"
WINDOWS = "one-second windows"
MODES: Mapping[str, Mapping[str, Any]] = {
    FREE: {},
    ANNOUNCED: {"requests_per_second": LIMIT},
    SILENT: {"requests_per_second": LIMIT, "rate_headers": False},
    WINDOWS: {"requests_per_second": WINDOW_LIMIT, "rate_windows": True},
}
FEWER = {WINDOWS: 500}  # requests of a mode that is slower
OURS, BARE, RAW = "ours", "bare", "raw"
MEMORY_REQUESTS = (10_000, 100_000)
LONGEST_SECONDS = 1200.0  # of one client in one mode
AT_LEAST = ("announced_of_limit", "silent_of_limit", "of_bare")
BELOW = ("announced_refused", "silent_refused", "windows_refused", "memory_growth_mb")
TARGETS = {
    "announced_of_limit": 0.95,
    "announced_refused": 0.01,
    "silent_of_limit": 0.95,
    "silent_refused": 0.05,
    "windows_refused": 0.02,
    "of_bare": 0.95,
    "memory_growth_mb": 100.0,
    "of_peers": 1.0,
}


@dataclass(frozen=True, slots=True)
class Options:
    """Where to work, and how much to measure."""

    work: Path
    peers: Path | None
    requests: int
    in_flight: int
    rounds: int
    memory: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """One client in one mode. `refused` is the share of its questions that were refused."""

    mode: str
    client: str
    requests_per_s: float
    refused: float
    seconds: float
    answers: int


Summary = dict[str, dict[str, Figures]]


def main() -> int:
    """Measure everybody in turn, print the table and the verdict on the targets."""
    options = parse()
    pythons, missing = find_peers(options.peers)
    rounds = [one_round(options, pythons, number) for number in range(options.rounds)]
    summary = medians([row for rows in rounds for row in rows])
    print("\n".join(["", *(shown(row) for mode in summary.values() for row in mode.values())]))
    figures = compared(summary, rounds) | (memory(options) if options.memory else {})
    verdict = check(figures)
    rows = [asdict(row) for mode in summary.values() for row in mode.values()]
    print(json.dumps({"clients": rows, "not_compared": missing} | verdict))
    return 0 if verdict["ok"] else 1


def parse() -> Options:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--work", type=Path, default=Path("runs") / "throughput")
    parser.add_argument("--peers", type=Path, help="folder of the other tools' environments")
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-memory", dest="memory", action="store_false")
    return Options(**vars(parser.parse_args()))


def find_peers(folder: Path | None) -> tuple[dict[str, Path], dict[str, str]]:
    """The other tools' Pythons, and why some are missing."""
    found: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for name in PEERS:
        try:
            found[name] = installed(folder, name)
        except Unavailable as error:
            missing[name] = str(error)
            print(f"{name} is not compared: {error}")
    return found, missing


def one_round(options: Options, pythons: Mapping[str, Path], number: int) -> list[Figures]:
    """Everybody in every mode; every second time backwards, for machines whose speed drifts."""
    rows = []
    for mode in MODES:
        clients = [OURS, BARE, *([RAW] if mode == FREE else []), *pythons]
        for client in clients if number % 2 == 0 else reversed(clients):
            rows.append(measure(options, mode, client, pythons))
            print(shown(rows[-1]), flush=True)
    return rows


def measure(options: Options, mode: str, client: str, pythons: Mapping[str, Path]) -> Figures:
    """One client in one mode, with a stand-in of its own."""
    requests = min(options.requests, FEWER.get(mode, options.requests))
    job = prepare(options, f"{mode}-{client}".replace(" ", "-"), requests)
    if client == OURS:
        ask(own("write", job), {})
    with running(Settings(SEEDS, latency=LATENCY_SECONDS, **MODES[mode])) as standin:
        where = {"OPENAI_BASE_URL": f"{standin.url}/v1"}
        if client in pythons:
            command = PEERS[client].command(pythons[client], job, mode)
            said = ask(command, where | PEERS[client].environment(pythons[client]))
        else:
            said = ask(own(client, job), where)
        bill = standin.bill()
    # The other tools' calls also start processes and servers: the stand-in's clock leaves that out.
    seconds = bill.last_at - bill.first_at if client in pythons else said["seconds"]
    refused = bill.refused / (bill.refused + bill.requests)
    return Figures(mode, client, said["answers"] / seconds, refused, seconds, said["answers"])


def prepare(options: Options, name: str, requests: int) -> list[str]:
    """An empty folder with the prompts: the arguments of every client."""
    folder = options.work.resolve() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = ({"system": SYSTEM, "user": USER.format(n=n)} for n in range(requests))
    prompts = folder / "prompts.jsonl"
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return [str(prompts), str(options.in_flight), str(folder)]


def own(client: str, job: Sequence[str]) -> list[str]:
    """A client of this project's environment."""
    return [sys.executable, "-m", "benchmarks.clients", client, *job]


def ask(command: Sequence[str], variables: Mapping[str, str]) -> dict[str, Any]:
    """Runs a client in a process of its own; the JSON of its last line."""
    variables = os.environ | {"OPENAI_API_KEY": "none-needed", "NO_PROXY": "*"} | dict(variables)
    done = subprocess.run(
        command, env=variables, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_SECONDS
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def medians(rows: Sequence[Figures]) -> Summary:
    """Each client's run of median speed in each mode."""
    summary: Summary = {mode: {} for mode in MODES}
    for row in sorted(rows, key=lambda row: (row.mode, row.client, row.requests_per_s)):
        same = [other for other in rows if (other.mode, other.client) == (row.mode, row.client)]
        slower = sum(other.requests_per_s < row.requests_per_s for other in same)
        if slower <= (len(same) - 1) // 2:
            summary[row.mode][row.client] = row
    return summary


def compared(summary: Summary, rounds: Sequence[Sequence[Figures]]) -> dict[str, Any]:
    """What the targets are about; ratios of clients are medians over the rounds."""
    announced, silent = summary[ANNOUNCED][OURS], summary[SILENT][OURS]
    windows = summary[WINDOWS][OURS]
    others = [name for name in summary[FREE] if name in PEERS]
    return {
        "announced_of_limit": announced.requests_per_s / LIMIT,
        "announced_refused": announced.refused,
        "silent_of_limit": silent.requests_per_s / LIMIT,
        "silent_refused": silent.refused,
        "windows_of_limit": windows.requests_per_s / WINDOW_LIMIT,
        "windows_refused": windows.refused,
        "of_bare": ratio(rounds, FREE, BARE),
        "of_raw": ratio(rounds, FREE, RAW),
        "of_peers": {mode: {name: ratio(rounds, mode, name) for name in others} for mode in MODES},
    }


def ratio(rounds: Sequence[Sequence[Figures]], mode: str, client: str) -> float:
    """Our speed by another client's, in rounds that both ran in."""
    speeds = [
        {row.client: row.requests_per_s for row in rows if row.mode == mode} for rows in rounds
    ]
    return median(speed[OURS] / speed[client] for speed in speeds)


def memory(options: Options) -> dict[str, Any]:
    """The most memory of a process that asks few and many, and the difference."""
    peaks = {count: peak_mb(options, count) for count in MEMORY_REQUESTS}
    few, many = MEMORY_REQUESTS
    return {"peak_mb": peaks, "memory_growth_mb": peaks[many] - peaks[few]}


def peak_mb(options: Options, requests: int) -> float:
    """Of our client alone: the asks are written down before, by another process."""
    job = prepare(options, f"memory-{requests}", requests)
    ask(own("write", job), {})
    with running(Settings(SEEDS, latency=LATENCY_SECONDS)) as standin:
        said = ask(own(OURS, job), {"OPENAI_BASE_URL": f"{standin.url}/v1"})
    assert said["answers"] == requests, said
    print(f"memory: {requests:,} requests, at most {said['peak_mb']:.0f} MB", flush=True)
    return float(said["peak_mb"])


def check(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures, the targets, and whether those that were measured are reached."""
    reached = {name: figures[name] >= TARGETS[name] for name in AT_LEAST}
    reached |= {name: figures[name] < TARGETS[name] for name in BELOW if name in figures}
    ratios = [ratio for mode in figures["of_peers"].values() for ratio in mode.values()]
    reached["of_peers"] = all(ratio > TARGETS["of_peers"] for ratio in ratios)
    missed = [name for name, well in reached.items() if not well]
    return dict(figures) | {"targets": TARGETS, "missed": missed, "ok": not missed}


def shown(row: Figures) -> str:
    """A line of the table."""
    return (
        f"{row.mode:16} {row.client:11} {row.requests_per_s:7.1f} requests/s "
        f"{row.refused:6.1%} answered 429 {row.seconds:7.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
