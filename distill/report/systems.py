"""The figures of each system on gold, the paired differences, and the verdicts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from distill.core.evaluation import Prediction
from distill.core.requests import Completion
from distill.core.words import count_words
from distill.evaluate.levels import level_of_look
from distill.evaluate.statistics import (
    Interval,
    Verdict,
    mcnemar_p,
    mean_interval,
    paired_difference,
    verdict,
    verdicts_on_rivals,
    wilson_interval,
)
from distill.evaluate.systems import BASELINES, METRIC_TITLES, TEACHER_AGAIN
from distill.pricing.token_prices import TokenPrice, usd_per_1k
from distill.report import alternative_prices, calibration
from distill.report.calibration import ConfidenceRow
from distill.report.figures import system_of
from distill.report.judge import text_figures
from distill.report.kinds import expected_answers, given_answers
from distill.report.labels import macro_f1
from distill.report.loaded import LoadedResults
from distill.report.spend import shown_usd
from distill.report.timing import Times
from distill.task import Task
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text

COMPARED_WITH = ("teacher", "base")
Figures = dict[str, Any]


def verdict_on(
    task: Task, scores: Mapping[str, Mapping[str, float]], judge: Mapping[str, Any], look: int = 1
) -> Verdict:
    """Return the verdict on the student against its teacher, paired by gold row.

    `look` numbers the evaluations on this gold, from 1. The verdict is inconclusive if the judge is
    not usable."""
    spec = task.spec.evaluate
    student, teacher = (
        [scores[system][row.id] for row in task.gold] for system in ("student", "teacher")
    )
    found = verdict(student, teacher, margin=spec.margin, confidence=spec.confidence, look=look)
    if judge and not judge["usable"]:
        return replace(found, result="inconclusive", gold_needed=None)
    return found


def rival_verdicts(
    task: Task, scores: Mapping[str, Mapping[str, float]], look: int = 1
) -> dict[str, Verdict]:
    """Return rival → verdict against the teacher.

    The chance that any rival passes by luck is at most the student's."""
    spec, gold = task.spec.evaluate, [row.id for row in task.gold]
    values = {
        name: [scores[name][id_] for id_ in gold]
        for name in (*BASELINES, *spec.baselines, "teacher")
        if name in scores
    }
    teacher = values.pop("teacher")
    return verdicts_on_rivals(
        values, teacher, margin=spec.margin, confidence=spec.confidence, look=look
    )


def rival_verdict_figures(found: Mapping[str, Verdict]) -> Figures:
    """Return `rivals_tried`, and each rival's verdict with its level; {} without rivals."""
    if not found:
        return {}
    told = [
        {
            "name": name,
            "result": row.result,
            "difference": row.difference.value,
            "at_least": row.at_least,
            "level": row.level,
        }
        for name, row in found.items()
    ]
    return {"rivals_tried": len(found), "rival_verdicts": told}


def leads(task: Task, scores: Mapping[str, Mapping[str, float]]) -> dict[str, Interval]:
    """Return rival → the student's lead over it, paired by gold row.

    Each rival has its own interval. The student beats all rivals only if each interval shows it."""
    rivals = [name for name in (*BASELINES, *task.spec.evaluate.baselines) if name in scores]
    values = {name: [scores[name][row.id] for row in task.gold] for name in ("student", *rivals)}
    confidence = task.spec.evaluate.confidence
    return {name: paired_difference(values["student"], values[name], confidence) for name in rivals}


def verdict_figures(found: Verdict) -> Figures:
    """Return the figures of a verdict: both intervals, and the level of the deciding one."""
    figures: Figures = {
        "margin": found.margin,
        "confidence": found.confidence,
        "difference": found.difference.value,
        "ci_low": found.difference.low,
        "ci_high": found.difference.high,
        "at_least": found.at_least,
        "at_most": found.at_most,
        "level": found.level,
        "result": found.result,
    }
    if found.gold_needed is not None:
        figures["gold_needed"] = found.gold_needed
    return figures


def system_figures(
    task: Task, name: str, results: LoadedResults, times: Times, price: TokenPrice | None
) -> Figures:
    """Return a system's quality, speed and price.

    The price is the provider's price today, or else the machine's time. `timing` gives the method
    by which the machine's time was measured."""
    rows = results.predictions[name]
    found = mean_interval(list(results.scores[name].values()), task.spec.evaluate.confidence)
    answers = results.answers(name)
    figures: Figures = {
        "name": name,
        **_compared(task, name, results),
        "n": len(rows),
        "metric": task.form.metric,
        **found.figures,
        **_of_kind(task, name, results),
        "valid_rate": sum(row.valid for row in rows) / len(rows),
        "usd_per_1k_requests": shown_usd(_usd_per_1k(task, answers, times, price)),
        "latency_p50_s": times.latency_p50_s,
        "latency_p95_s": times.latency_p95_s,
        "requests_per_s": times.requests_per_s,
    }
    if price is None:
        figures["timing"] = times.figures
    else:
        figures["answers_in_flight"] = times.in_flight
    if answers:
        figures["prompt_tokens_mean"] = sum(row.prompt_tokens for row in answers) / len(rows)
        figures["completion_tokens_mean"] = sum(row.completion_tokens for row in answers) / len(
            rows
        )
    return figures


