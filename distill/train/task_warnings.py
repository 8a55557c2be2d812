"""Warnings about a task, in sentences, before anything is billed."""

from collections.abc import Iterator, Sequence
from reprlib import Repr

from distill.core.text import fold
from distill.llm.today import unused_today
from distill.serve.context_length import long_chats
from distill.task import Task
from distill.task.bundled import BUNDLED, bundled_prompts
from distill.task.loading import load_task
from distill.task.prompts import student_chat
from distill.train.schema_check import schema_problems
from distill.train.trainers import trainer_of

SHOWN = 8
SHORT = Repr()
SHORT.maxstring = 60
MOST_COUNTED = 2_000  # seeds and inputs: counting more takes seconds
PROMPTS = ("synthesize.md", "answer.md", "student.md")
LEAST_COPIED, MANY_COPIED = 0.5, 5  # share, or number, of the inputs


def task_warnings(task: Task) -> list[str]:
    """Return every warning of a task.

    They concern labels without gold rows, left-overs of a bundled task and unused keys of
    `[today]`. They also concern a schema that a provider would refuse, and rows longer than the
    student's context.
    """
    return [
        *_labels_without_gold(task),
        *_left_overs(task),
        *filter(None, [unused_today(task)]),
        *schema_problems(task),
        *_long_rows(task),
    ]


def _labels_without_gold(task: Task) -> Iterator[str]:
    tested = {row.answer for row in task.gold}
    if missing := [label for label in task.form.choices if label not in tested]:
        shown = ", ".join(map(repr, missing[:SHOWN]))
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        yield (
            f"gold.jsonl has no row of {shown}{more}: the verdict does not cover them. Add rows of "
            "each label"
        )


def _left_overs(task: Task) -> Iterator[str]:
    """Yield a warning on prompts and inputs copied from a bundled task with other answers."""
    bundled_tasks = list(_bundled_tasks())
    if any(_has_same_answers(task, bundled) for bundled in bundled_tasks):
        return
    for bundled in bundled_tasks:
        same = [name for name in PROMPTS if fold(task.prompts[name]) == fold(bundled.prompts[name])]
        if same:
            yield (
                f"{_listed(same)} {'is' if len(same) == 1 else 'are'} the bundled task "
                f"{bundled.name}'s, whose answers differ: write your own (docs/your-task.md)"
            )
    theirs = {fold(text) for bundled in bundled_tasks for text in bundled.inputs}
    copied = sum(fold(text) in theirs for text in task.inputs)
    if copied and copied >= min(MANY_COPIED, LEAST_COPIED * len(task.inputs)):
        yield (
            f"{copied} of {len(task.inputs)} rows of inputs.jsonl are a bundled task's: remove "
            "them, or replace them with inputs from your production"
        )


def _listed(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def _bundled_tasks() -> Iterator[Task]:
    """Load the bundled tasks, if they are installed."""
    prompts = bundled_prompts()
    if prompts is not None:
        yield from (load_task(prompts, name) for name in BUNDLED)


def _has_same_answers(task: Task, bundled: Task) -> bool:
    """True if a task has the labels or the schema of a bundled task.

    Tasks of kind "generate" are compared by description, because any text is a valid answer.
    """
    if task.spec.kind != bundled.spec.kind:
        return False
    if task.spec.kind == "generate":
        return task.spec.description == bundled.spec.description
    return task.form.values() == bundled.form.values()


def _long_rows(task: Task) -> Iterator[str]:
    """Yield a warning on seeds and inputs that are too long for a student trained here."""
    spec = task.spec.student
    if trainer_of(spec.trainer).PROVIDER:
        return
    rows = [*((row.input, row.answer) for row in task.seeds), *((text, "") for text in task.inputs)]
    rows = rows[:MOST_COUNTED]
    chats = [student_chat(task, text, answer) for text, answer in rows]
    places, surely = long_chats(chats, spec.context_tokens, spec.base)
    if places:
        yield (
            f"{len(places)} of the first {len(rows):,} seeds and inputs "
            f"{'have' if surely else 'may have'} "
            f"more than student.context_tokens = {spec.context_tokens:,} tokens, like "
            f"{SHORT.repr(rows[places[0]][0])}: they would be dropped. Raise it, or shorten them"
        )
