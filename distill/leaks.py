"""The leak gate: gold is the test, and what was trained on or shown in a prompt tests nothing.

Seeds that are too close to gold are shown in no prompt, taught to no system and to no check;
examples that are too close are left out of training. `distill leaks` lists both.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from distill.backends.leaks import leak_matches
from distill.errors import InputError
from distill.records import Labelled, Leak
from distill.spec import LeaksSpec
from distill.task import Task

REASONS = {
    "exact": "equals a gold row",
    "near": "nearly equals a gold row",
    "semantic": "means the same as a gold row",
}
OFF = 2.0  # no two texts are more than equal


def find(texts: Sequence[str], gold: Sequence[Labelled], spec: LeaksSpec) -> list[Leak]:
    """The texts that are too close to a gold row, each with the row it is closest to."""
    rows = [row.input for row in gold]
    return leak_matches(texts, rows, spec.near or OFF, spec.semantic or OFF)


def leaking_seeds(task: Task) -> list[tuple[Labelled, Leak]]:
    """The seeds that are too close to gold, with the row that each is closest to."""
    found = _of_seeds(task.seeds, task.gold, task.spec.leaks)
    return [(task.seeds[leak.text], leak) for leak in found]


@lru_cache(maxsize=8)
def _of_seeds(
    seeds: Sequence[Labelled], gold: Sequence[Labelled], spec: LeaksSpec
) -> tuple[Leak, ...]:
    """Every stage asks for it."""
    return tuple(find([row.input for row in seeds], gold, spec))


def without_leaking_seeds(task: Task) -> Task:
    """The task as everything after its loading sees it. Raises InputError when a label is left
    without a seed, or an extract task without any."""
    found = leaking_seeds(task)
    leaking = {seed for seed, _ in found}
    passed = tuple(seed for seed in task.seeds if seed not in leaking)
    left = {task.form.group(seed.answer) for seed in passed}
    for group in task.form.groups or (() if passed else task.groups):
        if group not in left:
            seed, leak = next(pair for pair in found if task.form.group(pair[0].answer) == group)
            twin = task.gold[leak.gold]
            raise InputError(
                f"{task.folder}: every seed of {group!r} is too close to gold, like "
                f"{seed.file}:{seed.line} ({seed.input!r}) to {twin.file}:{twin.line} "
                f"({twin.input!r}). Take them out of one of the files; `distill leaks {task.name}` "
                "lists them all."
            )
    return replace(task, seeds=passed, leaking=tuple(seed for seed, _ in found))
