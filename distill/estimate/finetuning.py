"""The cost of a student at a provider: its fine-tuning job, and its answers on gold.

Rows that do not exist yet are assumed to have the length of the seeds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean
from typing import NamedTuple

from distill.core.dataset import Example, SplitExample
from distill.core.purpose import Purpose
from distill.core.requests import Model, Request
from distill.evaluate.learning_curve import parts
from distill.generate.rounds import ASSUMED_YIELD, planned_counts
from distill.generate.synthesis import inputs_per_request
from distill.llm.tokens import most_of_chat, of_chat
from distill.pricing.finetuning import training_usd
from distill.store import Store
from distill.task import Task
from distill.task.prompts import Examples, requests_with, student_chat, student_request
from distill.train.injections import with_injections
from distill.train.trainers import trainer_of
from distill.train.trainers.base import Base

TRAIN = Purpose("train", "openai")
BASE, BASE_FEW_SHOT = Purpose.of_system("base"), Purpose.of_system("base_few_shot")
STUDENT = Purpose.of_system("student")


def base_of(task: Task) -> Base | None:
    """Return the base that a provider trains; None if the student is trained on this machine."""
    spec = task.spec.student
    trainer = trainer_of(spec.trainer)
    return trainer.locate(spec.base) if trainer.PROVIDER else None


def systems_of(task: Task, base: Base) -> dict[Purpose, Model]:
    """Return the models of the systems at the provider, by purpose.

    The student does not exist yet, so `ft:<base>` replaces its name; the price is the same.
    """
    provider = trainer_of(task.spec.student.trainer).PROVIDER
    assert provider is not None, "the base is a provider's"
    untuned, tuned = (Model(name, None, provider) for name in (base.place, f"ft:{base.place}"))
    return {BASE: untuned, BASE_FEW_SHOT: untuned, STUDENT: tuned}


def gold_requests(task: Task, base: Base, examples: Examples) -> dict[Purpose, Sequence[Request]]:
    """Return the requests on gold to the systems at the provider, by purpose."""
    inputs = [row.input for row in task.gold]
    models = systems_of(task, base)
    shown = examples(task, inputs, task.spec.teacher.few_shot, 0)
    return {
        BASE: requests_with(task, models[BASE], inputs, [[] for _ in inputs]),
        BASE_FEW_SHOT: requests_with(task, models[BASE_FEW_SHOT], inputs, shown),
        STUDENT: [student_request(task, models[STUDENT], text) for text in inputs],
    }


@dataclass(frozen=True, slots=True)
class TrainingTokens:
    """The tokens of all epochs of a fine-tuning job: our count, and the maximum."""

    counted: int
    most: int

    def cost(self, base: Base) -> "TrainingCost":
        """Return the expected and the maximum bill for these tokens."""
        return TrainingCost(*(training_usd(base.place, n) for n in (self.counted, self.most)))


class TrainingCost(NamedTuple):
    """The expected bill, and the maximum bill that the ledger reserves."""

    usd: Decimal
    worst_usd: Decimal


def training_tokens(
    task: Task, base: Base, teacher: Model, store: Store | None, run_id: str | None
) -> TrainingTokens:
    """Count the tokens of a fine-tuning job.

    After the split, the run's rows are counted. Before the split, the expected number of rows is
    multiplied by the mean tokens of the seeds, with and without an injected instruction.
    """
    if store and run_id and "split" in store.finished_stages(run_id):
        return tokens_of(task, base, store.split(run_id))
    spec, kept, epochs = task.spec.student, kept_of(task, teacher), epochs_of(task, base)
    seeds = [
        SplitExample(Example(row.id, row.input, row.answer, "seeds"), "train") for row in task.seeds
    ]
    plain = [student_chat(task, row.input, row.answer) for row in task.seeds]
    injected = [student_chat(task, row.input, row.answer) for row in with_injections(task, seeds)]
    shown = len(seeds) * spec.seed_repeats + kept
    again = spec.injected_share * (len(seeds) + kept) if injected else 0

    def tokens(count: Callable[[Sequence[Mapping[str, str]]], int]) -> int:
        found = shown * fmean(map(count, plain))
        return round(epochs * (found + again * fmean(map(count, injected or plain))))

    return TrainingTokens(tokens(of_chat), tokens(most_of_chat))


def epochs_of(task: Task, base: Base) -> int:
    """Return the number of epochs of the fine-tuning job."""
    choices, labelled = task.spec.student.model_dump(), bool(task.form.choices)
    recipe = trainer_of(task.spec.student.trainer).recipe(choices, base, labelled=labelled)
    return int(str(recipe["n_epochs"]))


def tokens_of(task: Task, base: Base, split: Sequence[SplitExample]) -> TrainingTokens:
    """Count the tokens of a split; validation rows count only towards the maximum."""
    chats = [
        (student_chat(task, row.example.input, row.example.answer), row.repeats, row.part)
        for row in split
    ]
    injected = [student_chat(task, row.input, row.answer) for row in with_injections(task, split)]
    counted = sum(repeats * of_chat(chat) for chat, repeats, part in chats if part == "train")
    counted += sum(map(of_chat, injected))
    most = sum(repeats * most_of_chat(chat) for chat, repeats, _ in chats)
    most += sum(map(most_of_chat, injected))
    epochs = epochs_of(task, base)
    return TrainingTokens(epochs * counted, epochs * most)


def kept_of(task: Task, teacher: Model) -> float:
    """Return the expected number of examples after curation, without seeds."""
    spec = task.spec.generate
    given = len(task.unlabelled) if "inputs" in spec.sources else 0
    new = sum(planned_counts(task, teacher).values()) * inputs_per_request(task, teacher)
    expected = len(task.examples) + ASSUMED_YIELD * (given + new)
    return min(expected, spec.examples) if spec.examples else expected


def curve_cost(split: Sequence[SplitExample], task: Task) -> TrainingCost:
    """Return the expected and the maximum bill for the fine-tuning jobs of a learning curve.

    Both are 0 if the students are trained on this machine.
    """
    base = base_of(task)
    if base is None:
        return TrainingCost(Decimal(0), Decimal(0))
    costs = [tokens_of(task, base, part).cost(base) for part in parts(split, task)]
    return TrainingCost(*(sum(column, Decimal(0)) for column in zip(*costs, strict=True)))
