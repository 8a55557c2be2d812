"""The terms of the models whose outputs train a student.

A curation judge counts, because its scores choose the training rows. Baselines and the judge of
`evaluate` do not count, because their outputs only measure.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from distill.core.errors import InputError
from distill.core.model_terms import Terms
from distill.core.students import Student
from distill.llm.teacher_choice import student_kind
from distill.pricing.terms import PAGE, terms_of_base, terms_of_teacher
from distill.task import ANSWERS, Task
from distill.task.logs.models import is_same, provider_and_id
from distill.train.trainers import trainer_of


def learned_from(task: Task) -> list[Terms]:
    """Return the terms of each model whose outputs train the student, the teacher's first."""
    teacher, student = task.spec.teacher.model, student_kind(task)
    rows = [terms_of_teacher(teacher, student)]
    if task.judge and task.judge != teacher:
        place = "curate.judge_model"
        rows.append(terms_of_teacher(task.judge, student, use="judge", place=place))
    return [*rows, *_of_logs(task)]


def _of_logs(task: Task) -> Iterator[Terms]:
    """Yield the terms of each model whose logged answers are labels, without the teacher's own."""
    models = {row.model for row in task.logged_answers.values()}
    for model in sorted(models):
        if is_same(model, task.spec.teacher.model):
            continue
        # The provider of a model without one is found by the model's name.
        name = model if provider_and_id(model)[0] else f"log:{model}"
        found = terms_of_teacher(name, student_kind(task), use="logged model", place=ANSWERS)
        yield replace(found, model=model or "a model without a name")


def check_terms(task: Task) -> None:
    """Check the terms of teacher and judge before the first request.

    Raises InputError if either's terms do not allow training and the task confirms no permission.
    """
    if task.spec.terms.confirmed:
        return
    for row in learned_from(task):
        if row.stops:
            raise InputError(f"{task.folder / 'task.toml'}: {refusal(row)}")


def refusal(row: Terms) -> str:
    """Return the reason why a run may not train on a model's outputs, with the remedies."""
    instead = "Choose another model (`embedded` needs no permission)"
    if row.place == ANSWERS:
        instead = f"Remove the rows of this model from {ANSWERS}"
    return (
        f"{row.place}: {row.model}: {row.sentence} {row.says} No request was sent, and stored rows "
        f"are kept. {instead}. If you have a "
        f'permission, write it into the task: [terms] confirmed = "<who permits it, and where>". '
        f"{PAGE} lists all providers."
    )


def notes(task: Task, *, rehearsal: bool) -> Iterator[str]:
    """Yield the notes for a run's user on terms that limit or forbid training."""
    rows = learned_from(task)
    yield from (row.sentence for row in rows if row.training != "allowed")
    if rehearsal and any(row.stops for row in rows):
        yield "a rehearsal trains on no real answers; a run stops here without terms.confirmed"
    elif task.spec.terms.confirmed:
        yield f"confirmed by the task: {task.spec.terms.confirmed}"


def lines(task: Task, today: date) -> Iterator[str]:
    """Yield sentences on the terms of use that apply to a task, to show before its first run."""
    for row in (*learned_from(task), base_terms(task)):
        yield f"Terms of the {row.use}, {row.model}: {row.sentence} {row.says}"
        if row.is_stale(today):
            yield "- These terms were read over 90 days ago: read the page again."
        yield from (f"- {duty}" for duty in row.duties)
    if task.spec.terms.confirmed:
        yield f"The task confirms a permission: {task.spec.terms.confirmed}"
    elif any(row.stops for row in learned_from(task)):
        yield "The run stops before it pays, until the task has `terms.confirmed`."


def base_terms(task: Task) -> Terms:
    """Return the terms of a base by its name, because its model card may not be downloaded yet."""
    spec = task.spec.student
    trainer = trainer_of(spec.trainer)
    if trainer.PROVIDER:
        return terms_of_base(trainer.locate(spec.base).name, "")
    return terms_of_base(trainer.automatic() if spec.base == "auto" else spec.base, "")


def figures(task: Task, student: Student | None) -> dict[str, Any]:
    """Return the terms for report.json.

    There is a row for each model whose outputs train the student, and for the student's base.
    `confirmed` is the user's permission, if any. `stops` is true if the terms stop a run without
    one.
    """
    rows = learned_from(task)
    base = [terms_of_base(student.base, student.licence)] if student else []
    confirmed = task.spec.terms.confirmed
    return {
        "rows": [_shown(row) for row in (*rows, *base)],
        "stops": any(row.stops for row in rows),
        **({"confirmed": confirmed} if confirmed else {}),
    }


def _shown(row: Terms) -> dict[str, Any]:
    return {
        "use": row.use,
        "model": row.model,
        "provider": row.provider,
        "training": row.training,
        "sentence": row.sentence,
        "says": row.says,
        "source": row.source,
        "url": row.url,
        **({"checked": str(row.checked)} if row.checked else {}),
        **({"effective": str(row.effective)} if row.effective else {}),
        "duties": list(row.duties),
    }
