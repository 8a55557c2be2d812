"""Memorisation: values and texts that the student took from training rows, not the message."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from distill.core.conversation import shown_input
from distill.core.dataset import LabelledExample, SplitExample
from distill.core.evaluation import Prediction
from distill.core.text import fold
from distill.evaluate.statistics import wilson_interval
from distill.task import Task
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text
from distill.task.leak_gate import canonical

SHOWN = 5

Figures = dict[str, Any]


def memorised(
    task: Task,
    student: Sequence[Prediction],
    teacher: Sequence[Prediction],
    split: Sequence[SplitExample],
) -> Figures:
    """Return `memorised` of the report; {} for labels, which all occur in training rows."""
    confidence, form = task.spec.evaluate.confidence, task.form
    if isinstance(form, Fields):
        return {"memorised": memorised_values(form, task.gold, student, split, confidence)}
    if not isinstance(form, Text):
        return {}
    form_of = partial(canonical, curate=task.spec.curate)
    theirs = memorised_texts(task.gold, teacher, split, confidence, form_of)
    found = memorised_texts(task.gold, student, split, confidence, form_of)
    return {"memorised": found | {"teacher": theirs["value"]}}


def memorised_texts(
    gold: Sequence[LabelledExample],
    answers: Sequence[Prediction],
    split: Sequence[SplitExample],
    confidence: float,
    form_of: Callable[[str], str] = str,
) -> Figures:
    """Return the share of gold rows whose answer is, word for word, that of a training row.

    Also returns its interval, and some of these rows. The share is compared with the teacher's,
    because some tasks have few possible answers. Answers are compared after `form_of`, because
    training answers are masked.
    """
    learned = {fold(form_of(row.example.answer)) for row in split if row.part == "train"}
    said = {row.gold_id: row.answer for row in answers if row.valid}
    copied = [row for row in gold if fold(form_of(said.get(row.id, ""))) in learned]
    found = wilson_interval([float(row in copied) for row in gold], confidence)
    shown = [shown_input(row.input) | {"values": [said[row.id]]} for row in copied[:SHOWN]]
    return {"n": len(gold)} | found.figures | {"examples": shown}


def memorised_values(
    form: Fields,
    gold: Sequence[LabelledExample],
    answers: Sequence[Prediction],
    split: Sequence[SplitExample],
    confidence: float,
) -> Figures:
    """Return the share of gold rows with a memorised value, its interval, and some of these rows.

    A memorised value is wrong, is not in the message, and is the same field's value in a training
    row. A field with few distinct values is left out, because all of them are in training rows.
    """
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
            if not form.is_choice(field) and fold(str(json.loads(value))) not in fold(row.input)
        )
    found = wilson_interval([float(bool(copied[row.id])) for row in gold], confidence)
    shown = [shown_input(row.input) | {"values": copied[row.id]} for row in gold if copied[row.id]]
    return {"n": len(gold)} | found.figures | {"examples": shown[:SHOWN]}
