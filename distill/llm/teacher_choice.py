"""The choice of the teacher that `auto` means for a new run.

A key names a provider; a consent allows its bill. In: a task, the environment's keys and the
consent. Out: the task with its teacher, and the choice. The choice is None if the task names its
teacher, which is never replaced.
"""

import os

from distill.core.model_ref import AUTO, WITHOUT_KEY
from distill.llm.models import automatic, price_of
from distill.pricing.terms import StudentKind
from distill.store import TeacherChoice
from distill.task import Task

Settled = tuple[Task, TeacherChoice | None]


def student_kind(task: Task) -> StudentKind:
    """Return the kind of student that providers' terms distinguish."""
    return StudentKind(task.spec.kind, task.spec.student.trainer)


def by_keys(task: Task) -> Settled:
    """Take the teacher of the first key that is set, without asking for consent."""
    if task.spec.teacher.model != AUTO:
        return task, None
    name, why = automatic(os.environ, student_kind(task))
    return task.with_teacher(model=name), TeacherChoice(why)


def by_consent(task: Task, *, is_given: bool, detach: bool = False) -> Settled:
    """Take the teacher of the first key that is set, or the embedded teacher without consent.

    The embedded teacher replaces only a teacher that sends a bill. A teacher stays if the task
    needs a provider: for batches or rationales.
    """
    settled, choice = by_keys(task)
    name, teacher = settled.spec.teacher.model, task.spec.teacher
    needs_provider = detach or teacher.mode == "batch" or teacher.rationale
    if choice is None or is_given or needs_provider:
        return settled, choice
    if price_of(name, task.rates) is None:
        return settled, choice
    why = (
        f"{choice.why}, but there was neither a terminal to ask at nor --yes or --max-usd, and a "
        f"key is not consent; `distill run {task.name} --new --yes` asks {name}"
    )
    return task.with_teacher(model=WITHOUT_KEY), TeacherChoice(why, instead_of=name)
