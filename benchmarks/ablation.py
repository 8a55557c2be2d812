"""Does curation help? One stored pool of completions, each check off in turn.

    python -m benchmarks.ablation --data FOLDER [--labels hard] [--teacher embedded|strong]
        [--students default,nothing,...]

FOLDER holds banking77, as for `benchmarks.real_classify`, whose task this is. Two teachers, or one
of them: the embedded one, whose pool is generated once; and a strong one that needs no model, whose
pool are published rows with the label of each but for 5 % of them, drawn with `--seed`, and who
answers seeds as well as that. Each variant of `[curate]` keeps some of a pool; linear models on the
seeds and what is kept, tested on gold, show in seconds what that does, as a paired difference to
the defaults. `--students` trains and serves the student itself on the embedded teacher's variants
that it names (some ten minutes each). Prints a table and, as its last line, one JSON object with
every figure, the targets (the defaults are not worse than keeping everything; the second opinion,
which would take right rows of the strong teacher, takes none and says why) and "ok"; exit code 1
when one is missed.
"""

import argparse
import gzip
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.real_classify import INTENTS, TARGETS, natural, write_task
from distill import pipeline
from distill.core.dataset import Candidate, CheckNote, Example
from distill.core.text import fold
from distill.core.workspace import Workspace
from distill.curate import means_of, run_checks
from distill.curate.context import CheckContext, untold
from distill.curate.on_seeds import places_asked
from distill.estimate.run_start import RunOptions
from distill.evaluate.statistics import paired_difference
from distill.task import Task
from distill.task.leak_gate import without_leaking_seeds
from distill.task.loading import load_task
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
EMBEDDED, STRONG = "embedded", "strong"
NOISE = 0.05  # of the strong teacher's answers

Figures = dict[str, Any]
Keep = Callable[[Task], list[Example]]  # what curation and the leak gate leave of a pool


def main() -> int:
    """Pool, variants, students; the table and the verdict on the target."""
    options = parse()
    name = f"banking77-{options.labels}-{options.seeds_per_label}-{options.seed}"
    workspace = Workspace(options.work / "prompts", options.work / "runs")
    write_task(workspace.prompts / name, options)
    found: Figures = {}
    if options.teacher != STRONG:
        found |= of_embedded(workspace, name, options)
    if options.teacher != EMBEDDED:
        found |= of_strong(load_task(workspace.prompts, name), options)
    found["ok"] = all(value for key, value in found.items() if key.endswith("_ok"))
    print(json.dumps(found))
    return 0 if found["ok"] else 1


def of_embedded(workspace: Workspace, name: str, options: argparse.Namespace) -> Figures:
    """The variants of the embedded teacher's pool."""
    outcome = pipeline.run(workspace, name, RunOptions(until="generate"))
    task = without_leaking_seeds(outcome.context.task)
    notes: list[CheckNote] = []
    kept(replace(outcome.context, task=task), notes.append)
    show_notes(EMBEDDED, notes)
    rows = shown_rows(task, lambda changed: kept(replace(outcome.context, task=changed)), options)
    for variant in options.students.split(",") if options.students else ():
        student = train_student(workspace, name, variant, options)
        print(f"student on {variant}: {student:.4f}", flush=True)
        next(row for row in rows if row["variant"] == variant)["student"] = student
    nothing = next(row for row in rows if row["variant"] == NOTHING)
    ok = all(nothing[model]["ci_low"] <= 0 for model in MODELS)
    said = {note.check: note.words for note in notes}
    target = "keeping everything is not better"
    return {"rows": rows, "notes": said, "target": target, "embedded_ok": ok}


