"""The terms of the models that a student learns from.

A curation judge counts, since its scores choose the training rows. Baselines and the judge of
`evaluate` only measure, and no student learns from them.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from distill.core.errors import InputError
from distill.core.model_terms import Terms
from distill.core.students import Student
from distill.llm.teacher_choice import student_kind
from distill.pricing.terms import PAGE, terms_of_base, terms_of_teacher
from distill.serve.base_models import automatic as automatic_base
from distill.task import Task
from distill.train.trainers import trainer_of


def learned_from(task: Task) -> list[Terms]:
    """Return the terms of each model whose outputs the student learns from, the teacher's first."""
    teacher, student = task.spec.teacher.model, student_kind(task)
    rows = [terms_of_teacher(teacher, student)]
    if task.judge and task.judge != teacher:
        place = "curate.judge_model"
        rows.append(terms_of_teacher(task.judge, student, use="judge", place=place))
    return rows


def check_terms(task: Task) -> None:
    """Check the terms of the teacher and of the judge before the first request.

    Raises InputError if the student may not learn from one of them and the task confirms no
    permission.
    """
    if task.spec.terms.confirmed:
        return
    for row in learned_from(task):
        if row.stops:
            raise InputError(f"{task.folder / 'task.toml'}: {refusal(row)}")


def refusal(row: Terms) -> str:
    """Explain why a run does not train on a model's outputs, and what the user can do."""
    return (
        f"{row.place}: {row.model}: {row.sentence} {row.says} Nothing was asked, and what is "
        f"stored stays. Name another model (`embedded` needs no permission), or, if you have one, "
        f'write why into the task: [terms] confirmed = "<who permits it, and where>". '
        f"{PAGE} lists all providers."
    )


def notes(task: Task, *, rehearsal: bool) -> Iterator[str]:
    """Return the notes for the user of a run about terms that do not simply allow training."""
    rows = learned_from(task)
    yield from (row.sentence for row in rows if row.training != "allowed")
    if rehearsal and any(row.stops for row in rows):
        yield "a rehearsal trains on no real answers; a run stops here without terms.confirmed"
    elif task.spec.terms.confirmed:
        yield f"confirmed by the task: {task.spec.terms.confirmed}"


def lines(task: Task, today: date) -> Iterator[str]:
    """Describe the terms of a task that has not begun, in sentences."""
    for row in (*learned_from(task), _base(task)):
        yield f"Terms of the {row.use}, {row.model}: {row.sentence} {row.says}"
        if row.is_stale(today):
            yield "- These terms were read over 90 days ago: read the page again."
        yield from (f"- {duty}" for duty in row.duties)
    if task.spec.terms.confirmed:
        yield f"The task confirms a permission: {task.spec.terms.confirmed}"
    elif any(row.stops for row in learned_from(task)):
        yield "The run stops before it pays, until the task has `terms.confirmed`."


def _base(task: Task) -> Terms:
    """Return the terms of a base by its name, since its model card may not be downloaded yet."""
    spec = task.spec.student
    trainer = trainer_of(spec.trainer)
    if trainer.PROVIDER:
        return terms_of_base(trainer.locate(spec.base).name, "")
    return terms_of_base(automatic_base()[0] if spec.base == "auto" else spec.base, "")


def figures(task: Task, student: Student | None) -> dict[str, Any]:
    """Return the terms for report.json.

    There is a row for each model learned from and for the student's base. `confirmed` holds the
    user's reason, if there is one. `stops` is true if the terms stop a run without such a reason.
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
