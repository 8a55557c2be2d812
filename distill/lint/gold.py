"""Rules on gold: its size, its copies, and its likeness to the inputs."""

import math
from collections.abc import Iterator
from statistics import NormalDist

from distill.core.errors import Problem
from distill.core.numbers import percent
from distill.core.sample_size import DIFFERING, provable_margin, sample_size_for_margin
from distill.evaluate.levels import level_of_look
from distill.lint.finding import GOLD, INPUTS, of_key
from distill.task import Task
from distill.task.gold import contradiction, contradictions
from distill.task.leak_gate import MOST_PAIRED, near_gold
from distill.text.two_samples import WordShares, two_sample_test

# Gold counts as unlike the inputs if the whole interval of the AUC is above this. An AUC of 0.65
# is that of two normal distributions whose means differ by half a standard deviation.
UNLIKE = 0.65
UNSEEN = 0.1  # share of false accepts that no row of gold may show


def gold_contradicts(task: Task) -> Iterator[Problem]:
    """Yield the gold rows that give another answer to the input of an earlier row."""
    for pair in contradictions(task.gold, task.form):
        yield contradiction(task.folder, *pair)


def rows_needed(task: Task) -> int:
    """Return the number of gold rows that the margin takes at the level of the first verdict."""
    spec = task.spec.evaluate
    level = level_of_look(spec.confidence, 1)
    return sample_size_for_margin(spec.margin, confidence=level)


def size_in_words(task: Task) -> str:
    """Return the number of gold rows beside the number that the margin takes."""
    return (
        f"{len(task.gold):,} gold rows; a margin of {100 * task.spec.evaluate.margin:.1f} points "
        f"needs about {rows_needed(task):,}, if two equally good systems differ on "
        f"{DIFFERING:.0%} of them"
    )


def gold_too_small(task: Task) -> Iterator[Problem]:
    """Yield a problem if gold has fewer rows than the margin takes."""
    rows = len(task.gold)
    if rows >= rows_needed(task):
        return
    fix, margin = "add gold rows", provable_margin(rows)
    if margin > task.spec.evaluate.margin and sample_size_for_margin(margin) <= rows:
        fix += f", or set evaluate.margin = {margin:g}, which {rows:,} rows can prove"
    yield of_key(task, ("evaluate", "margin"), size_in_words(task), fix)


def other_untested(task: Task) -> Iterator[Problem]:
    """Yield a problem if gold has too few rows of the label `other`.

    With n rows and no false accept among them, Wilson's interval (1927) ends at z² / (n + z²). Rows
    are too few if this end is above UNSEEN.
    """
    other, confidence = task.spec.other_label, task.spec.evaluate.confidence
    if not other:
        return
    squared = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    rows = sum(row.answer == other for row in task.gold)
    needed = math.ceil(squared * (1 / UNSEEN - 1))
    if rows >= needed:
        return
    could = percent(squared / (rows + squared))
    yield of_key(
        task,
        ("labels", other),
        f"{rows} of {len(task.gold):,} gold rows are of {other!r}: even if no system forces one "
        f"into a label, up to {could} of such inputs may be",
        f"add gold rows of it: {needed} show that at most {percent(UNSEEN)} are",
    )


def gold_copies(task: Task) -> Iterator[Problem]:
    """Yield a problem if gold rows repeat an earlier row."""
    if task.copies:
        total = len(task.gold) + len(task.copies)
        yield Problem(
            f"{len(task.copies):,} of {total:,} gold rows repeat another row, first this one: only "
            f"{len(task.gold):,} different rows are used for testing",
            str(task.folder / GOLD),
            task.copies[0].line,
            fix="remove the copies, or replace them with other rows",
        )


def gold_near_copies(task: Task) -> Iterator[Problem]:
    """Yield a problem if gold rows nearly equal an earlier row."""
    if near := near_gold(task):
        row, twin = task.gold[near[0].text], task.gold[near[0].gold]
        compared = min(len(task.gold), MOST_PAIRED)
        yield Problem(
            f"{len(near):,} of {compared:,} gold rows nearly equal another row, first this one and "
            f"{twin.file}:{twin.line}: the true uncertainty is larger than the intervals say",
            str(task.folder / row.file),
            row.line,
            fix=f"replace them with other rows; `distill leaks {task.name}` lists them",
        )


def gold_unlike_inputs(task: Task) -> Iterator[Problem]:
    """Yield a problem if a classifier on words tells gold from the inputs.

    Gold counts as unlike if the whole 95 % interval of the AUC is above UNLIKE.
    """
    inputs = [text for _, text in task.unlabelled]
    found = two_sample_test([row.input for row in task.gold], inputs)
    if found is None or found.low <= UNLIKE:
        return
    row = task.gold[found.typical]
    yield Problem(
        f"gold is unlike {INPUTS}: by its words a classifier ranks {percent(found.auc)} of the "
        f"pairs right ({percent(found.low)} to {percent(found.high)}, 95 % interval; chance is "
        f"50 %), most surely this row. {'; '.join(map(_in_words, found.words))}",
        str(task.folder / row.file),
        row.line,
        "input",
        f"take gold from what production sends, for example with `distill label {task.name}`",
    )


def _in_words(word: WordShares) -> str:
    return f"{word.word!r} is in {percent(word.first)} of gold and {percent(word.second)} of inputs"
