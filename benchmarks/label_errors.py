"""Plant wrong labels in banking77 and count how many `suspect_labels` finds.

    python -m benchmarks.label_errors --data FOLDER [--rows 2000] [--share 0.1] [--seeds 5]

FOLDER holds train.jsonl.gz (rows {"input", "label"}). For all intents and for the ten hard ones, a
share of the labels is replaced by a random other one, or by the one whose texts are most alike;
without and with ten trusted rows a label. The published labels have errors of their own, which
count as false alarms here. Prints the table and, as its last line, one JSON object with every
figure, the targets and "ok"; exit code 1 when a target is missed.
"""

import argparse
import gzip
import json
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.real_classify import INTENTS
from distill.text.embeddings import embed_once
from distill.text.label_errors import suspect_labels

TARGETS = {"recall": 0.6, "precision": 0.6}
TRUSTED = 10  # a label

Row = tuple[str, str]
Figures = dict[str, Any]
Other = Callable[[str, random.Random], str]


def main() -> int:
    """Measure every case, print the table and the verdict on the targets."""
    options = parse()
    with gzip.open(options.data / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        train = [(row["input"], row["label"]) for row in map(json.loads, file)]
    cases = [
        measure(intents, errors, trusted, train, options)
        for intents in ("all", "hard")
        for errors in ("random", "confusable")
        for trusted in (0, TRUSTED)
    ]
    ok = all(reached(case) for case in cases if case["errors"] == "random")
    print(json.dumps({"cases": cases, "targets": TARGETS, "ok": ok}))
    return 0 if ok else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--share", type=float, default=0.1, help="of the labels are replaced")
    parser.add_argument("--seeds", type=int, default=5, help="samples that are measured")
    return parser.parse_args()


def measure(
    intents: str, errors: str, trusted: int, train: Sequence[Row], options: argparse.Namespace
) -> Figures:
    """The means over the seeds of one case, printed as a line of the table."""
    chosen = [row for row in train if intents == "all" or row[1] in INTENTS["hard"]]
    each = [one(chosen, errors, trusted, seed, options) for seed in range(options.seeds)]
    case: Figures = {"intents": intents, "errors": errors, "trusted": trusted}
    case |= {name: round(fmean(figures[name] for figures in each), 3) for name in each[0]}
    case["lowest"] = {name: round(min(figures[name] for figures in each), 3) for name in TARGETS}
    print("  ".join(f"{name} {value}" for name, value in case.items()), flush=True)
    return case


def one(
    rows: Sequence[Row], errors: str, trusted: int, seed: int, options: argparse.Namespace
) -> Figures:
    """Plant errors in one sample and look for them."""
    draw = random.Random(seed)
    order = draw.sample(rows, len(rows))
    sample, rest = order[: options.rows], order[options.rows :]
    own = {label: [row for row in rest or order if row[1] == label] for _, label in rows}
    seeds = [row for label in sorted(own) for row in own[label][:trusted]]
    if not rest:  # the ten intents have fewer rows: what is trusted is not in the sample
        sample = [row for row in order if row not in seeds]
    planted = plant(sample, others(sample, errors), options.share, draw)
    texts = [text for text, _ in sample]
    labels = [planted.get(index, label) for index, (_, label) in enumerate(sample)]
    begun = time.perf_counter()
    embed_once([*texts, *(text for text, _ in seeds)])
    embedded = time.perf_counter()
    found = suspect_labels(texts, labels, seed=seed, trusted=seeds)
    seconds = {"embed_s": embedded - begun, "suspects_s": time.perf_counter() - embedded}
    hits = [suspect for suspect in found if suspect.index in planted]
    right = [suspect for suspect in hits if suspect.suggested == sample[suspect.index][1]]
    return {
        "rows": len(sample),
        "planted": len(planted),
        "suspects": len(found),
        "recall": len(hits) / len(planted),
        "precision": len(hits) / max(1, len(found)),
        "right_suggestion": len(right) / max(1, len(hits)),
        **seconds,
    }


def plant(rows: Sequence[Row], other: Other, share: float, draw: random.Random) -> dict[int, str]:
    """Index → wrong label."""
    drawn = draw.sample(range(len(rows)), int(share * len(rows)))
    return {index: other(rows[index][1], draw) for index in drawn}


def others(rows: Sequence[Row], errors: str) -> Other:
    """How a label is made wrong."""
    labels = sorted({label for _, label in rows})
    if errors == "random":
        return lambda label, draw: draw.choice([other for other in labels if other != label])
    nearest = most_alike(rows, labels)
    return lambda label, draw: nearest[label]


def most_alike(rows: Sequence[Row], labels: Sequence[str]) -> Mapping[str, str]:
    """Label → the other one whose texts' mean embedding has the greatest cosine to its own."""
    import numpy

    vectors = embed_once([text for text, _ in rows])
    own = [numpy.array([label == other for _, label in rows]) for other in labels]
    means = numpy.stack([vectors[mask].mean(axis=0) for mask in own])
    means /= numpy.linalg.norm(means, axis=1, keepdims=True)
    similarity = means @ means.T
    numpy.fill_diagonal(similarity, -1)
    return {label: labels[int(row.argmax())] for label, row in zip(labels, similarity, strict=True)}


def reached(case: Figures) -> bool:
    """Whether every target is."""
    return all(case[name] >= target for name, target in TARGETS.items())


if __name__ == "__main__":
    sys.exit(main())