def _of_kind(task: Task, name: str, results: LoadedResults) -> Figures:
    """Return the figures that depend on the kind of task.

    - classify: macro F1
    - generate: wins against the teacher, and length of the texts
    - extract: share of fully right objects, and scores of gold rows with values and without
    """
    rows = results.predictions[name]
    if task.form.choices:
        return {
            "macro_f1": macro_f1(
                expected_answers(task, rows), given_answers(rows), task.form.choices
            )
        }
    if isinstance(task.form, Text):
        chrf = results.chrf.get(name, {})
        return text_figures(task, results.scores[name], chrf, _lengths(rows, results))
    assert isinstance(task.form, Fields)
    exact, confidence = results.exact[name], task.spec.evaluate.confidence
    found = mean_interval(list(exact.values()), confidence)
    figures: Figures = {"exact_match": found.figures}
    scores = results.scores[name]
    for part, empty in (("filled", False), ("empty", True)):
        ids = [row.id for row in task.gold if (not task.form.pairs(row.answer)) == empty]
        if ids and len(ids) < len(task.gold):
            found = mean_interval([scores[id_] for id_ in ids], confidence)
            figures[part] = {"n": len(ids)} | found.figures
    return figures


def _lengths(
    rows: Sequence[Prediction], results: LoadedResults
) -> tuple[Sequence[int], Sequence[int]]:
    """Return the word counts of a system's texts, and of the teacher's on the same gold rows."""
    teacher = {row.gold_id: row.answer for row in results.predictions["teacher"]}
    ours = [count_words(row.answer) for row in rows]
    return ours, [count_words(teacher[row.gold_id]) for row in rows]


def _compared(task: Task, name: str, results: LoadedResults) -> Figures:
    """Return a system's differences from teacher and base, paired by gold row.

    McNemar's p is included if every score is 0 or 1."""
    gold = [row.id for row in task.gold]
    ours, found = [results.scores[name][id_] for id_ in gold], Figures()
    for other in COMPARED_WITH:
        if other != name and other in results.scores:
            theirs = [results.scores[other][id_] for id_ in gold]
            lead = paired_difference(ours, theirs, task.spec.evaluate.confidence)
            figures: Figures = {
                **{"difference": lead.value, "ci_low": lead.low, "ci_high": lead.high}
            }
            if {*ours, *theirs} <= {0.0, 1.0}:
                figures["mcnemar_p"] = mcnemar_p(ours, theirs)
            found[f"to_{other}"] = figures
    return found


def _usd_per_1k(
    task: Task, answers: Sequence[Completion], times: Times, price: TokenPrice | None
) -> Decimal:
    if price is not None:
        return alternative_prices.billed_per_1k(price, alternative_prices.usages(answers))
    return usd_per_1k(task.spec.machine.usd_per_hour, times.requests_per_s)


def self_agreement(task: Task, results: LoadedResults) -> Figures:
    """Return the share of the teacher's answers that it repeats with other seeds in the prompt.

    Also returns how often the student gives the teacher's answer. {} without second answers."""
    if TEACHER_AGAIN not in results.predictions:
        return {}
    said = {
        system: {row.gold_id: row.answer for row in results.predictions[system]}
        for system in ("teacher", TEACHER_AGAIN, "student")
    }
    confidence, gold = task.spec.evaluate.confidence, list(said[TEACHER_AGAIN])
    itself, student = (
        wilson_interval(
            [float(said["teacher"][id_] == said[other][id_]) for id_ in gold], confidence
        )
        for other in (TEACHER_AGAIN, "student")
    )
    return {
        "teacher_self_agreement": {
            "n": len(gold),
            **itself.figures,
            "right_again": sum(results.scores[TEACHER_AGAIN].values()) / len(gold),
            "student": student.value,
        }
    }


def confidence_figures(
    task: Task,
    results: LoadedResults,
    systems: Sequence[Figures],
    price: Callable[[Fraction], Figures],
    look: int = 1,
) -> Figures:
    """Return the student's calibration and coverage; {} if any gold row lacks a confidence.

    Coverage is judged at the level of the `look`-th evaluation on this gold. `price`: returns the
    cost of student and teacher together, given the teacher's share of the requests.
    """
    rows = [
        ConfidenceRow(
            row.confidence,
            results.scores["student"][row.gold_id],
            results.scores["teacher"][row.gold_id],
        )
        for row in results.predictions["student"]
        if row.confidence is not None
    ]
    if len(rows) < len(task.gold):
        return {}
    spec, teacher = task.spec.evaluate, system_of({"systems": systems}, "teacher")
    level = level_of_look(spec.confidence, look)
    found = [
        row | price(Fraction(row["handed_over"], len(rows)))
        for row in calibration.coverage(rows, margin=spec.margin, confidence=level)
    ]
    said = calibration.Said(
        METRIC_TITLES[task.form.metric],
        spec.margin,
        teacher["at_traffic"]["usd_per_1k_requests"],
        task.spec.traffic.requests_per_day,
    )
    return {
        "calibration": calibration.calibration(rows),
        "coverage": {
            "points": found,
            "sentence": calibration.sentence(found, said),
            "chosen": calibration.CHOSEN,
        },
    }
