"""Is the verdict right? Evaluations of two systems are drawn whose true difference is known.

    python -m benchmarks.verdict [--evaluations 2000] [--means 1000] [--wins 1000] [--margin 0.02]
        [--seed 0]

For every true difference of −margin, 0 and +margin, number of gold rows and correlation between the
systems, so many evaluations are drawn and judged. A student that is worse by the margin must be
called as good in at most 5 % of them, two standard errors of the simulation aside; the intervals
must hold the true difference in 93 to 97 %; and where the verdict asks for more gold, so many rows
more, drawn anew and added, must settle it in at least 80 %, but at −margin, where no number does.
The same for means of scores that are not right or wrong (`--means` evaluations each): their
bootstrap intervals, of one system and of the paired difference of two, must hold the truth as
often. And of win rates against a teacher (`--wins` evaluations each, a margin of WIN_MARGIN), of
which most rows may be level: as seldom called as good at −margin, and covered as often.
Prints a line for each case and, as its last line, one JSON object with every figure, the targets
and "ok"; exit code 1 when a target is missed.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy

from distill.stats import Verdict, paired_difference, verdict

TEACHER = 0.85  # its true share of right answers
ROWS = (100, 300, 1000)
ROWS_OF_MEANS = (100, 300)
CORRELATIONS = (0.3, 0.7)
LEVEL = (0.3, 0.8, 0.9)  # shares of rows that are level
WIN_MARGIN = 0.05
CONFIDENCE = 0.95
COVERED = (0.93, 0.97)
SETTLED = 0.8
STANDARD_ERRORS = 2


@dataclass(frozen=True, slots=True)
class Case:
    """What is true."""

    difference: float
    rows: int
    correlation: float

    @property
    def shares(self) -> list[float]:
        """Of rows that both have right, the student alone, the teacher alone, and neither."""
        student = TEACHER + self.difference
        spread = math.sqrt(student * (1 - student) * TEACHER * (1 - TEACHER))
        both = student * TEACHER + self.correlation * spread
        return [both, student - both, TEACHER - both, 1 - student - TEACHER + both]


@dataclass(frozen=True, slots=True)
class Found:
    """Shares of the evaluations of a case."""

    difference: float
    rows: int
    correlation: float
    non_inferior: float
    inferior: float
    covered: float
    asked: int
    settled: float
    median_needed: float


def main() -> int:
    """Draw, judge, compare."""
    options = parse()
    draw = numpy.random.default_rng(options.seed)
    differences = (-options.margin, 0.0, options.margin)
    cases = [Case(*values) for values in product(differences, ROWS, CORRELATIONS)]
    rows = [measure(case, options.margin, options.evaluations, draw) for case in cases]
    for row in rows:
        print(line(row))
    means = [
        measure_means(number, correlation, options.means, draw)
        for number, correlation in product(ROWS_OF_MEANS, CORRELATIONS)
    ]
    for mean_row in means:
        print(mean_row)
    wins = [
        measure_wins(number, level, difference, options.wins, draw)
        for number, level, difference in product(ROWS_OF_MEANS, LEVEL, (-WIN_MARGIN, 0.0))
    ]
    for win_row in wins:
        print(win_row)
    found = check(rows, options.margin, options.evaluations)
    found |= {"means": means, "wins": wins}
    found["missed"] += [f"wins: {row}" for row in wins if not wins_are_right(row, options.wins)]
    found["missed"] += [f"means: {row}" for row in means if not within(row)]
    found["ok"] = not found["missed"]
    print(json.dumps(found))
    return 0 if found["ok"] else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--evaluations", type=int, default=2000)
    parser.add_argument("--means", type=int, default=1000)
    parser.add_argument("--wins", type=int, default=1000)
    parser.add_argument("--margin", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def measure(case: Case, margin: float, evaluations: int, draw: numpy.random.Generator) -> Found:
    """What the verdict says of a case."""
    drawn = [drawn_counts(case, case.rows, draw) for _ in range(evaluations)]
    judged = [judge(counts, margin) for counts in drawn]
    needed, settled = [], []
    for counts, found in zip(drawn, judged, strict=True):
        if found.gold_needed:
            more = drawn_counts(case, found.gold_needed - case.rows, draw)
            whole = [cell + further for cell, further in zip(counts, more, strict=True)]
            needed.append(found.gold_needed)
            settled.append(judge(whole, margin).result != "inconclusive")
    inside = [row.difference.low <= case.difference <= row.difference.high for row in judged]
    return Found(
        **asdict(case),
        non_inferior=mean([row.result == "non_inferior" for row in judged]),
        inferior=mean([row.result == "inferior" for row in judged]),
        covered=mean(inside),
        asked=len(settled),
        settled=mean(settled),
        median_needed=float(numpy.median(needed)) if needed else 0.0,
    )


def measure_means(
    rows: int, correlation: float, evaluations: int, draw: numpy.random.Generator
) -> dict[str, float]:
    """How often the intervals of means hold the truth: scores between 0 and 1, most of them near 1
    as those of fields are, correlated by a Gaussian copula."""
    from scipy.stats import beta, norm

    student, teacher = beta(4, 1), beta(8, 1)
    lead = student.mean() - teacher.mean()
    covered = {"mean": 0, "difference": 0}
    for _ in range(evaluations):
        ranks = norm.cdf(
            draw.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], rows)
        )
        ours, theirs = student.ppf(ranks[:, 0]).tolist(), teacher.ppf(ranks[:, 1]).tolist()
        nothing = [student.mean()] * rows
        alone = paired_difference(ours, nothing, CONFIDENCE)
        paired = paired_difference(ours, theirs, CONFIDENCE)
        covered["mean"] += alone.low <= 0 <= alone.high
        covered["difference"] += paired.low <= lead <= paired.high
    shares = {name: float(count) / evaluations for name, count in covered.items()}
    return {"rows": rows, "correlation": correlation, **shares}


def within(row: dict[str, float]) -> bool:
    """Whether both of them do as often as they should."""
    return all(COVERED[0] <= row[name] <= COVERED[1] for name in ("mean", "difference"))


def measure_wins(
    rows: int, level: float, difference: float, evaluations: int, draw: numpy.random.Generator
) -> dict[str, float]:
    """What the verdict says of win rates that are higher than the teacher's by `difference`."""
    chances = [(1 - level) / 2 + difference, level, (1 - level) / 2 - difference]
    judged = [
        verdict(
            draw.choice([1.0, 0.5, 0.0], rows, p=chances).tolist(),
            [0.5] * rows,
            margin=WIN_MARGIN,
            confidence=CONFIDENCE,
        )
        for _ in range(evaluations)
    ]
    inside = [row.difference.low <= difference <= row.difference.high for row in judged]
    called = mean([row.result == "non_inferior" for row in judged])
    case = {"rows": rows, "level": level, "difference": difference}
    return case | {"non_inferior": called, "covered": mean(inside)}


