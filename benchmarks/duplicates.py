"""Find the sentences that are rewritings of one another among 6,000, and score every pair.

    python -m benchmarks.duplicates --data FOLDER [--near 0.8] [--semantic 0.95]

FOLDER holds dup_wiki's test.jsonl.gz (rows {"input", "label": group, "near_groups"}). Two sentences
of one group are duplicates; those of groups that are listed as near one another are not scored.
Duplicates are found by their characters (Jaccard similarity of 4-shingles, computed exactly) or by
their meaning (cosine of the embeddings), with the given thresholds, a task's defaults, and with
those that are best on one half of the groups; all are reported on the other. Prints a table and, as
its last line, one JSON object with every figure, the target and "ok"; exit code 1 when either way
misses it.
"""

import argparse
import gzip
import itertools
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distill.core.text import fold
from distill.text.embeddings import similar_pairs

TARGET = 0.90
WIDTH, BLOCK = 4, 500  # characters of a shingle; rows of similarities at a time
FLOORS = {"near": 0.2, "semantic": 0.75}  # what is below them is no duplicate by any rule
NEAR = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8)
SEMANTIC = (0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98)
OFF = 2.0  # no similarity reaches it


@dataclass(frozen=True, slots=True)
class Rule:
    """A pair is a duplicate from either threshold on."""

    near: float
    semantic: float


@dataclass(frozen=True, slots=True)
class Scored:
    """Every pair that any rule could find, as arrays: its two similarities, whether it is true;
    and how many true pairs there are."""

    near: Any
    semantic: Any
    true: Any
    pairs: int


def main() -> int:
    """Read, measure, print the verdict."""
    options = parse()
    with gzip.open(options.data / "test.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    figures = measured(rows, Rule(options.near, options.semantic), options.seed)
    show(figures)
    ok = all(figures[name]["reported on"]["f1"] >= TARGET for name in ("either", "as given"))
    print(json.dumps({"rows": len(rows), **figures, "targets": {"f1": TARGET}, "ok": ok}))
    return 0 if ok else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--near", type=float, default=0.8)
    parser.add_argument("--semantic", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=0, help="halves the groups")
    return parser.parse_args()


def measured(rows: Sequence[dict[str, Any]], given: Rule, seed: int) -> dict[str, dict[str, Any]]:
    """For each way the best of its rules on one half of the groups, and what it finds."""
    similarities = similar(rows)
    groups = sorted({row["label"] for row in rows})
    random.Random(seed).shuffle(groups)
    parts = {
        "chosen on": scored(rows, similarities, set(groups[: len(groups) // 2])),
        "reported on": scored(rows, similarities, set(groups[len(groups) // 2 :])),
        "all": scored(rows, similarities, set(groups)),
    }
    figures: dict[str, dict[str, Any]] = {}
    for name, tried in rules(given).items():
        best = max(tried, key=lambda rule: f1(parts["chosen on"], rule))
        figures[name] = {part: measures(pairs, best) for part, pairs in parts.items()}
        figures[name]["rule"] = asdict(best)
    return figures


def rules(given: Rule) -> dict[str, list[Rule]]:
    """The rules that are tried, from strict to lax: the first of the best is taken."""
    near, semantic = NEAR[::-1], SEMANTIC[::-1]
    return {
        "near": [Rule(threshold, OFF) for threshold in near],
        "semantic": [Rule(OFF, threshold) for threshold in semantic],
        "either": [Rule(*thresholds) for thresholds in itertools.product(near, semantic)],
        "as given": [given],
    }


def similar(rows: Sequence[dict[str, Any]]) -> dict[tuple[int, int], tuple[float, float]]:
    """(first, second) → (Jaccard similarity, cosine) of the pairs above a floor, 0 for below it."""
    originals = [row["input"] for row in rows]
    texts = [fold(text) for text in originals]
    near = {(first, second): score for first, second, score in jaccard(texts)}
    semantic = {pair[:2]: pair.score for pair in similar_pairs(originals, FLOORS["semantic"])}
    every = near.keys() | semantic.keys()
    return {pair: (near.get(pair, 0.0), semantic.get(pair, 0.0)) for pair in every}


def jaccard(texts: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """(first, second, similarity) of the sets of shingles, exact, from the floor on."""
    import numpy
    from scipy.sparse import csr_matrix

    columns: dict[str, int] = {}
    sets = [
        {text[at : at + WIDTH] for at in range(max(1, len(text) - WIDTH + 1))} for text in texts
    ]
    indices = [columns.setdefault(shingle, len(columns)) for own in sets for shingle in own]
    sizes = numpy.array([len(own) for own in sets])
    starts = numpy.concatenate([[0], sizes.cumsum()])
    matrix = csr_matrix((numpy.ones(len(indices), dtype="int32"), indices, starts))
    for start in range(0, len(texts), BLOCK):
        shared = (matrix[start : start + BLOCK] @ matrix.T).tocoo()
        first, second = shared.row + start, shared.col
        scores = shared.data / (sizes[first] + sizes[second] - shared.data)
        kept = (scores >= FLOORS["near"]) & (first < second)
        yield from zip(
            first[kept].tolist(), second[kept].tolist(), scores[kept].tolist(), strict=True
        )


def scored(
    rows: Sequence[dict[str, Any]],
    similarities: dict[tuple[int, int], tuple[float, float]],
    groups: set[str],
) -> Scored:
    """The pairs within these groups, without those of groups that are near one another."""
    import numpy

    near: dict[str, set[str]] = {row["label"]: set() for row in rows}
    for row in rows:
        for other in row.get("near_groups", ()):
            near[row["label"]].add(other)
            near[other].add(row["label"])
    labels = [row["label"] for row in rows]
    kept = [
        (*scores, labels[first] == labels[second])
        for (first, second), scores in similarities.items()
        if {labels[first], labels[second]} <= groups and labels[second] not in near[labels[first]]
    ]
    sizes = Counter(label for label in labels if label in groups)
    table = numpy.array(kept)
    pairs = sum(size * (size - 1) // 2 for size in sizes.values())
    return Scored(table[:, 0], table[:, 1], table[:, 2] > 0, pairs)


def f1(pairs: Scored, rule: Rule) -> float:
    """The harmonic mean of precision and recall, over pairs."""
    return measures(pairs, rule)["f1"]


def measures(pairs: Scored, rule: Rule) -> dict[str, float]:
    """Precision, recall and F1 of a rule."""
    found = (pairs.near >= rule.near) | (pairs.semantic >= rule.semantic)
    hits, all_found = int((found & pairs.true).sum()), int(found.sum())
    return {
        "precision": round(hits / max(1, all_found), 4),
        "recall": round(hits / max(1, pairs.pairs), 4),
        "f1": round(2 * hits / max(1, all_found + pairs.pairs), 4),
    }


def show(figures: dict[str, dict[str, Any]]) -> None:
    """A line for each kind of rule, on the half that it was not chosen on."""
    print(f"{'rule':<22}{'precision':>10}{'recall':>8}{'F1':>8}  thresholds")
    for name, own in figures.items():
        half = own["reported on"]
        thresholds = {key: value for key, value in own["rule"].items() if value != OFF}
        line = f"{name:<22}{half['precision']:>10.2%}{half['recall']:>8.2%}{half['f1']:>8.2%}"
        print(f"{line}  {thresholds}")


if __name__ == "__main__":
    sys.exit(main())