def of_strong(task: Task, options: argparse.Namespace) -> Figures:
    """The variants of the strong teacher's pool, and what its second opinion says and would do."""
    task = without_leaking_seeds(task)
    answered, labels = strong_pool(task, options)
    pool = [*seed_rows(task), *answered]
    draw = random.Random(f"seeds {options.seed}")
    said = [noisy(task.seeds[place].answer, task, draw) for place in places_asked(task)]
    notes: list[CheckNote] = []

    def means(changed: Task) -> CheckContext:
        return CheckContext(changed, seed_answers=lambda: said, tell=notes.append)

    dropped = {drop.candidate_id: drop.check for drop in run_checks(pool, means(task))[1]}
    found = {note.check: note for note in notes}
    wrong = {row.id for row in answered if row.answer != labels[row.id]}
    taken = [id_ for id_, check in dropped.items() if check == "second_opinion"]
    would = [drop.candidate_id for note in found.values() for drop in note.spared]
    figures: Figures = {
        "strong_rows": shown_rows(task, lambda changed: left(pool, means(changed)), options),
        "strong_pool": {"rows": len(answered), "wrong": len(wrong)},
        "strong_notes": {note.check: note.words for note in found.values()},
        "strong_dropped": {"rows": len(taken), "right": sum(id_ not in wrong for id_ in taken)},
        "strong_spared": {"rows": len(would), "right": sum(id_ not in wrong for id_ in would)},
        "strong_target": "the second opinion takes no row of a strong teacher, and says why",
        "strong_ok": bool(would) and not taken and "second_opinion" in found,
    }
    show_notes(STRONG, list(found.values()))
    print(f"{STRONG}: of the spared {figures['strong_spared']}", flush=True)
    return figures


def show_notes(teacher: str, notes: Sequence[CheckNote]) -> None:
    """What checks say of themselves, in a line each."""
    for note in notes:
        print(f"{teacher}: {note.check}: {note.words}", flush=True)


def strong_pool(task: Task, options: argparse.Namespace) -> tuple[list[Candidate], dict[str, str]]:
    """Published rows of the task's labels as given inputs, none of them a seed or gold, with the
    strong teacher's answers; and the label of each, by its id."""
    with gzip.open(options.data / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        train = [json.loads(line) for line in file]
    known = {fold(row.input) for row in (*task.seeds, *task.gold)}
    rows = [
        row
        for row in train
        if row["label"] in INTENTS[options.labels] and fold(row["input"]) not in known
    ]
    draw = random.Random(f"pool {options.seed}")
    pool, labels = [], {}
    for number, row in enumerate(draw.sample(rows, options.rows), start=1):
        label = natural(row["label"])
        answers = (noisy(label, task, draw),)
        pool.append(Candidate(row["input"], None, answers, "inputs", f"inputs.jsonl#{number}"))
        labels[pool[-1].id] = label
    return pool, labels


def seed_rows(task: Task) -> list[Candidate]:
    """The seeds as candidates."""
    return [
        Candidate(seed.input, seed.answer, (seed.answer,), "seeds", f"{seed.file}:{seed.line}")
        for seed in task.seeds
    ]


def noisy(label: str, task: Task, draw: random.Random) -> str:
    """The label, or with the chance NOISE another one."""
    others = [other for other in task.form.choices if other != label]
    return draw.choice(others) if draw.random() < NOISE else label


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--labels", choices=sorted(TARGETS), default="hard")
    parser.add_argument("--seeds-per-label", type=int, default=10)
    parser.add_argument("--seed-repeats", type=int, default=4, help="of each seed, an epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("runs") / "benchmark")
    parser.add_argument("--teacher", choices=[EMBEDDED, STRONG], help="only this one")
    parser.add_argument("--rows", type=int, default=400, help="of the strong teacher's pool")
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


def shown_rows(task: Task, keep: Keep, options: argparse.Namespace) -> list[Figures]:
    """The rows of the table, each printed as it comes."""
    rows = []
    for row in measure(task, keep, options.judge):
        show(row)
        rows.append(row)
    return rows


def measure(task: Task, keep: Keep, judge: bool) -> Iterator[Figures]:
    """A row for each variant: what it keeps, and what linear models make of that."""
    right: dict[str, dict[str, list[float]]] = {}
    for variant, changes in variants(judge=judge).items():
        examples = keep(with_curation(task, changes))
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


def kept(context: Context, tell: Callable[[CheckNote], None] = untold) -> list[Example]:
    """What curation and the leak gate leave of the stored pool."""
    with context.store() as store:
        means = replace(means_of(context, store), tell=tell)
        return left(store.candidates(context.run_id), means)


def left(pool: Sequence[Candidate], means: CheckContext) -> list[Example]:
    """What curation and the leak gate leave of a pool; the seeds, which people labelled, stay."""
    found, _ = run_checks(pool, means)
    examples = [Example(row.id, row.input, row.answer, row.source) for row in found if row.input]
    leaked = {drop.candidate_id for drop in find_leaks(examples, means.task)}
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
