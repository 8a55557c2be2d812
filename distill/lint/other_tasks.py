"""Rules on left-overs of another task: a bundled one, or one in the same folder of tasks."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from distill.core.errors import InputError, Problem
from distill.core.text import fold
from distill.lint.finding import of_input, of_key, of_prompt
from distill.task import PROMPTS, Task
from distill.task.bundled import BUNDLED, bundled_prompts
from distill.task.loading import known_tasks, load_task, read_form
from distill.text.two_samples import words_of

LEAST_COPIED, MANY_COPIED = 0.5, 5  # share, or number, of the inputs
PHRASE = 4  # words in a row
TELLING = 4  # letters of a word that tells one task from another
FILLED_IN = re.compile(r"{{.*?}}|{%.*?%}|{#.*?#}", re.DOTALL)


def copied_prompts(task: Task) -> Iterator[Problem]:
    """Yield the prompts that equal a bundled task's whose answers differ."""
    for bundled in _others(task):
        for name in PROMPTS:
            if fold(task.prompts[name]) == fold(bundled.prompts[name]):
                message = f"is the bundled task {bundled.name}'s, whose answers differ"
                yield of_prompt(task, name, message, "write your own (docs/your-task.md)")


def foreign_phrases(task: Task) -> Iterator[Problem]:
    """Yield the first line of each prompt that speaks of a bundled task.

    The line has PHRASE words in a row from a bundled task's prompts. One of these words has TELLING
    letters or more and is nowhere in the task's own description, labels, fields and seeds.
    """
    others = _others(task)
    if not others:
        return
    own = set(words_of(" ".join(_own_texts(task))))
    for name in PROMPTS:
        if any(fold(task.prompts[name]) == fold(other.prompts[name]) for other in others):
            continue  # the rule on copied prompts tells it
        for other in others:
            phrases = _phrases_of(other.folder) - _usual_phrases()
            found = [p for p in _phrases(task.prompts[name]) if p in phrases and _tells(p, own)]
            if found:
                told = f"speaks of the bundled task {other.name}: {' '.join(found[0])!r}"
                first = _longest(found[0])
                yield of_prompt(task, name, told, "write it for your task", near=first)
                break


def copied_description(task: Task) -> Iterator[Problem]:
    """Yield a problem if the description is that of a task with other answers."""
    said = fold(task.spec.description)
    names = [f"the bundled task {other.name}" for other in _others(task) if _says(other, said)]
    names += [f"the task {name}" for name in _neighbours(task) if said]
    if names:
        yield of_key(
            task,
            ("description",),
            f"description is that of {names[0]}, whose answers differ",
            "say what this task's job is",
        )


def copied_inputs(task: Task) -> Iterator[Problem]:
    """Yield a problem if many inputs are a bundled task's whose answers differ."""
    theirs = {fold(text) for other in _others(task) for text in other.inputs}
    copied = [place for place, text in enumerate(task.inputs) if theirs and fold(text) in theirs]
    if copied and len(copied) >= min(MANY_COPIED, LEAST_COPIED * len(task.inputs)):
        yield of_input(
            task,
            copied[0],
            f"{len(copied):,} of {len(task.inputs):,} rows are a bundled task's, first this one",
            "remove them, or replace them with inputs from your production",
        )


def _others(task: Task) -> Sequence[Task]:
    """Return the bundled tasks; () if the task has the answers of one of them."""
    bundled = _bundled()
    return () if any(_has_same_answers(task, other) for other in bundled) else bundled


@cache
def _bundled() -> tuple[Task, ...]:
    """Load the bundled tasks, if they are installed."""
    prompts = bundled_prompts()
    return tuple(load_task(prompts, name) for name in BUNDLED) if prompts else ()


def _has_same_answers(task: Task, bundled: Task) -> bool:
    """True if a task has the labels or the schema of a bundled task.

    Tasks of kind "generate" are compared by description, because any text is a valid answer.
    """
    if task.spec.kind != bundled.spec.kind:
        return False
    if task.spec.kind == "generate":
        return task.spec.description == bundled.spec.description
    return task.form.values() == bundled.form.values()


def _says(other: Task, description: str) -> bool:
    return bool(description) and fold(other.spec.description) == description


def _neighbours(task: Task) -> Iterator[str]:
    """Yield the tasks in the same folder with the same description and other answers."""
    prompts, said = task.folder.parent, fold(task.spec.description)
    for name in known_tasks(prompts):
        if name == task.name:
            continue
        try:
            spec, form = read_form(prompts, name)
        except InputError:  # the check of that task tells its problems
            continue
        is_other = spec.kind != task.spec.kind or form.values() != task.form.values()
        if is_other and fold(spec.description) == said:
            yield name


def _own_texts(task: Task) -> Iterator[str]:
    yield task.spec.description
    yield str(task.form.values())
    yield from (f"{row.input} {row.answer}" for row in task.seeds)


Phrase = tuple[str, ...]


def _phrases(prompt: str) -> list[Phrase]:
    """Return the runs of PHRASE words in a prompt's lines, without what a template fills in."""
    parts = FILLED_IN.sub("\n", prompt).split("\n")
    words = [words_of(part) for part in parts]
    return [tuple(p[n : n + PHRASE]) for p in words for n in range(len(p) - PHRASE + 1)]


@cache
def _phrases_of(folder: Path) -> frozenset[Phrase]:
    texts = [(folder / name).read_text(encoding="utf-8") for name in PROMPTS]
    return frozenset(phrase for text in texts for phrase in _phrases(text))


@cache
def _usual_phrases() -> frozenset[Phrase]:
    """Return the phrases of the prompts that `distill new` writes."""
    of_kinds = [*(files("distill.task.new") / "prompts").iterdir()]
    texts = [(kind / name).read_text("utf-8") for kind in of_kinds for name in PROMPTS]
    return frozenset(phrase for text in texts for phrase in _phrases(text))


def _tells(phrase: Phrase, own: set[str]) -> bool:
    return any(len(word) >= TELLING and word not in own for word in phrase)


def _longest(phrase: Phrase) -> str:
    return max(phrase, key=len)
