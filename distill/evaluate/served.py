"""Student and task in, the models that are compared out: how each is reached, and what it is asked.

Systems that share a model share its server: the base is asked with and without seeds, the teacher
twice.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from distill.core.purpose import MEASURED
from distill.core.requests import MODEL_TOKENS, Endpoint, Model, Request
from distill.core.students import Student
from distill.evaluate import parity
from distill.evaluate.parity import TrainedAnswers
from distill.evaluate.systems import TEACHER_AGAIN
from distill.llm.complete import OpenEndpoint
from distill.llm.models import choose
from distill.serve import SERVERS, ServerSettings
from distill.task import Task
from distill.task.prompts import answer_requests, served_tokens, student_request
from distill.task.run_context import Context
from distill.task.spec import StudentSpec
from distill.train.trainers import TRAINERS

Render = Callable[[Model, Sequence[str]], Sequence[Request]]


@dataclass(frozen=True, slots=True)
class Served:
    """Systems behind one server: the model, how it is started, and each system's requests; for the
    student what its trainer's model answered; `called`, as `teacher.model` names one, whose batches
    of other runs may hold answers to the same requests; and which of the systems is probed for what
    fine-tuning may have broken."""

    model: Model
    open_endpoint: OpenEndpoint
    systems: Mapping[str, Render]
    trained: TrainedAnswers | None = None
    called: str = ""
    probed: str = ""


def served_systems(context: Context, student: Student) -> list[Served]:
    """The systems that are models, grouped by the server they share."""
    task, spec = context.task, context.task.spec
    teacher = choose(spec.teacher.model)
    base, _ = models(spec.student, student)
    few_shot = partial(answer_requests, task, shots=spec.teacher.few_shot)
    asked_again = {TEACHER_AGAIN: partial(few_shot, vote=1)} if spec.evaluate.teacher_twice else {}
    return [
        served_student(context, student, "student"),
        Served(
            teacher.model,
            lambda: teacher.serve(_settings(context, "teacher", tokens=MODEL_TOKENS)),
            {"teacher": few_shot} | asked_again,
            called=spec.teacher.model,
        ),
        Served(
            base,
            lambda: serve(base, _settings(context, "base")),
            {"base": partial(answer_requests, task, shots=0), "base_few_shot": few_shot},
            probed="base" if base.folder else "",
        ),
        *(_baseline(context, name, few_shot) for name in spec.evaluate.baselines),
    ]


def _baseline(context: Context, name: str, render: Render) -> Served:
    """A model that nobody tuned, asked as the teacher is."""
    baseline = choose(name)
    settings = _settings(context, name, tokens=MODEL_TOKENS)
    return Served(baseline.model, lambda: baseline.serve(settings), {name: render}, called=name)


def served_student(context: Context, student: Student, system: str) -> Served:
    """A student as a system of that name."""
    _, tuned = models(context.task.spec.student, student)
    return Served(
        tuned,
        lambda: serve(tuned, _settings(context, system)),
        {system: partial(_student_requests, context.task)},
        parity.trained_answers(student),
        probed=system if tuned.folder else "",
    )


def _settings(context: Context, name: str, *, tokens: int | None = None) -> ServerSettings:
    spec = context.task.spec
    return ServerSettings(
        in_flight=spec.evaluate.in_flight,
        usd_per_hour=spec.machine.usd_per_hour,
        log=context.log(f"{MEASURED}-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}"),
        rates=context.task.rates,
        model_tokens=tokens or served_tokens(context.task),
    )


def models(spec: StudentSpec, student: Student) -> tuple[Model, Model]:
    """The base and the student, where they were trained: here, or at a provider."""
    if student.model:
        return Model(student.base, None, "openai"), Model(student.model, None, "openai")
    base = TRAINERS[student.trainer].locate(spec.base)
    tuned = Model(f"student@{student.id}", student.folder / "merged", "chat")
    return Model(base.name, Path(base.place), "chat"), tuned


def serve(model: Model, settings: ServerSettings) -> AbstractContextManager[Endpoint]:
    """A model's endpoint: behind our own server, or at its provider."""
    if model.folder is None:
        return choose(f"{model.api}:{model.name}").serve(settings)
    return SERVERS["vllm"].serve(model, settings)


def _student_requests(task: Task, model: Model, inputs: Sequence[str]) -> list[Request]:
    return [student_request(task, model, text) for text in inputs]
