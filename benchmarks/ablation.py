"""Does curation help? One stored pool of completions, each check off in turn.

    python -m benchmarks.ablation --data FOLDER [--labels hard] [--students default,nothing,...]

FOLDER holds banking77, as for `benchmarks.real_classify`, whose task this is. The pool is generated
once. Each variant of `[curate]` keeps some of it; linear models on the seeds and what is kept,
tested on gold, show in seconds what that does, as a paired difference to the defaults. `--students`
trains and serves the student itself on the variants that it names (some ten minutes each). Prints a
table and, as its last line, one JSON object with every figure, the target (the defaults are not
worse than keeping everything) and "ok"; exit code 1 when it is missed.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.real_classify import TARGETS, write_task
from distill import pipeline
from distill.core.dataset import Example
from distill.core.workspace import Workspace
from distill.curate import means_of, run_checks
from distill.estimate.run_start import RunOptions
from distill.evaluate.statistics import paired_difference
from distill.task import Task
from distill.task.leak_gate import without_leaking_seeds
from distill.task.run_context import Context
from distill.task.spec import CurateSpec
from distill.text.classifiers import fit_embeddings, fit_tfidf
from distill.train.split import find_leaks

CONFIDENCE = 0.95
OFF: dict[str, Any] = {
    "min_words": 0,
    "max_words": 0,
    "boilerplate": False,
    "leaked_prompt": False,
    "agreement": False,
    "contradictions": False,
    "exact_duplicates": False,
    "near_duplicates": 0.0,
    "semantic_duplicates": 0.0,
    "second_opinion": False,
}
ON: dict[str, Any] = {
    "language": "en",
    "privacy": "drop",
    "suspect_labels": "drop",
    "judge": 3,
    "balance": "equal",
}
LOWER: dict[str, Any] = {"near_duplicates": 0.6, "semantic_duplicates": 0.85}
DEFAULT, NOTHING = "default", "nothing"
MODELS = {"linear": fit_tfidf, "embeddings": fit_embeddings}

Figures = dict[str, Any]


def main() -> int:
    """Pool, variants, students; the table and the verdict on the target."""
    options = parse()
    name = f"banking77-{options.labels}-{options.seeds_per_label}-{options.seed}"
    workspace = Workspace(options.work / "prompts", options.work / "runs")
    write_task(workspace.prompts / name, options)
    outcome = pipeline.run(workspace, name, RunOptions(until="generate"))
    rows = list(measure(outcome.context, options.judge))
    for row in rows:
        show(row)
    for variant in options.students.split(",") if options.students else ():
        student = train_student(workspace, name, variant, options)
        print(f"student on {variant}: {student:.4f}", flush=True)
        next(row for row in rows if row["variant"] == variant)["student"] = student
    nothing = next(row for row in rows if row["variant"] == NOTHING)
    ok = all(nothing[model]["ci_low"] <= 0 for model in MODELS)
    print(json.dumps({"rows": rows, "target": "keeping everything is not better", "ok": ok}))
    return 0 if ok else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--labels", choices=sorted(TARGETS), default="hard")
    parser.add_argument("--seeds-per-label", type=int, default=10)
    parser.add_argument("--seed-repeats", type=int, default=4, help="of each seed, an epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("runs") / "benchmark")
    parser.add_argument("--students", default="", help="variants to train the student on")
    parser.add_argument("--judge", action="store_true", help="ask the teacher as the judge too")
    return parser.parse_args()


def variants(*, judge: bool) -> dict[str, Mapping[str, Any]]:
    """Name → what is changed under `[curate]`."""
    found: dict[str, Mapping[str, Any]] = {DEFAULT: {}, NOTHING: OFF}
    found |= {f"{key} off": {key: value} for key, value in OFF.items()}
    found |= {f"{key} lower": {key: value} for key, value in LOWER.items()}
    found |= {f"{key} on": {key: value} for key, value in ON.items() if key != "judge" or judge}
    return found


def measure(context: Context, judge: bool) -> Iterator[Figures]:
    """A row for each variant: what it keeps, and what linear models make of that."""
    task = without_leaking_seeds(context.task)
    right: dict[str, dict[str, list[float]]] = {}
    for variant, changes in variants(judge=judge).items():
        examples = kept(replace(context, task=with_curation(task, changes)))
        right[variant] = {model: gold_scores(model, examples, task) for model in MODELS}
        made = sum(row.source != "seeds" for row in examples)
        figures: Figures = {"variant": variant, "kept": made}
        for model, scores in right[variant].items():
            lead = paired_difference(scores, right[DEFAULT][model], CONFIDENCE)
            share = sum(scores) / len(scores)
            figures[model] = {
                **{"right": share, "difference": lead.value},
                **{"ci_low": lead.low, "ci_high": lead.high},
            }
        yield figures


def with_curation(task: Task, changes: Mapping[str, Any]) -> Task:
    """The task with other values under `[curate]`."""
    curate = CurateSpec.model_validate({**task.spec.curate.model_dump(), **changes})
    return replace(task, spec=task.spec.model_copy(update={"curate": curate}))


def kept(context: Context) -> list[Example]:
    """What curation and the leak gate leave of the pool."""
    with context.store() as store:
        found, _ = run_checks(store.candidates(context.run_id), means_of(context, store))
    examples = [Example(row.id, row.input, row.answer, row.source) for row in found if row.input]
    leaked = {drop.candidate_id for drop in find_leaks(examples, context.task)}
    return [row for row in examples if row.id not in leaked]


def gold_scores(model: str, examples: Sequence[Example], task: Task) -> list[float]:
    """1.0 or 0.0 for each gold row. The seeds count as often as the student would see them."""
    rows = [
        row
        for row in examples
        for _ in range(task.spec.student.seed_repeats if row.source == "seeds" else 1)
    ]
    fitted = MODELS[model]([row.input for row in rows], [row.answer for row in rows])
    said = fitted.predict([row.input for row in task.gold])
    return [float(str(answer) == row.answer) for answer, row in zip(said, task.gold, strict=True)]


def train_student(
    workspace: Workspace, name: str, variant: str, options: argparse.Namespace
) -> float:
    """The share of gold that the served student has right, trained on what the variant keeps."""
    prompts = workspace.prompts.parent / f"prompts-{variant.replace(' ', '-')}"
    write_task(prompts / name, options)
    path = prompts / name / "task.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in variants(judge=True)[variant].items()]
    changed = path.read_text(encoding="utf-8") + "\n[curate]\n" + "\n".join(lines) + "\n"
    path.write_text(changed, encoding="utf-8")
    outcome = pipeline.run(Workspace(prompts, workspace.runs), name)
    report = (outcome.context.folder / "report.json").read_text(encoding="utf-8")
    systems = {system["name"]: system["value"] for system in json.loads(report)["systems"]}
    return float(systems["student"])


def show(row: Figures) -> None:
    """A line of the table."""
    cells = [
        f"{model} {row[model]['right']:.1%} ({100 * row[model]['difference']:+.1f}: "
        f"{100 * row[model]['ci_low']:+.1f}…{100 * row[model]['ci_high']:+.1f})"
        for model in MODELS
    ]
    print(f"{row['variant']:24} {row['kept']:5} kept  {'   '.join(cells)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
