"""Is the verdict right? Evaluations of two systems are drawn whose true difference is known.

    python -m benchmarks.verdict [--evaluations 2000] [--intervals 400] [--margin 0.02] [--seed 0]

Labels, field F1 with rare whole losses and win rates, on 60 to 1,000 gold rows. What must hold, two
standard errors of the simulation aside: a student that is worse by the margin is called as good in
at most 5 % of evaluations, over one look and over five at gold that grows GROWTH times each time,
and where the margin was widened after a look; and so is any of one to eight rivals. Intervals hold
the truth in 95 % (those of labels in no more than 97 %). The gold that an inconclusive verdict asks
for settles it in 80 %, but at −margin, where no number does. Beside it stands how the tests of
before did: 5 % at every look and for every rival, and a bootstrap for what is not right or wrong;
and in how many evaluations equal systems are told so (the power), also by other bounds.
Prints a line for each case and, as its last line, one JSON object with every figure, the targets
and "ok"; exit code 1 when a target is missed.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy

from benchmarks.verdict_bounds import TESTS
from benchmarks.verdict_draws import CONFIDENCE, Truth, fields, labels, rivals, wins
from distill.evaluate.levels import level_of_look
from distill.evaluate.statistics import (
    chance_of_difference,
    mean_interval,
    verdict,
    verdicts_on_rivals,
)

ROWS = (60, 100, 240, 1000)
LOOKS = (1, 2, 3, 4, 5)
GROWTH = 4  # times as many rows at the next look; about what is asked for at −margin
WIDER = (0.03, 0.04, 0.06, 0.1)  # margins that are tried after an inconclusive look
RIVALS = (1, 2, 4, 8)
BOUND_ROWS = (100, 150, 240, 600, 1000)
MEAN_ROWS = (12, 60, 120)
PERFECT = (0.8, 0.95)  # shares of objects that are all right
WIDEST = 0.97  # of the truth that the interval of labels may hold
SETTLED = 0.8
STANDARD_ERRORS = 2

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Simulation:
    """By which margin, how often and from which numbers is drawn."""

    margin: float
    evaluations: int
    intervals: int
    draw: numpy.random.Generator


def main() -> int:
    """Draw, judge, compare."""
    options = parse()
    draw = numpy.random.default_rng(options.seed)
    drawn = Simulation(options.margin, options.evaluations, options.intervals, draw)
    rows = list(shown(cases(drawn)))
    missed = [f"{row['case']}: {name}" for row in rows for name in row.pop("missed")]
    targets = {"error": 1 - CONFIDENCE, "covered": CONFIDENCE, "settled": SETTLED}
    found = {"cases": rows, "targets": targets, "missed": missed, "ok": not missed}
    print(json.dumps(found))
    return 0 if found["ok"] else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--evaluations", type=int, default=2000)
    parser.add_argument("--intervals", type=int, default=400)
    parser.add_argument("--margin", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def cases(drawn: Simulation) -> Iterator[Row]:
    """All of them."""
    for (worse, equal), rows in product(kinds(drawn.margin), ROWS):
        yield looked(worse, equal, rows, drawn)
    for rows in ROWS:
        yield changed_margin(rows, drawn)
    for rows, count in product(ROWS, RIVALS):
        yield several(rows, count, drawn)
    for rows in BOUND_ROWS:
        yield bounds(rows, drawn)
    for (worse, equal), rows in product(kinds(drawn.margin), ROWS[1:]):
        for truth in (worse, equal):
            yield intervals(truth, rows, drawn)
    for rows, perfect in product(MEAN_ROWS, PERFECT):
        yield one_mean(rows, perfect, drawn)


def kinds(margin: float) -> list[tuple[Truth, Truth]]:
    """(worse by the margin, equal)"""
    return [
        (labels(-margin, 0.3), labels(0.0, 0.3)),
        (labels(-margin, 0.7), labels(0.0, 0.7)),
        (fields(-margin), fields(0.0)),
        (wins(-margin, 0.8), wins(0.0, 0.8)),
        (wins(-margin, 0.95), wins(0.0, 0.95)),
    ]


def shown(rows: Iterator[Row]) -> Iterator[Row]:
    """Each with a line printed."""
    for row in rows:
        values = (
            f"{key} {value:.1%}" if isinstance(value, float) else f"{key} {value}"
            for key, value in row.items()
            if key not in ("case", "missed")
        )
        print(f"{row['case']:46} {'  '.join(values)}", flush=True)
        yield row


def looked(worse: Truth, equal: Truth, rows: int, drawn: Simulation) -> Row:
    """How often a student that is worse by the margin is called as good at the first of five looks
    and at any, and one that is as good at the first and at the first two; and by the old test."""
    margin, draw = drawn.margin, drawn.draw
    wrong = [journey(worse, rows, margin, draw) for _ in range(drawn.evaluations)]
    right = [journey(equal, rows, margin, draw, looks=2) for _ in range(drawn.evaluations)]
    found = errors(wrong) | {
        "power": mean([at == 1 for at, _ in right]),
        "old_power": mean([at == 1 for _, at in right]),
        "power_2_looks": mean([at > 0 for at, _ in right]),
        "old_power_2_looks": mean([at > 0 for _, at in right]),
    }
    case = f"looks: {name(worse)}, {rows} rows"
    return {"case": case, **found, "missed": too_many(found, drawn.evaluations)}


def errors(journeys: Sequence[tuple[int, int]]) -> dict[str, float]:
    """How often a student that is not as good is called so."""
    return {
        "error": mean([at == 1 for at, _ in journeys]),
        "error_5_looks": mean([at > 0 for at, _ in journeys]),
        "old_error": mean([at == 1 for _, at in journeys]),
        "old_error_5_looks": mean([at > 0 for _, at in journeys]),
    }


def too_many(found: dict[str, float], evaluations: int) -> list[str]:
    """Which of the shipped test's errors are beyond the promise."""
    promised = ("error", "error_5_looks")
    limit = most(1 - CONFIDENCE, evaluations)
    return [key for key in promised if found.get(key, 0.0) > limit]


