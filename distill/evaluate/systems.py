"""The compared systems, in the order of the reports, and their servers."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from distill.core.dataset import LabelledExample
from distill.core.model_ref import decides
from distill.core.requests import Endpoint, Model, Request
from distill.core.students import Student
from distill.evaluate import parity
from distill.evaluate.parity import ReferenceAnswers
from distill.llm.complete import OpenEndpoint
from distill.llm.models import choose
from distill.llm.prompt_length import prompted_tokens
from distill.serve import SERVERS, ServerSettings
from distill.task import Task
from distill.task.prompts import answer_requests, served_tokens, student_request
from distill.task.run_context import Context
from distill.task.spec import StudentSpec
from distill.train.trainers import TRAINERS, provider_of

# The column titles of the main metrics.
METRIC_TITLES = {"accuracy": "right", "field_f1": "field F1", "win_rate": "win rate"}
TEACHER_AGAIN = "teacher_again"  # the teacher with other seeds in its prompt; not in the tables
ASKED_AGAIN = 50

SYSTEMS = (
    "teacher",
    "student",
    "base",
    "base_few_shot",
    "linear_seeds",
    "linear",
    "embeddings_seeds",
    "embeddings",
    "encoder",
    "nearest",
)

# The systems that answer in this process, one request at a time, without tokens.
LOCAL_SYSTEMS = (
    *("linear_seeds", "linear", "embeddings_seeds", "embeddings", "encoder", "nearest"),
)

# The local systems that are trained on the student's own rows. Their cost includes these rows'.
TRAINED_ON_STUDENT_ROWS = ("linear", "embeddings", "encoder", "nearest")

# The systems that could replace the student, described for the readers of the report.
BASELINES = {
    "base": "the base model without any training",
    "base_few_shot": "the base model with a few seeds in its prompt",
    "linear_seeds": "a linear model on words, trained on the seeds alone",
    "linear": "a linear model on words, trained on the student's own rows",
    "embeddings_seeds": "a linear model on sentence embeddings, trained on the seeds alone",
    "embeddings": "a linear model on sentence embeddings, trained on the student's own rows",
    "encoder": "a small encoder (all-MiniLM-L6-v2), fine-tuned on the student's own rows",
    "nearest": "what was answered to the nearest of the student's own rows, word for word",
}


def gold_for(system: str, gold: Sequence[LabelledExample]) -> Sequence[LabelledExample]:
    """Return the gold rows that a system answers.

    TEACHER_AGAIN answers at most ASKED_AGAIN rows, evenly spread over the file, because it has no
    verdict. All other systems answer all rows.
    """
    if system != TEACHER_AGAIN or len(gold) <= ASKED_AGAIN:
        return gold
    return [gold[place * len(gold) // ASKED_AGAIN] for place in range(ASKED_AGAIN)]


def compared_systems(task: Task) -> tuple[str, ...]:
    """Return the systems whose texts the judge compares with the teacher's."""
    spec = task.spec.evaluate
    again = (TEACHER_AGAIN,) if spec.teacher_twice else ()
    return ("student", "base", "base_few_shot", "nearest", *spec.baselines, *again)


def shown_order(baselines: Sequence[str]) -> tuple[str, ...]:
    """Return all systems in display order; the task's untuned models come after the base."""
    place = SYSTEMS.index("base_few_shot") + 1
    return (*SYSTEMS[:place], *baselines, *SYSTEMS[place:])


def rival_in_words(name: str) -> str:
    """Return the description of a rival; another model is described as untuned."""
    if name in BASELINES:
        return f"{BASELINES[name]} ({name})"
    return f"{name}, a decision model" if decides(name) else f"{name}, untuned"


Render = Callable[[Model, Sequence[str]], Sequence[Request]]


