"""Contrastive inputs: seeds of one label, changed in one fact so that they belong to another label.

They show the border between two labels that are taken for each other. A linear model on sentence
embeddings, fitted to the seeds without the tested one, shows which labels these are.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

from distill.task import Task
from distill.text.classifiers import left_out

Confused = Mapping[str, tuple[str, ...]]  # label → the labels that it is confused with
NONE_CONFUSED: Confused = {}


def confused_labels(task: Task) -> Confused:
    """Return the labels that are confused with each other; {} if `generate.contrastive` is off."""
    if not task.spec.generate.contrastive:
        return NONE_CONFUSED
    texts, labels = zip(*((seed.input, seed.answer) for seed in task.seeds), strict=True)
    pairs = _confusions(texts, labels, task.spec.embedding_model)
    found: dict[str, list[str]] = defaultdict(list)
    for right, said in pairs:
        found[right].append(said)
        found[said].append(right)
    return {label: tuple(sorted({*others})) for label, others in found.items()}


def contrast(task: Task, label: str, others: Sequence[str], draw: random.Random) -> str:
    """Describe a new input of a label: a seed of another label in which one fact is changed."""
    other = draw.choice(others)
    seed = " ".join(draw.choice(task.seeds_of(other)).input.split())
    return f"an input of {other} in which one fact is changed, so that it is for {label}: {seed}"


@lru_cache(maxsize=4)
def _confusions(
    texts: tuple[str, ...], labels: tuple[str, ...], embedding_model: str
) -> tuple[tuple[str, str], ...]:
    """Return (right label, label said) of each seed that the model gets wrong."""
    said = left_out(texts, labels, range(len(texts)), embedding_model)
    return tuple(pair for pair in zip(labels, said, strict=True) if pair[0] != pair[1])
