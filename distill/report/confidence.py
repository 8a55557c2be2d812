"""How sure the student is → whether that can be relied on, and what it could answer alone.

In: for each gold row the student's probability for its answer and whether it is right, and whether
the teacher is. Out: figures of report.json.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Any

from distill.stats import Verdict, verdict

BINS = 10
SHARES = tuple(tenths / 10 for tenths in range(1, 11))

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sure:
    """A gold row: the student's confidence in its answer, 0 to 1, and the scores of student and
    teacher."""

    confidence: float
    student: float
    teacher: float


def calibration(rows: Sequence[Sure]) -> Figures:
    """`ece`, the expected calibration error, and its bins of equal width, those that hold a row:
    from, to, rows, mean confidence, share that is all right.

    Source: Guo, Pleiss, Sun and Weinberger 2017, On Calibration of Modern Neural Networks.
    """
    bins = [list[Sure]() for _ in range(BINS)]
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


def coverage(
    rows: Sequence[Sure], *, margin: float, confidence: float, usd: tuple[Decimal, Decimal]
) -> list[Figures]:
    """What comes of it when the student answers what it is surest of and the teacher the rest, the
    smallest share first. `usd` are the prices of 1,000 requests to the student, which is asked
    always, and to the teacher.

    For each share: `threshold` (the least confidence that is enough), the share of right answers of
    both on these rows, that of all rows together and its difference to the teacher alone, paired,
    with the verdict on it.
    """
    return [
        _mixed(rows, threshold, margin=margin, confidence=confidence, usd=usd)
        for threshold in _thresholds(rows)
    ]


def _thresholds(rows: Sequence[Sure]) -> Iterator[float]:
    """The confidences that let through at least each of SHARES; rows that are as sure go with each
    other."""
    surest = sorted((row.confidence for row in rows), reverse=True)
    yield from dict.fromkeys(surest[ceil(share * len(surest)) - 1] for share in SHARES)


def _mixed(
    rows: Sequence[Sure],
    threshold: float,
    *,
    margin: float,
    confidence: float,
    usd: tuple[Decimal, Decimal],
) -> Figures:
    alone = [row for row in rows if row.confidence >= threshold]
    mixed = [row.student if row.confidence >= threshold else row.teacher for row in rows]
    teacher = [row.teacher for row in rows]
    found: Verdict = verdict(mixed, teacher, margin=margin, confidence=confidence)
    handed_over = Decimal(len(rows) - len(alone)) / len(rows)
    return {
        "share": len(alone) / len(rows),
        "threshold": threshold,
        "student": sum(row.student for row in alone) / len(alone),
        "teacher": sum(row.teacher for row in alone) / len(alone),
        "value": sum(mixed) / len(rows),
        "difference": found.difference.value,
        "at_least": found.at_least,
        "result": found.result,
        "usd_per_1k_requests": usd[0] + handed_over * usd[1],
    }


def as_good_as_teacher(found: Sequence[Figures]) -> Figures | None:
    """The largest share whose mixture is as good as the teacher alone; None for no share."""
    good = [row for row in found if row["result"] == "non_inferior"]
    return max(good, key=lambda row: float(row["share"]), default=None)


def sentence(found: Sequence[Figures], teacher_usd: str, metric: str = "right") -> str:
    """What that means, in words; `metric` is what the values are shares of."""
    best = as_good_as_teacher(found)
    if best is None:
        return (
            "No part of the messages, not the tenth that the student is surest of either, is shown "
            "to be answered as well as by the teacher alone."
        )
    return (
        f"The student can answer the {best['share']:.0%} that it is surest of (from a probability "
        f"of {best['threshold']:.3f} on) and hand the rest to the teacher: {best['value']:.1%} "
        f"{metric} together ({100 * best['difference']:+.1f} points to the teacher alone, no worse "
        f"than {100 * best['at_least']:+.1f}), for ${best['usd_per_1k_requests']} per 1,000 "
        f"requests instead of ${teacher_usd}."
    )
