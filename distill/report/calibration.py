"""Calibration of the student's confidence, and the share of requests for the student alone.

The figures come from each gold row: the student's probability for its answer, and both scores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from math import ceil
from typing import Any

from distill.evaluate.statistics import Verdict, verdict
from distill.report.spend import short_usd

BINS = 10
SHARES = tuple(tenths / 10 for tenths in range(1, 11))
LEAST_DIGITS = 3  # minimum number of digits of a threshold
# The bias of the chosen share was simulated: docs/verdict.md.
CHOSEN = (
    "The shares are tested from the smallest up until one fails, so that choosing among them does "
    "not loosen the bound. The values stand on the gold that chose the share: in simulations that "
    "of the chosen one was 0.2 to 0.6 points too good where confidence tells right from wrong, "
    "and up to 3 where it does not."
)

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConfidenceRow:
    """A gold row's confidence of the student, from 0 to 1, and both systems' scores."""

    confidence: float
    student: float
    teacher: float


@dataclass(frozen=True, slots=True)
class Said:
    """The facts for a sentence on coverage, besides its points.

    - `metric`: the metric in a word
    - `margin`: the task's margin
    - `teacher_usd`: USD per 1,000 requests to the teacher at the task's traffic
    - `requests_per_day`: the task's traffic
    """

    metric: str
    margin: float
    teacher_usd: str
    requests_per_day: int


def calibration(rows: Sequence[ConfidenceRow]) -> Figures:
    """Return `ece`, the expected calibration error, and its non-empty bins of equal width.

    A bin has `from`, `to`, `n` (rows), `confidence` (mean) and `right` (share of score 1).

    Source: Guo, Pleiss, Sun and Weinberger 2017, On Calibration of Modern Neural Networks.
    """
    bins = [list[ConfidenceRow]() for _ in range(BINS)]
    for row in rows:
        bins[min(int(row.confidence * BINS), BINS - 1)].append(row)
    found = [
        {
            "from": place / BINS,
            "to": (place + 1) / BINS,
            "n": len(held),
            "confidence": sum(row.confidence for row in held) / len(held),
            "right": sum(row.student == 1.0 for row in held) / len(held),
        }
        for place, held in enumerate(bins)
        if held
    ]
    error = sum(row["n"] * abs(row["confidence"] - row["right"]) for row in found) / len(rows)
    return {"ece": error, "bins": found}


def coverage(rows: Sequence[ConfidenceRow], *, margin: float, confidence: float) -> list[Figures]:
    """Return mixtures of student and teacher, the student's smallest share first.

    In a mixture, the student answers the rows with the highest confidence, and the teacher the
    rest.

    - `share`: the student's share of the rows
    - `handed_over`: number of rows that the teacher answers
    - `threshold`: minimum confidence with which the student answers
    - `threshold_shown`: the threshold, rounded
    - `student`: the student's mean score on its rows
    - `teacher`: the teacher's mean score on the student's rows
    - `value`: mean score of the mixture on all rows
    - `difference`: the mixture's paired difference from the teacher alone
    - `at_least`: lower bound of the difference
    - `result`: verdict on the mixture
    """
    return [
        _mixed(rows, threshold, margin=margin, confidence=confidence)
        for threshold in _thresholds(rows)
    ]


def _thresholds(rows: Sequence[ConfidenceRow]) -> Iterator[float]:
    """Yield the threshold for each of SHARES, which at least this share of the rows reaches.

    Rows of equal confidence stay together."""
    surest = sorted((row.confidence for row in rows), reverse=True)
    yield from dict.fromkeys(surest[ceil(share * len(surest)) - 1] for share in SHARES)


def shown_threshold(threshold: float, below: float) -> str:
    """Return a threshold rounded down to the fewest digits that select the same rows.

    `below`: the next lower confidence, which must stay excluded. At least LEAST_DIGITS are kept."""
    digits = LEAST_DIGITS
    while True:
        shown = Decimal(threshold).quantize(Decimal(1).scaleb(-digits), ROUND_FLOOR)
        if float(shown) > below:
            return f"{shown:f}"
        digits += 1


def _mixed(
    rows: Sequence[ConfidenceRow], threshold: float, *, margin: float, confidence: float
) -> Figures:
    alone = [row for row in rows if row.confidence >= threshold]
    mixed = [row.student if row.confidence >= threshold else row.teacher for row in rows]
    teacher = [row.teacher for row in rows]
    found: Verdict = verdict(mixed, teacher, margin=margin, confidence=confidence)
    below = max((row.confidence for row in rows if row.confidence < threshold), default=-1.0)
    return {
        "share": len(alone) / len(rows),
        "handed_over": len(rows) - len(alone),
        "threshold": threshold,
        "threshold_shown": shown_threshold(threshold, below),
        "student": sum(row.student for row in alone) / len(alone),
        "teacher": sum(row.teacher for row in alone) / len(alone),
        "value": sum(mixed) / len(rows),
        "difference": found.difference.value,
        "at_least": found.at_least,
        "result": found.result,
    }


def as_good_as_teacher(found: Sequence[Figures]) -> Figures | None:
    """Return the mixture with the largest share that is as good as the teacher; None without one.

    Shares are tested from the smallest up, until one fails. Tests in this fixed order have no
    higher error rate than a single test.

    Source: Maurer, Hothorn and Lehmacher 1995; Hsu and Berger 1999, JASA 94:468. By Hsu and Berger,
    the margin is the valid bound for the chosen share.
    """
    best = None
    for row in found:
        if row["result"] != "non_inferior":
            break
        best = row
    return best


def sentence(found: Sequence[Figures], said: Said) -> str:
    """Return a sentence on the share that the student can take over, and its price."""
    best = as_good_as_teacher(found)
    if best is None:
        return (
            "No part of the messages, not the tenth that the student is surest of either, is shown "
            "to be answered as well as by the teacher alone."
        )
    return (
        f"The student can answer the {best['share']:.0%} that it is surest of (from a probability "
        f"of {best['threshold_shown']} on) and hand the rest to the teacher: {best['value']:.1%} "
        f"{said.metric} together ({100 * best['difference']:+.1f} points to the teacher alone, "
        f"shown to be no worse than {-100 * said.margin:+.1f}){_price(best, said)}."
    )


def _price(best: Figures, said: Said) -> str:
    if "at_traffic" not in best:
        return "; the price of both together could not be measured"
    both, alone = Decimal(best["usd_per_1k_requests"]), Decimal(said.teacher_usd)
    shown, instead = short_usd(best["usd_per_1k_requests"]), short_usd(said.teacher_usd)
    told = f", for ${shown} per 1,000 requests at {said.requests_per_day:,} a day"
    if Decimal(shown) == Decimal(instead):
        return f"{told}, about as much as the teacher alone"
    return f"{told} instead of ${instead}{', which is dearer' if both > alone else ''}"