def wins_are_right(row: dict[str, float], evaluations: int) -> bool:
    """Whether a student that is worse by the margin is seldom called as good, and the truth is held
    as often as it should be."""
    covered = COVERED[0] <= row["covered"] <= COVERED[1]
    return covered and (row["difference"] == 0 or row["non_inferior"] <= most_wrong(evaluations))


def most_wrong(evaluations: int) -> float:
    """How many of so many evaluations may call a student as good that is not, as a share."""
    chance = 1 - CONFIDENCE
    return chance + STANDARD_ERRORS * math.sqrt(chance * CONFIDENCE / evaluations)


def drawn_counts(case: Case, rows: int, draw: numpy.random.Generator) -> list[int]:
    """How many of so many rows fall into each of the four cells."""
    return [int(cell) for cell in draw.multinomial(rows, case.shares)]


def judge(counts: Sequence[int], margin: float) -> Verdict:
    """The verdict on such a table."""
    both, student, teacher, neither = counts
    ours = [1.0] * (both + student) + [0.0] * (teacher + neither)
    theirs = [1.0] * both + [0.0] * student + [1.0] * teacher + [0.0] * neither
    return verdict(ours, theirs, margin=margin, confidence=CONFIDENCE)


def mean(values: Sequence[bool]) -> float:
    """The share that is true; 1.0 of none."""
    return sum(values) / len(values) if values else 1.0


def line(row: Found) -> str:
    """A case in one line."""
    return (
        f"difference {100 * row.difference:+5.1f}  rows {row.rows:5}  correlation "
        f"{row.correlation}  non-inferior {row.non_inferior:6.1%}  inferior {row.inferior:6.1%}  "
        f"covered {row.covered:6.1%}  asked for more {row.asked:5} (median "
        f"{row.median_needed:6.0f}), settled by it {row.settled:6.1%}"
    )


def check(rows: Sequence[Found], margin: float, evaluations: int) -> dict[str, Any]:
    """Every figure, and which targets are missed."""
    most, missed = most_wrong(evaluations), []
    for row in rows:
        name = f"{row.difference:+.3f}, {row.rows} rows, correlation {row.correlation}"
        if row.difference == -margin and row.non_inferior > most:
            missed.append(f"non-inferior at {name}")
        if not COVERED[0] <= row.covered <= COVERED[1]:
            missed.append(f"covered at {name}")
        if row.difference > -margin and row.settled < SETTLED:
            missed.append(f"settled at {name}")
    targets = {"non_inferior_at_most": most, "covered": COVERED, "settled": SETTLED}
    cases = [asdict(row) for row in rows]
    return {"cases": cases, "targets": targets, "missed": missed, "ok": not missed}


if __name__ == "__main__":
    sys.exit(main())
