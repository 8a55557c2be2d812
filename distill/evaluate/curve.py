"""`distill train --curve`: students of parts of the run's split, each asked about gold.

In: a run that has its student. Out: the learning curve's figures; the students and their answers
are in the store. What is there is neither trained nor asked again.
"""

from collections.abc import Sequence

from distill.core.dataset import SplitRow
from distill.core.errors import InputError
from distill.core.evaluation import Prediction, Score
from distill.evaluate import score, student_predictions
from distill.evaluate.learning_curve import (
    CURVE,
    SHARES,
    Figures,
    curve_figures,
    examples_of,
    part_of,
)
from distill.evaluate.pairwise_judge import wins_of
from distill.store import Store
from distill.task import Task
from distill.task.kinds.generate import Text
from distill.task.run_context import Context
from distill.train import train_on


def learning_curve(context: Context) -> Figures:
    """Train on what is missing of the curve, ask about gold, and work out what more would bring.

    Raises InputError when the parts would not differ or texts have nothing to be compared with,
    BudgetReached before a provider's training that the budget does not carry.
    """
    metric = context.task.form.metric
    with context.store() as store:
        split, student = store.split(context.run_id), store.student(context.run_id)
        scores = store.scores(context.run_id, metric)
    if isinstance(context.task.form, Text) and "teacher" not in scores:
        raise InputError(
            "the students of a learning curve are compared with the teacher's texts, which are not "
            f"there yet: `distill run {context.task.name}` first"
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


def parts(split: Sequence[SplitRow], task: Task) -> list[list[SplitRow]]:
    """The parts of the split that are trained on, the smallest first. Raises InputError where they
    are the same."""
    seed, group = task.spec.student.seed, task.form.group
    found = [part_of(split, share, seed, group) for share in SHARES]
    counts = [examples_of(part) for part in [*found, split]]
    if len(set(counts)) < len(counts):
        raise InputError(
            f"the split has too few examples beside the seeds for a learning curve ({counts[-1]} "
            "train): generate more"
        )
    return found


def _measured(context: Context, part: Sequence[SplitRow], system: str) -> dict[str, float]:
    """Gold id → score of a student of a part, written down."""
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
    """A student's scores; texts are compared with the teacher's."""
    scores = score(context.task, answers)
    if not isinstance(context.task.form, Text):
        return scores
    teacher = [row for row in store.predictions(context.run_id) if row.system == "teacher"]
    return scores + wins_of(context, store, answers, teacher)


def by_gold(scores: Sequence[Score], metric: str) -> dict[str, float]:
    """Gold id → value of a system's scores."""
    return {row.gold_id: row.value for row in scores if row.metric == metric}
