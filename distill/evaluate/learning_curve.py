"""The learning curve: students of parts of the split → scores on gold → gain from more examples.

A part contains all seeds, because seeds exist before generation. It also contains a share of the
other examples of each group (label, or set of fields). A smaller part is a subset of a larger one.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

from distill.core.dataset import SplitExample
from distill.core.errors import InputError
from distill.core.evaluation import Prediction, Score
from distill.core.text import stable_hash
from distill.evaluate import score, student_predictions
from distill.evaluate.pairwise_judge import judge_against_teacher
from distill.evaluate.statistics import gain_of_more, mean_interval
from distill.store import Store
from distill.task import Task
from distill.task.kinds.generate import Text
from distill.task.run_context import Context
from distill.train import train_on

SHARES = (0.25, 0.5)  # the run's own student is trained on the whole split
NEXT_EXAMPLES = 200
CURVE = "curve:"

Figures = dict[str, Any]
Scores = Mapping[str, Mapping[str, float]]  # system → gold id → 0 to 1


def part_of(
    split: Sequence[SplitExample], part: float, seed: int, group: Callable[[str], str]
) -> list[SplitExample]:
    """Return all seeds and validation rows, and the share `part` of each group's other examples.

    `group`: returns the group of an answer.
    """
    by_group = defaultdict[str, list[str]](list)
    for row in split:
        if row.part == "train" and row.example.source != "seeds":
            by_group[group(row.example.answer)].append(row.example.id)
    kept = set[str]()
    for ids in by_group.values():
        drawn = sorted(ids, key=lambda id_: stable_hash([seed, id_]))
        kept.update(drawn[: ceil(part * len(ids))])
    return [
        row
        for row in split
        if row.part != "train" or row.example.source == "seeds" or row.example.id in kept
    ]


def examples_of(split: Sequence[SplitExample]) -> int:
    """Return the number of distinct training examples."""
    return sum(row.part == "train" and row.repeats > 0 for row in split)


def curve_figures(split: Sequence[SplitExample], scores: Scores, confidence: float) -> Figures:
    """Return the points of the curve, fewest examples first, and the gain from further examples.

    {} if no student was trained on a part of the split.
    """
    found = {
        int(system.removeprefix(CURVE)): values
        for system, values in scores.items()
        if system.startswith(CURVE)
    }
    if not found:
        return {}
    found[examples_of(split)] = scores["student"]
    counts, gold = sorted(found), sorted(scores["student"])
    rows = [[found[count][id_] for id_ in gold] for count in counts]
    shares = [mean_interval(row, confidence) for row in rows]
    gain = gain_of_more(counts, rows, NEXT_EXAMPLES, confidence)
    return {
        "points": [
            {"examples": count} | row.figures for count, row in zip(counts, shares, strict=True)
        ],
        "next": {
            "examples": NEXT_EXAMPLES,
            "gain": gain.value,
            "ci_low": gain.low,
            "ci_high": gain.high,
            "confidence": confidence,
        },
    }


def sentence(figures: Mapping[str, Any]) -> str:
    """Return a sentence on the expected gain from further examples."""
    gain = figures["next"]
    return (
        f"The next {gain['examples']} examples are worth about {100 * gain['gain']:+.1f} points "
        f"({gain['confidence']:.0%} interval {100 * gain['ci_low']:+.1f}…"
        f"{100 * gain['ci_high']:+.1f})."
    )


def learning_curve(context: Context) -> Figures:
    """Train the missing students of the curve, score them on gold, and return the curve's figures.

    Raises InputError if two parts, or a part and the split, have the same number of examples.
    Raises InputError in a task of texts if the teacher's gold answers are missing. Raises
    BudgetReached before a fine-tuning job that the budget does not cover.
    """
    metric = context.task.form.metric
    with context.store() as store:
        split, student = store.split(context.run_id), store.student(context.run_id)
        scores = store.scores(context.run_id, metric)
    if isinstance(context.task.form, Text) and "teacher" not in scores:
        raise InputError(
            "a learning curve compares its students with the teacher's answers on gold, and run "
            f"{context.run_id} has none yet: run `distill run {context.task.name}` first"
        )
    assert student is not None, "train comes before its curve"
    for part in parts(split, context.task):
        system = f"{CURVE}{examples_of(part)}"
        if system not in scores:
            scores[system] = _measured(context, part, system)
    if "student" not in scores:
        with context.store() as store:
            answers = student_predictions(context, store, student, "student")
            scores["student"] = by_gold(_scored(context, store, answers), metric)
    return curve_figures(split, scores, context.task.spec.evaluate.confidence)


def parts(split: Sequence[SplitExample], task: Task) -> list[list[SplitExample]]:
    """Return the parts of the split to train on, the smallest first.

    Raises InputError if two parts, or a part and the split, have equally many examples.
    """
    seed, group = task.spec.student.seed, task.form.group
    found = [part_of(split, share, seed, group) for share in SHARES]
    counts = [examples_of(part) for part in [*found, split]]
    if len(set(counts)) < len(counts):
        raise InputError(
            "too few examples for a learning curve: the split has only "
            f"{counts[-1]} for training, seeds not counted. Generate more"
        )
    return found


def _measured(context: Context, part: Sequence[SplitExample], system: str) -> dict[str, float]:
    """Train and score a student on a part, store the results, and return gold id → score."""
    examples = examples_of(part)
    with context.store() as store:
        student = store.curve_students(context.run_id).get(examples)
    if student is None:
        student = train_on(context, part, context.folder / f"curve-{examples}", prompts=0)
        with context.store() as store:
            store.add_curve_student(context.run_id, examples, student)
    with context.store() as store:
        predictions = student_predictions(context, store, student, system)
        scores = _scored(context, store, predictions)
        store.add_predictions(context.run_id, predictions, scores)
    return by_gold(scores, context.task.form.metric)


def _scored(context: Context, store: Store, answers: Sequence[Prediction]) -> list[Score]:
    """Return the scores of a student's answers; a judge compares texts with the teacher's."""
    scores = score(context.task, answers)
    if not isinstance(context.task.form, Text):
        return scores
    teacher = [row for row in store.predictions(context.run_id) if row.system == "teacher"]
    return scores + judge_against_teacher(context, store, answers, teacher)


def by_gold(scores: Sequence[Score], metric: str) -> dict[str, float]:
    """Return gold id → value of a system's scores by `metric`."""
    return {row.gold_id: row.value for row in scores if row.metric == metric}
