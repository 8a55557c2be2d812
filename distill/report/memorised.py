"""Objects that a student gave and the rows that it learned → what it took out of these rows instead
of out of the message."""

import json
from collections.abc import Sequence
from typing import Any

from distill.fields import Fields
from distill.records import Labelled, Prediction, SplitRow, fold
from distill.stats import share

SHOWN = 5

Figures = dict[str, Any]


def memorised(
    form: Fields,
    gold: Sequence[Labelled],
    answers: Sequence[Prediction],
    split: Sequence[SplitRow],
    confidence: float,
) -> Figures:
    """The share of gold rows with a value that is wrong, does not stand in the message, and is that
    field's in a row of training; with its interval, and some of them."""
    learned = {
        pair
        for row in split
        if row.part == "train" and form.is_valid(row.example.answer)
        for pair in form.pairs(row.example.answer)
    }
    said = {row.gold_id: row for row in answers if row.valid}
    copied: dict[str, list[str]] = {}
    for row in gold:
        pairs = form.pairs(said[row.id].answer) if row.id in said else {}
        wrong = set(pairs) - set(form.pairs(row.answer))
        copied[row.id] = sorted(
            f"{field}: {value}"
            for field, value in wrong & learned
            if fold(str(json.loads(value))) not in fold(row.input)
        )
    found = share([float(bool(copied[row.id])) for row in gold], confidence)
    shown = [{"input": row.input, "values": copied[row.id]} for row in gold if copied[row.id]]
    interval = {"value": found.value, "ci_low": found.low, "ci_high": found.high}
    return {"n": len(gold), **interval, "examples": shown[:SHOWN]}
