"""The choice of a new run's teacher if `teacher.model` is `auto`.

A key selects a provider; the user's consent allows its bill. Each function returns the task with
its teacher, and the choice. A teacher that the task names is never replaced: the choice is then
None.
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
    """Return the task with the teacher of the first key that is set, whatever the consent."""
    if task.spec.teacher.model != AUTO:
        return task, None
    name, why = automatic(os.environ, student_kind(task))
    return task.with_teacher(model=name), TeacherChoice(why)


def by_consent(task: Task, *, is_given: bool, detach: bool = False) -> Settled:
    """Return the task with the teacher of the first key, or the embedded one without consent.

    The embedded teacher replaces only a paid teacher. The paid teacher is kept if the task needs a
    provider, for batches or rationales.
    """
    settled, choice = by_keys(task)
    name, teacher = settled.spec.teacher.model, task.spec.teacher
    needs_provider = detach or teacher.mode == "batch" or teacher.rationale
    if choice is None or is_given or needs_provider:
        return settled, choice
    if price_of(name, task.rates) is None:
        return settled, choice
    why = (
        f"{choice.why}, but a key is not consent, and there was no terminal, --yes or --max-usd; "
        f"`distill run {task.name} --new --yes` uses {name}"
    )
    return task.with_teacher(model=WITHOUT_KEY), TeacherChoice(why, instead_of=name)
