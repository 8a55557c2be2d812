"""The figures of the judge of texts: its reliability, and each system's wins."""

from collections.abc import Mapping, Sequence
from typing import Any

from distill.core.evaluation import Better
from distill.evaluate.pairwise_judge import (
    CONTROL,
    LEVEL,
    PEOPLE,
    SHOWN_FIRST,
    SHOWN_SECOND,
    UNREADABLE,
    WIN_RATE,
)
from distill.evaluate.statistics import mean_interval, ratio, wilson_interval
from distill.store import Store
from distill.task import Task

# The minimum win rate of right answers against answers to other inputs. The noise of a less
# reliable judge would hide half of a system's wins or losses.
LEAST_CONTROL = 0.75

Figures = dict[str, Any]
Said = Mapping[str, Mapping[str, float]]  # system → row id → value


def judge_figures(task: Task, store: Store, run_id: str) -> Figures:
    """Return the judge's figures; {} without a judge.

    - `usable`: True if the lower end of `control` is above LEAST_CONTROL
    - `control`: win rate of the teacher's answers against its answers to other inputs
    - `pairs`: number of pairs that the judge saw
    - `unreadable`: number of verdicts that could not be read
    - `same_both_ways`: share of pairs with the same verdict in both orders
    - `first_won`: share of verdicts for the answer that was shown first
    - `first_lost`: share of verdicts against the answer that was shown first
    - `people`: the judge's agreement with people
    """
    if not task.judge_of_systems:
        return {}
    confidence = task.spec.evaluate.confidence
    wins, seen = store.scores(run_id, WIN_RATE), store.scores(run_id, UNREADABLE)
    first, second = store.scores(run_id, SHOWN_FIRST), store.scores(run_id, SHOWN_SECOND)
    systems = [name for name in seen if name not in (CONTROL, PEOPLE)]
    control = _control(wins.get(CONTROL, {}), confidence)
    figures = {
        "model": task.judge_of_systems,
        "is_teacher": task.judge_of_systems == task.spec.teacher.model,
        "usable": bool(control) and control["ci_low"] > LEAST_CONTROL,
        **({"control": control} if control else {}),
        "pairs": sum(len(seen[name]) for name in systems),
        "unreadable": int(sum(sum(seen[name].values()) for name in systems)),
        **_orders(first, second, systems, confidence),
        **_people(task, wins.get(PEOPLE, {}), seen.get(PEOPLE, {})),
    }
    return figures


def _control(values: Mapping[str, float], confidence: float) -> Figures:
    """Return the win rate of the teacher's answers against its answers to other inputs.

    {} without such pairs."""
    if not values:
        return {}
    return {"n": len(values)} | mean_interval(list(values.values()), confidence).figures


def _orders(first: Said, second: Said, systems: Sequence[str], confidence: float) -> Figures:
    """Return figures on the influence of the order of two answers; {} without pairs."""
    both = [
        (value, second[name][id_])
        for name in systems
        for id_, value in first.get(name, {}).items()
        if id_ in second.get(name, {})
    ]
    if not both:
        return {}
    shown_first = [value for pair in both for value in (pair[0], 1.0 - pair[1])]
    return {
        "same_both_ways": wilson_interval([float(a == b) for a, b in both], confidence).figures,
        "first_won": shown_first.count(1.0) / len(shown_first),
        "first_lost": shown_first.count(0.0) / len(shown_first),
    }


def _people(task: Task, values: Mapping[str, float], unreadable: Mapping[str, float]) -> Figures:
    """Return the judge's agreement with people, over both orders; {} without preferences.

    A pair with an unreadable verdict counts as a disagreement."""
    rows = [row for row in task.preferences if row.id in values]
    if not rows:
        return {}
    said = ["none" if unreadable.get(row.id) else _better(values[row.id]) for row in rows]
    same = [float(judge == row.better) for judge, row in zip(said, rows, strict=True)]
    found = wilson_interval(same, task.spec.evaluate.confidence)
    figures: Figures = {"n": len(rows)} | found.figures
    kappa = _kappa([row.better for row in rows], said)
    if kappa is not None:
        figures["kappa"] = kappa
    return {"people": figures}


def _better(value: float) -> Better:
    if value == LEVEL:
        return "same"
    return "first" if value > LEVEL else "second"


def _kappa(people: Sequence[str], judge: Sequence[str]) -> float | None:
    """Return the agreement beyond chance, kappa (Cohen 1960, by scikit-learn).

    None if people and judge give the same single verdict on all pairs."""
    from sklearn.metrics import cohen_kappa_score

    return None if len({*people, *judge}) == 1 else float(cohen_kappa_score(people, judge))


def text_figures(
    task: Task,
    scores: Mapping[str, float],
    chrf: Mapping[str, float],
    lengths: tuple[Sequence[int], Sequence[int]],
) -> Figures:
    """Return the figures of a system's texts.

    - `won`: number of gold rows won against the teacher
    - `level`: number of gold rows tied with the teacher
    - `lost`: number of gold rows lost against the teacher
    - `length_ratio`: number of words per word of the teacher's texts
    - `chrf`: mean chrF; absent without references
    """
    confidence, values = task.spec.evaluate.confidence, list(scores.values())
    figures: Figures = {
        "won": sum(value > LEVEL for value in values),
        "level": values.count(LEVEL),
        "lost": sum(value < LEVEL for value in values),
    }
    if sum(lengths[1]):
        figures["length_ratio"] = ratio(*lengths, confidence).figures
    if chrf:
        found = mean_interval(list(chrf.values()), confidence)
        figures["chrf"] = {"n": len(chrf)} | found.figures
    return figures
