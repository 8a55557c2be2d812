"""The scorers: (expected, answer) → values by metric. Each kind of task has one."""

from collections import Counter
from collections.abc import Mapping
from functools import cache, partial
from typing import Any, Protocol

from distill.task.kinds import AnswerForm
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text

EXACT, CHRF = "exact_match", "chrf"


class Scorer(Protocol):
    """A scorer of answers."""

    def __call__(self, expected: str, answer: str, *, valid: bool) -> Mapping[str, float]:
        """Return metric → value from 0 to 1; 0 for an invalid answer."""


def scorer_of(form: AnswerForm) -> Scorer:
    """Return the scorer for a form of answers. Only a judge gives the win rate of texts."""
    if isinstance(form, Text):
        return text
    return partial(fields, form=form) if isinstance(form, Fields) else label


def label(expected: str, answer: str, *, valid: bool) -> dict[str, float]:
    """Return `accuracy`: 1.0 if a valid answer is the expected label, else 0.0."""
    return {"accuracy": float(valid and answer == expected)}


def fields(expected: str, answer: str, *, valid: bool, form: Fields) -> dict[str, float]:
    """Return `field_f1`, and `exact_match`: 1.0 if the answer has exactly the expected values."""
    if not valid:
        return {form.metric: 0.0, EXACT: 0.0}
    right, said = form.pairs(expected), form.pairs(answer)
    return {form.metric: f1(right, said), EXACT: float(right == said)}


def text(expected: str, answer: str, *, valid: bool) -> dict[str, float]:
    """Return `chrf` against the reference, from 0 to 1; {} if there is no reference.

    Source: Popović 2015, chrF: character n-gram F-score for automatic MT evaluation (sacrebleu).
    """
    if not expected:
        return {}
    if not valid:
        return {CHRF: 0.0}
    return {CHRF: float(_chrf().sentence_score(answer, [expected]).score) / 100}


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF as Metric

    return Metric()


def f1(right: Counter[tuple[str, str]], said: Counter[tuple[str, str]]) -> float:
    """Return the harmonic mean of precision and recall of the values of one object.

    1.0 if nothing is expected and nothing was found.
    """
    both = right.total() + said.total()
    return 2 * (right & said).total() / both if both else 1.0
