"""Examples → train / validation, made once and frozen, behind the leak gate.

An example that equals or nearly equals a gold row is left out and counted; gold is the test, and a
test row that was trained on measures nothing.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from distill.errors import DistillError
from distill.records import Drop, Example, Labelled, SplitRow, content_id, fold
from distill.store import Store
from distill.task import Task
from distill.workspace import Context

# Similarity of two texts without case and punctuation, 0–100 (rapidfuzz `ratio`, and the same with
# the words sorted): one changed word in eight, or another order, stays above it.
NEAR = 85.0


def split(context: Context) -> Callable[[Store], None]:
    """Place the run's examples; what is to be written are the gate's drops and the frozen split.

    Raises DistillError when nothing is left to train on.
    """
    with context.store() as store:
        examples = store.examples(context.run_id)
    with context.progress.step("split", "leak gate", len(examples)) as advance:
        leaks = find_leaks(examples, context.task.gold)
        advance(len(examples))
    leaked = {leak.candidate_id for leak in leaks}
    rows = place([row for row in examples if row.id not in leaked], context.task)
    if not any(row.part == "train" and row.repeats for row in rows):
        raise DistillError("no example is left to train on: curation or the leak gate took all")

    def write(store: Store) -> None:
        store.add_drops(context.run_id, leaks)
        store.add_split(context.run_id, rows)

    return write


def find_leaks(examples: Sequence[Example], gold: Sequence[Labelled]) -> list[Drop]:
    """A drop for each example that equals or nearly equals a gold row, with the row it matched."""
    from rapidfuzz import fuzz, process, utils

    queries = [utils.default_process(row.input) for row in examples]
    tested = [utils.default_process(row.input) for row in gold]
    found: dict[str, Drop] = {}
    for scorer in (fuzz.ratio, fuzz.token_sort_ratio):
        for example, query in zip(examples, queries, strict=True):
            match = process.extractOne(query, tested, scorer=scorer, score_cutoff=NEAR)
            if match and example.id not in found:
                found[example.id] = _leak(example, gold[match[2]], match[1] / 100)
    return list(found.values())


def _leak(example: Example, twin: Labelled, score: float) -> Drop:
    equal = fold(example.input) == fold(twin.input)
    reason = "equals a gold row" if equal else "nearly equals a gold row"
    return Drop(example.id, "leak_gate", reason, f"{twin.file}:{twin.line}", score)


def place(examples: Sequence[Example], task: Task) -> list[SplitRow]:
    """Seeds train, `seed_repeats` times an epoch; of the rest of each label a fixed random share
    validates."""
    spec = task.spec.student
    by_answer: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.source != "seeds":
            by_answer[example.answer].append(example)
    validation = set()
    for answer, rows in by_answer.items():
        draw = random.Random(content_id([spec.seed, answer]))
        drawn = draw.sample(rows, int(len(rows) * spec.validation_share))
        validation |= {row.id for row in drawn}
    return [_place(example, validation, spec.seed_repeats) for example in examples]


def _place(example: Example, validation: set[str], seed_repeats: int) -> SplitRow:
    if example.id in validation:
        return SplitRow(example, "validation")
    return SplitRow(example, "train", seed_repeats if example.source == "seeds" else 1)
