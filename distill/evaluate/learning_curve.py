"""What more examples would bring: shares on gold of students of parts of the split → the learning
curve's figures, and its sentence.

A part holds all seeds, which are there whatever is generated, and a share of the other examples of
each group (label, or set of fields); the smaller part is within the larger.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

from distill.core.dataset import SplitRow
from distill.core.text import content_id
from distill.evaluate.statistics import estimate, gain_of_more

SHARES = (0.25, 0.5)  # and all of it, which the run's own student has learned
NEXT_EXAMPLES = 200
CURVE = "curve:"

Figures = dict[str, Any]
Scores = Mapping[str, Mapping[str, float]]  # system → gold id → 0 to 1


def part_of(
    split: Sequence[SplitRow], part: float, seed: int, group: Callable[[str], str]
) -> list[SplitRow]:
    """The split with that share of the examples of each group that are no seeds; `group` tells an
    answer's."""
    by_group = defaultdict[str, list[str]](list)
    for row in split:
        if row.part == "train" and row.example.source != "seeds":
            by_group[group(row.example.answer)].append(row.example.id)
    kept = set[str]()
    for ids in by_group.values():
        drawn = sorted(ids, key=lambda id_: content_id([seed, id_]))
        kept.update(drawn[: ceil(part * len(ids))])
    return [
        row
        for row in split
        if row.part != "train" or row.example.source == "seeds" or row.example.id in kept
    ]


def examples_of(split: Sequence[SplitRow]) -> int:
    """How many different examples train."""
    return sum(row.part == "train" and row.repeats > 0 for row in split)


def curve_figures(split: Sequence[SplitRow], scores: Scores, confidence: float) -> Figures:
    """The points of the curve, the fewest examples first, and what the next examples are worth;
    empty without students of parts of the split."""
    found = {
        int(system.removeprefix(CURVE)): values
        for system, values in scores.items()
        if system.startswith(CURVE)
    }
    if not found:
        return {}
    found[examples_of(split)] = scores["student"]
    counts, gold = sorted(found), sorted(scores["student"])
    rows = [[found[count][id_] for id_ in gold] for count in counts]
    shares = [estimate(row, confidence) for row in rows]
    gain = gain_of_more(counts, rows, NEXT_EXAMPLES, confidence)
    return {
        "points": [
            {"examples": count} | row.figures for count, row in zip(counts, shares, strict=True)
        ],
        "next": {
            "examples": NEXT_EXAMPLES,
            "gain": gain.value,
            "ci_low": gain.low,
            "ci_high": gain.high,
            "confidence": confidence,
        },
    }


def sentence(figures: Mapping[str, Any]) -> str:
    """What the curve says, in words."""
    gain = figures["next"]
    return (
        f"The next {gain['examples']} examples are worth about {100 * gain['gain']:+.1f} points "
        f"({gain['confidence']:.0%} interval {100 * gain['ci_low']:+.1f}…"
        f"{100 * gain['ci_high']:+.1f})."
    )
