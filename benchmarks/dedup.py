"""Near duplicates: how fast, how much memory, how many are found; beside other tools.

    python -m benchmarks.dedup --data FOLDER [--texts 1000000] [--peers [PYTHON]]
        [--peer-texts 200000]

FOLDER holds banking77's train.jsonl.gz (rows {"input"}). The texts are bigram walks over its words;
5 % are planted copies in another case or with other white space, 10 % have one word changed. Recall
is that of the planted near copies whose true Jaccard similarity, worked out here with sets, reaches
the threshold; precision the share of reported pairs whose does; growth that of the processors'
seconds, beside n log n. `--peers` asks other tools about the same --peer-texts, with the given
Python (this one by default) into which benchmarks/peers/dedup.txt is installed. They tell which
texts go, not pairs: beside them a planted pair counts as found when its later text goes. Prints the
figures and, as its last line, one JSON object with all of them, the targets and "ok"; exit code 1
when a target is missed.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.dedup_texts import Planted, Words, plant, read
from benchmarks.peers.run_dedup import TOOLS, shingles
from distill.core.text import fold

THRESHOLD = 0.7
REPEATED = 100_000  # up to so many texts the median of three
SAMPLE = 20_000
LONGEST_SECONDS = 1200.0  # of one tool
SHOWN = 300
OURS = "distill"
AT_MOST = {"seconds": 90.0, "mb": 4096.0}
AT_LEAST = {"pair_recall": 0.98, "precision": 0.99}
BELOW_OURS = 0.005  # a peer that finds fewer is not as good, however fast
# No network: what a tool would download it has to do without.
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

Pairs = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Figures:
    """One tool and number of texts. `recall` is the share of the near copies whose later text goes,
    `exact_recall` that of the exact ones; the figures of pairs are None for tools without."""

    tool: str
    texts: int
    seconds: float
    cpu_seconds: float
    texts_per_s: float
    mb: float
    removed: int
    recall: float
    exact_recall: float
    pair_recall: float | None
    precision: float | None


class Unavailable(Exception):
    """Why a tool is not compared."""


def main() -> int:
    """Measure, print the figures and the verdict on the targets."""
    options = parse()
    corpus = read(options.data)
    sizes = [options.texts // 100, options.texts // 10, options.texts]
    with tempfile.TemporaryDirectory() as work:
        ours = [measure(corpus, size, Path(work)) for size in sizes]
        peers, missing = compare(corpus, options, Path(work)) if options.peers else ([], {})
    verdict = check(ours, peers)
    rows = {"ours": [asdict(row) for row in ours], "peers": [asdict(row) for row in peers]}
    print(json.dumps(rows | {"not_compared": missing} | verdict))
    return 0 if verdict["ok"] else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--peers", nargs="?", const=sys.executable, metavar="PYTHON")
    parser.add_argument("--peer-texts", type=int, default=200_000)
    return parser.parse_args()


def measure(corpus: Words, size: int, work: Path) -> Figures:
    """Ours."""
    planted = plant(corpus, size)
    found = call(sys.executable, OURS, planted.texts, work)
    row = score(OURS, planted, near_copies(planted), found)
    print(shown(row), flush=True)
    return row


def compare(
    corpus: Words, options: argparse.Namespace, work: Path
) -> tuple[list[Figures], dict[str, str]]:
    """Every tool on the same texts, and why some are missing."""
    planted = plant(corpus, options.peer_texts)
    near = near_copies(planted)
    rows: list[Figures] = []
    missing: dict[str, str] = {}
    for tool in TOOLS:
        try:
            found = call(
                sys.executable if tool == OURS else options.peers, tool, planted.texts, work
            )
        except Unavailable as error:
            missing[tool] = str(error)
            print(f"{tool} is not compared: {error}", flush=True)
            continue
        rows.append(score(tool, planted, near, found))
        print(shown(rows[-1]), flush=True)
    return rows, missing


def call(python: str, tool: str, texts: Sequence[str], work: Path) -> dict[str, Any]:
    """What a tool reports, from a process of its own.

    Raises Unavailable when it does not.
    """
    given, found = work / "texts.jsonl", work / "found.json"
    given.write_text("".join(f"{json.dumps(text)}\n" for text in texts), encoding="utf-8")
    rounds = "3" if len(texts) <= REPEATED else "1"
    script = ["-m", "benchmarks.peers.run_dedup", tool, str(given), str(found)]
    try:
        done = subprocess.run(
            [python, *script, str(THRESHOLD), rounds],
            env=os.environ | OFFLINE,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"no result in {LONGEST_SECONDS:.0f} s") from error
    if done.returncode:
        raise Unavailable(" ".join(done.stderr.split())[-SHOWN:])
    result: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return result


def near_copies(planted: Planted) -> Pairs:
    """The planted near copies whose similarity reaches the threshold."""
    return [(i, j) for i, j in planted.near if alike(planted.texts[i], planted.texts[j])]


def alike(text: str, other: str) -> bool:
    """Whether the Jaccard similarity of two texts reaches the threshold."""
    first, second = shingles(fold(text)), shingles(fold(other))
    return len(first & second) >= THRESHOLD * len(first | second)


def score(tool: str, planted: Planted, near: Pairs, found: dict[str, Any]) -> Figures:
    """Speed, memory, recall and precision."""
    pairs = {(first, second) for first, second, _ in found.get("pairs", [])}
    removed = {second for _, second in pairs} | set(found.get("removed", []))
    size, seconds = len(planted.texts), found["seconds"]
    return Figures(
        tool,
        size,
        seconds,
        found["cpu_seconds"],
        size / seconds,
        found["mb"],
        len(removed),
        share(later in removed for _, later in near),
        share(later in removed for _, later in planted.exact),
        pair_recall(planted.texts, near, pairs) if pairs else None,
        precision(planted.texts, pairs) if pairs else None,
    )


def share(hits: Iterable[bool]) -> float:
    """Of how many it is true; 1 of none."""
    counted = list(hits)
    return sum(counted) / len(counted) if counted else 1.0


def pair_recall(texts: Sequence[str], near: Pairs, pairs: set[tuple[int, int]]) -> float:
    """Share of the near copies that stand among the pairs, where the first of equal texts stands
    for all."""
    firsts: dict[str, int] = {}
    first = [firsts.setdefault(fold(text), place) for place, text in enumerate(texts)]
    ordered = ((first[i], first[j]) for i, j in near)
    return share(i == j or (min(i, j), max(i, j)) in pairs for i, j in ordered)


def precision(texts: Sequence[str], pairs: set[tuple[int, int]]) -> float:
    """Share of a sample of the pairs whose similarity reaches the threshold."""
    sample = random.Random(0).sample(sorted(pairs), min(SAMPLE, len(pairs)))
    return share(alike(texts[i], texts[j]) for i, j in sample)


def shown(row: Figures) -> str:
    """A line of the table."""
    pairs = "" if row.pair_recall is None else f", of pairs {row.pair_recall:.4f}"
    right = "" if row.precision is None else f", precision {row.precision:.4f}"
    return (
        f"{row.tool:<11}{row.texts:>8} texts {row.seconds:7.2f} s ({row.cpu_seconds:6.2f} s CPU) "
        f"{row.texts_per_s:7.0f} texts/s {row.mb:5.0f} MB, {row.removed} removed, recall "
        f"{row.recall:.4f}{pairs}, of copies {row.exact_recall:.4f}{right}"
    )


def check(ours: Sequence[Figures], peers: Sequence[Figures]) -> dict[str, Any]:
    """Growth and rank beside the targets, and whether they are all reached."""
    small, large = ours[0], ours[-1]
    growth = large.cpu_seconds / small.cpu_seconds  # the clock counts what others do here, too
    allowed = large.texts * math.log(large.texts) / (small.texts * math.log(small.texts))
    figures = {"growth": growth, "of_fastest_peer": of_fastest(peers)}
    figures["clock_growth"] = large.seconds / small.seconds
    print(f"{growth:.0f} times as long for {large.texts // small.texts} times the texts", end="")
    print(f"; n log n: {allowed:.0f} times")
    ok = (
        all(getattr(large, name) <= most for name, most in AT_MOST.items())
        and all((getattr(large, name) or 0.0) >= least for name, least in AT_LEAST.items())
        and growth <= allowed
        and (figures["of_fastest_peer"] or 0.0) <= 1.0
    )
    targets = AT_MOST | AT_LEAST | {"growth": allowed, "of_fastest_peer": 1.0}
    return figures | {"targets": targets, "ok": ok}


def of_fastest(peers: Sequence[Figures]) -> float | None:
    """Our time as a share of that of the fastest other tool that finds about as much."""
    ours = next((row for row in peers if row.tool == OURS), None)
    if ours is None:
        return None
    rivals = [row for row in peers if row.tool != OURS and row.recall >= ours.recall - BELOW_OURS]
    return ours.seconds / min(row.seconds for row in rivals) if rivals else None


if __name__ == "__main__":
    sys.exit(main())