def journey(
    truth: Truth, rows: int, margin: float, draw: numpy.random.Generator, looks: int = len(LOOKS)
) -> tuple[int, int]:
    """The look at which the student is called as good, by the shipped test and by the old one; 0
    for never. The gold of a look holds that of the one before."""
    found, old = 0, 0
    counts = truth.drawn(rows, draw)
    for look in LOOKS[:looks]:
        if look > 1:
            more = truth.drawn((GROWTH - 1) * sum(counts), draw)
            counts = [n + further for n, further in zip(counts, more, strict=True)]
        if not found and truth.p(counts, margin) < 1 - level_of_look(CONFIDENCE, look):
            found = look
        # With thousands of rows a bootstrap is the normal test, which Gaffke's comes to, too.
        plain = truth.kind == "labels" or sum(counts) > 4 * max(ROWS)
        if not old and (
            truth.p(counts, margin) < 1 - CONFIDENCE
            if plain
            else truth.old_test(counts, margin, draw)
        ):
            old = look
    return found, old


def changed_margin(rows: int, drawn: Simulation) -> Row:
    """How often a student is called as good by a margin by which it is worse, where a verdict by a
    narrower one was inconclusive at each look and the margin was widened then: the same answers by
    a wider margin are the same look. The worst of several margins."""
    wrong = [
        [journey(labels(-wider, 0.7), rows, wider, drawn.draw) for _ in range(drawn.evaluations)]
        for wider in WIDER
    ]
    found = [errors(journeys) for journeys in wrong]
    worst = {key: max(row[key] for row in found) for key in found[0]}
    limit = drawn.evaluations / len(WIDER)  # the largest of so many shares is further off
    case = f"a margin widened after the look, {rows} rows"
    return {"case": case, **worst, "missed": too_many(worst, int(limit))}


def several(rows: int, count: int, drawn: Simulation) -> Row:
    """How often any of several rivals that are worse by the margin is called as good, and each of
    them where it is as good as the teacher."""
    margin, evaluations = drawn.margin, drawn.evaluations // 2
    error, old, power, alone = 0, 0, 0, 0
    for difference in (-margin, 0.0):
        for _ in range(evaluations):
            others, teacher = rivals(rows, count, difference, drawn.draw)
            found = verdicts_on_rivals(others, teacher, margin=margin, confidence=CONFIDENCE)
            good = sum(row.result == "non_inferior" for row in found.values())
            each = [
                chance_of_difference(scores, teacher, -margin) < 1 - CONFIDENCE
                for scores in others.values()
            ]
            if difference:
                error += good > 0
                old += any(each)
            else:
                power += good
                alone += sum(each)
    found_figures = {
        "error": error / evaluations,
        "old_error": old / evaluations,
        "power": power / evaluations / count,
        "old_power": alone / evaluations / count,
    }
    case = f"{count} rivals, {rows} rows"
    return {"case": case, **found_figures, "missed": too_many(found_figures, evaluations)}


