"""Rules on the labels of a classify task and their meanings."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from distill.core.errors import Problem
from distill.core.text import fold
from distill.lint.finding import named, of_key
from distill.task import Task
from distill.text.two_samples import words_of

SHORT = 3  # letters of a word that says little, in a script with spaces
OVERLAP = 0.6  # least share of the shorter meaning's words
FEWEST_SHARED = 3  # words that two meanings share
# A word in the meanings of more labels tells none of them from the others.
MOST_LABELS = 3


def labels_alike(task: Task) -> Iterator[Problem]:
    """Yield the labels that differ from an earlier label only by case or white space."""
    first: dict[str, str] = {}
    for label in task.form.choices:
        other = first.setdefault("".join(fold(label).split()), label)
        if other != label:
            yield of_key(
                task,
                ("labels", label),
                f"the label {label!r} differs from {other!r} only by case or white space",
                "keep one of them, and rename it in gold.jsonl and seeds.jsonl, too",
            )


def labels_without_gold(task: Task) -> Iterator[Problem]:
    """Yield the labels that no row of gold has, as one problem.

    The label `other` has a rule of its own.
    """
    tested = {row.answer for row in task.gold} | {task.spec.other_label}
    if missing := [label for label in task.form.choices if label not in tested]:
        yield of_key(
            task,
            ("labels", missing[0]),
            f"gold.jsonl has no row of {named(missing)}: the verdict does not cover them",
            "add rows of each label",
        )


def labels_without_meaning(task: Task) -> Iterator[Problem]:
    """Yield the labels whose meaning says no more than their name, as one problem."""
    if empty := [label for label in task.spec.meanings if not _has_meaning(task, label)]:
        yield of_key(
            task,
            ("labels", empty[0]),
            f"no meaning says what belongs to {named(empty)}: the teacher knows only the name",
            "say it in a sentence",
        )


def _has_meaning(task: Task, label: str) -> bool:
    return bool(set(words_of(task.spec.meanings[label])) - set(words_of(label)))


def meanings_overlap(task: Task) -> Iterator[Problem]:
    """Yield the pairs of labels whose meanings share most of their words.

    Words count if they have more than SHORT letters, or are of a script without spaces. A word in
    the description or in the meanings of more than MOST_LABELS labels does not count. Two meanings
    overlap if they share FEWEST_SHARED words and a share OVERLAP of the shorter one's. Equal
    meanings overlap, too.
    """
    common = set(words_of(task.spec.description))
    meanings = {
        label: {word for word in words_of(meaning) if _says_something(word)} - common
        for label, meaning in task.spec.meanings.items()
        if _has_meaning(task, label)
    }
    labels_of: dict[str, list[str]] = defaultdict(list)
    for label, words in meanings.items():
        for word in sorted(words):
            labels_of[word].append(label)
    shared: dict[tuple[str, str], list[str]] = defaultdict(list)
    for word, labels in labels_of.items():
        for pair in combinations(labels if len(labels) <= MOST_LABELS else (), 2):
            shared[pair].append(word)
    for pair, common_words in (shared | _equal(task)).items():
        shorter = min(len(meanings[label]) for label in pair)
        yield from _overlap(task, pair, sorted(common_words), shorter)


def _equal(task: Task) -> dict[tuple[str, str], list[str]]:
    """Return the pairs of labels with the same meaning, each with no words."""
    first: dict[str, str] = {}
    pairs: dict[tuple[str, str], list[str]] = {}
    for label, meaning in task.spec.meanings.items():
        said = " ".join(words_of(meaning))
        if _has_meaning(task, label) and first.setdefault(said, label) != label:
            pairs[first[said], label] = []
    return pairs


def _overlap(
    task: Task, pair: tuple[str, str], words: list[str], shorter: int
) -> Iterator[Problem]:
    first, second = pair
    if not words:
        told = f"the labels {first!r} and {second!r} have the same meaning"
    elif len(words) >= FEWEST_SHARED and len(words) >= OVERLAP * shorter:
        told = (
            f"the meanings of {first!r} and {second!r} share {len(words)} of the {shorter} words "
            f"of the shorter one: {named(words)}"
        )
    else:
        return
    yield of_key(
        task,
        ("labels", second),
        told,
        "say what tells the two labels apart, or join them",
    )


def _says_something(word: str) -> bool:
    return len(word) > SHORT or not word.isascii()
