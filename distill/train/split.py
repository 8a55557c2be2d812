"""The split into train and validation, made once and frozen, behind the leak gate.

An example too close to a gold row is dropped and counted, because a gold row that was trained on
measures nothing. A validation row too close to a training row is used for training.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from distill.core.conversation import as_text
from distill.core.dataset import Drop, Example, LabelledExample, SplitExample
from distill.core.errors import DistillError
from distill.core.text import stable_hash
from distill.store import Store
from distill.task import Task
from distill.task.leak_gate import REASONS, find_with_answers
from distill.task.prompts import student_chat
from distill.task.run_context import Context
from distill.train.diversity import spreads
from distill.train.trainers import trainer_of

SHOWN = 5


def split(context: Context) -> Callable[[Store], None]:
    """Split the run's examples, and return a function that writes the result to the store.

    The result is the gate's drops, the frozen split and the diversity of the examples.

    Raises DistillError if no example is left to train on, or if the gate drops more than
    `leaks.most_share` of the examples.
    """
    with context.store() as store:
        examples = store.examples(context.run_id)
    with context.progress.step("split", "leak gate", len(examples)) as advance:
        leaks = find_leaks(examples, context.task)
        advance(len(examples))
    _check_share(leaks, examples, context.task)
    leaked = {leak.candidate_id for leak in leaks}
    long = find_too_long([row for row in examples if row.id not in leaked], context.task)
    dropped = leaked | {drop.candidate_id for drop in long}
    rows = place([row for row in examples if row.id not in dropped], context.task)
    if not any(row.part == "train" and row.repeats for row in rows):
        raise DistillError(
            "no example is left to train on, because curation or the leak gate dropped all: see "
            "`distill drops`, then relax [curate] or generate more"
        )

    found = spreads(context.task, examples)

    def write(store: Store) -> None:
        store.add_spreads(context.run_id, found)
        store.add_drops(context.run_id, [*long, *leaks])
        store.add_split(context.run_id, rows)

    return write


def find_leaks(examples: Sequence[Example], task: Task) -> list[Drop]:
    """Return a drop for each example too close to a gold row, with the closest gold row."""
    return [
        Drop(
            examples[leak.text].id,
            "leak_gate",
            REASONS[leak.kind],
            f"{task.gold[leak.gold].file}:{task.gold[leak.gold].line}",
            leak.score,
        )
        for leak in find_with_answers(_labelled(examples), task.gold, task)
    ]


def find_too_long(examples: Sequence[Example], task: Task) -> list[Drop]:
    """Return a drop for each example with more tokens than the student's context."""
    spec = task.spec.student
    trainer = trainer_of(spec.trainer)
    chats = [student_chat(task, row.input, row.answer) for row in examples]
    long = trainer.longer_than(chats, trainer.locate(spec.base), spec.model_dump())
    reason = "has more tokens than the student takes"
    return [
        Drop(examples[place].id, "context", reason, score=count) for place, count in long.items()
    ]


def _check_share(leaks: Sequence[Drop], examples: Sequence[Example], task: Task) -> None:
    most = task.spec.leaks.most_share
    if len(leaks) <= most * len(examples):
        return
    inputs = {row.id: as_text(row.input) for row in examples}
    shown = "\n".join(
        f"  {inputs[leak.candidate_id]!r} {leak.reason} ({leak.matched})" for leak in leaks[:SHOWN]
    )
    raise DistillError(
        f"{len(leaks)} of {len(examples)} examples are too close to gold, more than "
        f"leaks.most_share = {most:.0%} allows: is gold among inputs.jsonl or seeds.jsonl?\n"
        f"{shown}\n`distill leaks {task.name}` lists them all. Nothing was trained: correct the "
        "files, or raise leaks.most_share."
    )


def labelled_by_people(task: Task, split: Sequence[SplitExample]) -> list[tuple[str, str]]:
    """Return (input, answer) of the seeds, and of the labelled examples behind the leak gate."""
    examples = [row.example for row in split if row.example.source == "examples"]
    return [
        *((row.input, row.answer) for row in task.seeds),
        *((row.input, row.answer) for row in examples),
    ]


def place(examples: Sequence[Example], task: Task) -> list[SplitExample]:
    """Assign each example to train or validation.

    Seeds are used for training, `seed_repeats` times per epoch. A fixed random share of each
    group's other examples is used for validation, except examples too close to a training example.
    """
    spec = task.spec.student
    by_group: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.source != "seeds":
            by_group[task.form.group(example.answer)].append(example)
    validation = set()
    for group, rows in by_group.items():
        draw = random.Random(stable_hash([spec.seed, group]))
        drawn = draw.sample(rows, int(len(rows) * spec.validation_share))
        validation |= {row.id for row in drawn}
    validation -= _too_close(examples, validation, task)
    return [_place(example, validation, spec.seed_repeats) for example in examples]


def _too_close(examples: Sequence[Example], validation: set[str], task: Task) -> set[str]:
    held = [row for row in examples if row.id in validation]
    trained = [row for row in examples if row.id not in validation]
    found = find_with_answers(_labelled(held), _labelled(trained), task)
    return {held[leak.text].id for leak in found}


def _labelled(examples: Sequence[Example]) -> list[LabelledExample]:
    return [LabelledExample(row.input, row.answer, "", 0) for row in examples]


def _place(example: Example, validation: set[str], seed_repeats: int) -> SplitExample:
    if example.id in validation:
        return SplitExample(example, "validation")
    return SplitExample(example, "train", seed_repeats if example.source == "seeds" else 1)