def bounds(rows: int, drawn: Simulation) -> Row:
    """How often each bound shows that equal systems are so, of fields, at one look at 5 %."""
    truth, found = fields(0.0), Row()
    for bound, test in TESTS.items():
        passed = [
            test(truth, truth.drawn(rows, drawn.draw), drawn.margin, drawn.draw)
            for _ in range(drawn.intervals)
        ]
        found[bound] = mean(passed)
    return {"case": f"bounds: {name(truth)}, {rows} rows", **found, "missed": []}


def intervals(truth: Truth, rows: int, drawn: Simulation) -> Row:
    """How often the paired interval holds the truth, and the gold that is asked for settles it."""
    covered, settled, asked = [], [], []
    margin, evaluations, draw = drawn.margin, drawn.intervals, drawn.draw
    for _ in range(evaluations):
        counts = truth.drawn(rows, draw)
        found = verdict(*truth.scores(counts), margin=margin, confidence=CONFIDENCE, look=1)
        covered.append(found.difference.low <= truth.difference <= found.difference.high)
        if found.gold_needed:
            asked.append(found.gold_needed)
            if truth.difference > -margin / 2:  # at −margin no number settles it
                more = truth.drawn(found.gold_needed - rows, draw)
                whole = [n + further for n, further in zip(counts, more, strict=True)]
                settled.append(is_settled(truth, whole, margin))
    row: Row = {"covered": mean(covered), "median_needed": int(numpy.median(asked or [0]))}
    row |= {"settled": mean(settled)} if settled else {}
    short = CONFIDENCE - spread(CONFIDENCE, evaluations)
    missed = ["covered"] if row["covered"] < short else []
    if truth.kind == "labels" and row["covered"] > WIDEST + spread(WIDEST, evaluations):
        missed.append("covered")
    if settled and row["settled"] < SETTLED - spread(SETTLED, len(settled)):
        missed.append("settled")
    case = f"intervals: {name(truth)} {100 * truth.difference:+.1f}, {rows} rows"
    return {"case": case, **row, "missed": missed}


def is_settled(truth: Truth, counts: Sequence[int], margin: float) -> bool:
    """Whether a second look calls it as good, or worse."""
    if truth.p(counts, margin) < 1 - level_of_look(CONFIDENCE, 2):
        return True
    found = verdict(*truth.scores(counts), margin=margin, confidence=CONFIDENCE, look=2)
    return found.result != "inconclusive"


def one_mean(rows: int, perfect: float, drawn: Simulation) -> Row:
    """How often the interval of one system's field F1 holds the truth: objects that are all right,
    right in part, or (2 %) worth nothing."""
    chances, values = [perfect - 0.01, 0.99 - perfect, 0.02], [1.0, 0.7, 0.0]
    truth = sum(chance * value for chance, value in zip(chances, values, strict=True))
    inside, evaluations = [], drawn.intervals
    for _ in range(evaluations):
        found = mean_interval(drawn.draw.choice(values, rows, p=chances).tolist(), CONFIDENCE)
        inside.append(found.low <= truth <= found.high)
    short = mean(inside) < CONFIDENCE - spread(CONFIDENCE, evaluations)
    case = f"intervals: one F1, {perfect:.0%} perfect, {rows} rows"
    return {"case": case, "covered": mean(inside), "missed": ["covered"] if short else []}


def name(truth: Truth) -> str:
    """A kind with what tells it from others of that kind: the share of rows that are alike."""
    alike = math.fsum(
        chance for chance, (a, b) in zip(truth.chances, truth.pairs, strict=True) if a == b
    )
    return f"{truth.kind} ({alike:.0%} alike)"


def most(chance: float, evaluations: int) -> float:
    """The largest share of evaluations that a chance lets expect."""
    return chance + spread(chance, evaluations)


def spread(chance: float, evaluations: int) -> float:
    """By how much a share of so many evaluations may be off."""
    return STANDARD_ERRORS * math.sqrt(chance * (1 - chance) / evaluations)


def mean(values: Sequence[bool]) -> float:
    """The share that is true; 1.0 of none."""
    return sum(values) / len(values) if values else 1.0


if __name__ == "__main__":
    sys.exit(main())
