"""Near misses: new inputs that resemble a label's inputs, but belong to the label `other`.

An input far from all labels is easy to recognise, so the seeds of `other` are enough to show it.
Near misses show the border of each label. They are spread over all labels.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distill.core.dataset import LabelledExample
from distill.core.text import stable_hash
from distill.task import Task

# The axis of `generate.axes` whose values say how plainly an input shows its category.
OF_A_CATEGORY = "difficulty"


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A near miss to write: the label and the seed that it resembles, and values of the axes."""

    label: str
    input: str
    along: str


def near_labels(task: Task) -> list[str]:
    """Return the labels that near misses resemble, in an order that the task's seed draws."""
    labels = [label for label in task.form.choices if label != task.spec.other_label]
    random.Random(stable_hash([task.spec.generate.seed, "near misses"])).shuffle(labels)
    return labels


def near_values(task: Task, number: int, draw: random.Random) -> Mapping[str, object]:
    """Return the values of `near_miss.md` on the label that request `number` resembles."""
    labels = near_labels(task)
    near = labels[number % len(labels)]
    seeds = task.seeds_of(near)
    shown = draw.sample(seeds, min(task.spec.generate.seeds_shown, len(seeds)))
    return {"near": near, "near_meaning": task.spec.meanings[near], "near_seeds": shown}


def wanted_near_misses(
    task: Task, number: int, count: int, draw: random.Random
) -> Sequence[NearMiss]:
    """Return the `count` near misses that request `number` to an API teacher asks for."""
    labels = near_labels(task)
    asked = (labels[place % len(labels)] for place in range(number * count, (number + 1) * count))
    return [_near_miss(task, label, draw) for label in asked]


def _near_miss(task: Task, label: str, draw: random.Random) -> NearMiss:
    seed: LabelledExample = draw.choice(task.seeds_of(label))
    axes = task.spec.generate.axes.items()
    drawn = (f"{axis}: {draw.choice(values)}" for axis, values in axes if axis != OF_A_CATEGORY)
    return NearMiss(label, " ".join(seed.input.split()), "; ".join(drawn))
