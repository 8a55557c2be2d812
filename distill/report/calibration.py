"""How sure the student is → whether that can be relied on, and what it could answer alone.

In: for each gold row the student's probability for its answer and whether it is right, and whether
the teacher is. Out: figures of report.json.
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
LEAST_DIGITS = 3  # of a threshold
# What the choice costs, by simulation: docs/verdict.md.
CHOSEN = (
    "The shares are tested from the smallest up until one fails, so that choosing among them does "
    "not loosen the bound. The values stand on the gold that chose the share: in simulations that "
    "of the chosen one was 0.2 to 0.6 points too good where confidence tells right from wrong, "
    "and up to 3 where it does not."
)

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConfidenceRow:
    """A gold row: the student's confidence in its answer, 0 to 1, and the scores of student and
    teacher."""

    confidence: float
    student: float
    teacher: float


@dataclass(frozen=True, slots=True)
class Said:
    """What a sentence on coverage says beside its points: the metric in a word, the margin, and the
    teacher's USD of 1,000 requests at a task's traffic."""

    metric: str
    margin: float
    teacher_usd: str
    requests_per_day: int


def calibration(rows: Sequence[ConfidenceRow]) -> Figures:
    """`ece`, the expected calibration error, and its bins of equal width, those that hold a row:
    from, to, rows, mean confidence, share that is all right.

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
    """The student on the rows that it is surest of with the teacher on the rest, the smallest share
    first.

    For each share: `threshold` (the least confidence that is enough) and how it is shown, the rows
    that are `handed_over`, the share of right answers of both on the student's rows, that of all
    rows together and its difference to the teacher alone, paired, with the verdict on it.
    """
    return [
        _mixed(rows, threshold, margin=margin, confidence=confidence)
        for threshold in _thresholds(rows)
    ]


def _thresholds(rows: Sequence[ConfidenceRow]) -> Iterator[float]:
    """The confidences that let through at least each of SHARES; rows that are as sure go with each
    other."""
    surest = sorted((row.confidence for row in rows), reverse=True)
    yield from dict.fromkeys(surest[ceil(share * len(surest)) - 1] for share in SHARES)


def shown_threshold(threshold: float, below: float) -> str:
    """A threshold in digits, rounded down and longer where that would let in a row whose confidence
    is `below` it: what reads the digits takes the same rows."""
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
    """The largest share whose mixture is as good as the teacher alone, tested from the smallest up
    until one is not: so many tests in this order err no more often than one. None for no share.

    Source: Maurer, Hothorn and Lehmacher 1995; Hsu and Berger 1999, JASA 94:468, by whom the bound
    that holds for the share that is chosen so is the margin.
    """
    best = None
    for row in found:
        if row["result"] != "non_inferior":
            break
        best = row
    return best


def sentence(found: Sequence[Figures], said: Said) -> str:
    """The share that the student can take over, and its price."""
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