@dataclass(frozen=True, slots=True)
class SystemGroup:
    """A server and the systems that run on it.

    `open_endpoint`: starts the server of `model`, or connects to its provider.
    `systems`: name → the function that renders the system's requests.
    `trained`: the trained model's answers, for the parity check; None without a check.
    `called`: the name, as in `teacher.model`, of the model whose pending batches may already
        contain these requests; "" for none.
    `probed`: the system that gets the regression probes; "" for none.
    """

    model: Model
    open_endpoint: OpenEndpoint
    systems: Mapping[str, Render]
    trained: ReferenceAnswers | None = None
    called: str = ""
    probed: str = ""


def served_systems(context: Context, student: Student) -> list[SystemGroup]:
    """Return the systems that run on servers, grouped by server."""
    task, spec = context.task, context.task.spec
    teacher = choose(spec.teacher.model)
    few_shot = partial(answer_requests, task, shots=spec.teacher.few_shot)
    asked_again = {TEACHER_AGAIN: partial(few_shot, vote=1)} if spec.evaluate.teacher_twice else {}
    return [
        served_student(context, student, "student"),
        SystemGroup(
            teacher.model,
            lambda: teacher.serve(_settings(context, "teacher", tokens=prompted_tokens(task))),
            {"teacher": few_shot} | asked_again,
            called=spec.teacher.model,
        ),
        *(_base(context, student, few_shot)),
        *(_baseline(context, name, few_shot) for name in spec.evaluate.baselines),
    ]


def _base(context: Context, student: Student, few_shot: Render) -> Iterator[SystemGroup]:
    """Yield the untrained base; nothing for an encoder, which cannot answer without training."""
    if student.is_encoder:
        return
    task = context.task
    base = base_model(task.spec.student, student)
    yield SystemGroup(
        base,
        lambda: serve(
            base,
            _settings(context, "base", tokens=max(served_tokens(task), prompted_tokens(task))),
        ),
        {"base": partial(answer_requests, task, shots=0), "base_few_shot": few_shot},
        probed="base" if base.is_local else "",
    )


def _baseline(context: Context, name: str, render: Render) -> SystemGroup:
    """Return an untuned model as a system, with the teacher's prompts."""
    baseline = choose(name)
    settings = _settings(context, name, tokens=prompted_tokens(context.task))
    return SystemGroup(
        baseline.model, lambda: baseline.serve(settings), {name: render}, called=name
    )


def served_student(context: Context, student: Student, system: str) -> SystemGroup:
    """Return a student as the system with the name `system`.

    An encoder gets no regression probes: it had no abilities to forget, and writes no text."""
    tuned = student_model(student)
    return SystemGroup(
        tuned,
        lambda: serve(tuned, _settings(context, system), student.server),
        {system: partial(_student_requests, context.task)},
        parity.trained_answers(student),
        probed=system if tuned.is_local and not student.is_encoder else "",
    )


def _settings(context: Context, name: str, *, tokens: int | None = None) -> ServerSettings:
    spec = context.task.spec
    return ServerSettings(
        in_flight=spec.evaluate.in_flight,
        usd_per_hour=spec.machine.usd_per_hour,
        log=context.log(f"evaluate-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}"),
        rates=context.task.rates,
        model_tokens=tokens or served_tokens(context.task),
    )


def base_model(spec: StudentSpec, student: Student) -> Model:
    """Return the student's base, on this machine or at a provider."""
    if provider := provider_of(student):
        return Model(student.base, None, provider)
    base = TRAINERS[student.trainer].locate(spec.base)
    return Model(base.name, Path(base.place), "chat")


def student_model(student: Student) -> Model:
    """Return the model of a student, on this machine or at a provider."""
    if provider := provider_of(student):
        return Model(student.model, None, provider)
    return Model(f"student@{student.id}", student.weights, "chat")


def serve(
    model: Model, settings: ServerSettings, server: str = "vllm"
) -> AbstractContextManager[Endpoint]:
    """Return a context manager of a model's endpoint, on our own server or at its provider."""
    if model.is_local:
        return SERVERS[server].serve(model, settings)
    return choose(f"{model.api}:{model.name}").serve(settings)


def _student_requests(task: Task, model: Model, inputs: Sequence[str]) -> list[Request]:
    return [student_request(task, model, text) for text in inputs]
