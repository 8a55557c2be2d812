"""What a student that a provider trains will cost: its training, and being asked about gold.

Rows that are not made yet are assumed to be like the seeds.
"""

from collections.abc import Sequence
from decimal import Decimal
from statistics import fmean

from distill.backends.token_count import of_chat
from distill.backends.trainers import TRAINERS, Base, choose, openai
from distill.backends.tuning_prices import training_usd
from distill.prompting import answer_requests, student_chat, student_request
from distill.records import Model, Request, SplitRow
from distill.store import Store
from distill.synthesis import inputs_per_request
from distill.task import Task
from distill.topup import ASSUMED_YIELD, planned_counts

TRAIN = "train:openai"
BASE, BASE_FEW_SHOT, STUDENT = "evaluate:base", "evaluate:base_few_shot", "evaluate:student"


def base_of(task: Task) -> Base | None:
    """The base that a provider would train; None for a student that is trained here."""
    spec = task.spec.student
    if choose(spec.trainer) != "openai":
        return None
    return TRAINERS["openai"].locate(spec.base)


def systems_of(base: Base) -> dict[str, Model]:
    """Purpose → the model that is asked for it. What the student will be called is not known yet,
    but its price is."""
    untuned, tuned = Model(base.place, None, "openai"), Model(f"ft:{base.place}", None, "openai")
    return {BASE: untuned, BASE_FEW_SHOT: untuned, STUDENT: tuned}


def gold_requests(task: Task, base: Base) -> dict[str, Sequence[Request]]:
    """Purpose → its requests about gold."""
    inputs = [row.input for row in task.gold]
    models = systems_of(base)
    shots = task.spec.teacher.few_shot
    return {
        BASE: answer_requests(task, models[BASE], inputs, shots=0),
        BASE_FEW_SHOT: answer_requests(task, models[BASE_FEW_SHOT], inputs, shots=shots),
        STUDENT: [student_request(task, models[STUDENT], text) for text in inputs],
    }


def training_tokens(
    task: Task, base: Base, teacher: Model, store: Store | None, run_id: str | None
) -> int:
    """Tokens of all epochs of the training, as counted here: of the run's rows where they are
    split, else of as many like the seeds as are expected to be kept."""
    epochs = epochs_of(task, base)
    if store and run_id and "split" in store.finished_stages(run_id):
        return epochs * tokens_of(task, store.split(run_id))
    each = fmean(_tokens(task, seed.input, seed.answer) for seed in task.seeds)
    repeated = len(task.seeds) * task.spec.student.seed_repeats
    return round(epochs * each * (repeated + kept_of(task, teacher)))


def epochs_of(task: Task, base: Base) -> int:
    """Epochs of the training at the provider."""
    choices, labelled = task.spec.student.model_dump(), bool(task.form.choices)
    recipe = TRAINERS["openai"].recipe(choices, base, labelled=labelled)
    return int(str(recipe["n_epochs"]))


def tokens_of(task: Task, split: Sequence[SplitRow]) -> int:
    """Tokens of an epoch of a split, as counted here."""
    return sum(
        row.repeats * _tokens(task, row.example.input, row.example.answer)
        for row in split
        if row.part == "train"
    )


def kept_of(task: Task, teacher: Model) -> float:
    """How many examples beside the seeds are expected to be kept."""
    spec = task.spec.generate
    given = len(task.inputs) if "inputs" in spec.sources else 0
    new = sum(planned_counts(task, teacher).values()) * inputs_per_request(task, teacher)
    expected = ASSUMED_YIELD * (given + new)
    return min(expected, spec.examples) if spec.examples else expected


def _tokens(task: Task, text: str, answer: str) -> int:
    return of_chat(student_chat(task, text, answer))


def training_cost(base: Base, tokens: int) -> tuple[Decimal, Decimal]:
    """(USD that are expected, USD that are reserved)"""
    expected = training_usd(base.place, tokens)
    return expected, expected * openai.MOST_PER_COUNTED
