"""Systems × gold → predictions → scores.

Teacher, base, base with seeds in its prompt, and student answer the same gold through the same
client, each from behind its server; the rivals that cost next to nothing answer in this process.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from math import exp
from pathlib import Path
from time import perf_counter

from distill import parity
from distill.asking import LazyEndpoint, OpenEndpoint, ask_all, lazily
from distill.backends.apis.wire import label_of
from distill.backends.linear import Classifier, fit_embeddings, fit_tfidf
from distill.backends.servers import MODEL_TOKENS, SERVERS, ServerSettings
from distill.backends.teachers import choose
from distill.backends.trainers import TRAINERS
from distill.parity import TrainedAnswers
from distill.prompting import answer_requests, served_tokens, student_request
from distill.records import (
    Answered,
    Ask,
    Endpoint,
    Labelled,
    Model,
    Parity,
    Prediction,
    Request,
    Score,
    Speed,
    SplitRow,
    Student,
)
from distill.scorers import accuracy
from distill.speed import measure
from distill.store import Store
from distill.systems import METRIC, TEACHER_AGAIN
from distill.task import StudentSpec, Task
from distill.workspace import Context

STAGE = "evaluate"

Fit = Callable[[Sequence[str], Sequence[str]], Classifier]
Render = Callable[[Model, Sequence[str]], Sequence[Request]]
AskServer = Callable[[str, Sequence[Request], Sequence[str]], list[Answered]]
PARITY = "parity"


@dataclass(frozen=True, slots=True)
class Served:
    """Systems behind one server: the model, how it is started, and each system's requests; for the
    student what its trainer's model answered; `called`, as `teacher.model` names one, whose batches
    of other runs may hold answers to the same requests."""

    model: Model
    open_endpoint: OpenEndpoint
    systems: Mapping[str, Render]
    trained: TrainedAnswers | None = None
    called: str = ""


def evaluate(context: Context) -> Callable[[Store], None]:
    """Ask every system for every gold row; what is to be written are predictions, scores, the
    parity and how fast the student is served. Raises DistillError when the served student is not
    the trained one."""
    inputs = _inputs(context.task)
    predictions: list[Prediction] = []
    parities: list[Parity] = []
    speeds: list[Speed] = []
    with context.store() as store:
        student, split = store.student(context.run_id), store.split(context.run_id)
        assert student is not None, "train comes before evaluate"
        for served in served_systems(context, student):
            with _asking(context, store, served) as (ask, endpoint):
                if served.trained:
                    parities.append(_parity(context.task, served, served.trained, ask))
                for system, render in served.systems.items():
                    answered = ask(system, render(served.model, inputs), inputs)
                    predictions += _predictions(system, context.task, answered)
                if served.trained:
                    speeds += _speeds(context, served, endpoint, inputs)
    with context.progress.step(STAGE, "linear rivals"):
        for system, (fit, rows) in rivals(context.task, split).items():
            predictions += _linear(system, fit, rows, context.task.gold)
    scores = score(context.task, predictions)

    def write(store: Store) -> None:
        for found in parities:
            store.add_parity(context.run_id, found)
        store.add_speeds(context.run_id, speeds)
        store.add_predictions(context.run_id, predictions, scores)

    return write


@contextmanager
def _asking(
    context: Context, store: Store, served: Served
) -> Iterator[tuple[AskServer, LazyEndpoint]]:
    """How a server's systems are asked (their name, the requests and the inputs these are about),
    and the server itself."""
    with lazily(served.model, served.open_endpoint, STAGE, context.progress) as endpoint:

        def ask(system: str, requests: Sequence[Request], inputs: Sequence[str]) -> list[Answered]:
            pairs = zip(inputs, requests, strict=True)
            asks = [Ask(f"{STAGE}:{system}", text, request) for text, request in pairs]
            return ask_all(context, store, asks, endpoint, batches_at=served.called)

        yield ask, endpoint


def _speeds(
    context: Context, served: Served, endpoint: LazyEndpoint, inputs: Sequence[str]
) -> list[Speed]:
    """How fast the student is served; nothing where the task does not want to know."""
    total = context.task.spec.evaluate.speed_requests
    return [
        row
        for system, render in served.systems.items()
        if total
        for row in measure(
            *(system, endpoint(), render(served.model, inputs)),
            total=total,
            progress=context.progress,
        )
    ]


def _parity(task: Task, served: Served, trained: TrainedAnswers, ask: AskServer) -> Parity:
    assert served.model.folder is not None, "what was trained here is served from a folder"
    inputs = [row.messages[-1].content for row in trained.rows]
    answered = ask(PARITY, parity.requests(trained, served.model), inputs)
    return parity.gate(trained, answered, served.model.folder, task.spec.evaluate.parity)


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
    )


def student_predictions(
    context: Context, store: Store, student: Student, system: str
) -> list[Prediction]:
    """A student's answers on gold, as a system of that name; what is answered is not asked."""
    served, inputs = served_student(context, student, system), _inputs(context.task)
    with _asking(context, store, served) as (ask, _):
        answered = ask(system, served.systems[system](served.model, inputs), inputs)
    return _predictions(system, context.task, answered)


def _inputs(task: Task) -> list[str]:
    return [row.input for row in task.gold]


def _settings(context: Context, name: str, *, tokens: int | None = None) -> ServerSettings:
    spec = context.task.spec
    return ServerSettings(
        in_flight=spec.evaluate.in_flight,
        usd_per_hour=spec.machine.usd_per_hour,
        log=context.log(f"{STAGE}-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}"),
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


def _predictions(system: str, task: Task, answered: Sequence[Answered]) -> list[Prediction]:
    predictions = []
    for gold, answer in zip(task.gold, answered, strict=True):
        completion = answer.completion
        text = label_of(completion.text)
        valid = completion.finish_reason == "stop" and text in task.labels
        sure = None if completion.logprob is None else exp(completion.logprob)
        row = Prediction(
            system, gold.id, text, valid, completion.latency_s, completion.request_id, sure
        )
        predictions.append(row)
    return predictions


def rivals(task: Task, split: Sequence[SplitRow]) -> dict[str, tuple[Fit, list[tuple[str, str]]]]:
    """Name → how it is fitted and on which (input, label) rows: the seeds alone, and exactly what
    the student was trained on."""
    seeds = [(seed.input, seed.label) for seed in task.seeds]
    trained = [
        (row.example.input, row.example.answer)
        for row in split
        if row.part == "train"
        for _ in range(row.repeats)
    ]
    found = {
        "linear_seeds": (fit_tfidf, seeds),
        "linear": (fit_tfidf, trained),
        "embeddings_seeds": (fit_embeddings, seeds),
        "embeddings": (fit_embeddings, trained),
    }
    # The gate can leave too little to tell labels apart.
    return {
        name: (fit, rows)
        for name, (fit, rows) in found.items()
        if len({label for _, label in rows}) > 1
    }


def _linear(
    system: str, fit: Fit, rows: Sequence[tuple[str, str]], gold: Sequence[Labelled]
) -> list[Prediction]:
    classifier = fit([text for text, _ in rows], [label for _, label in rows])
    classifier.predict([gold[0].input])
    predictions = []
    for row in gold:
        began = perf_counter()
        answer = str(classifier.predict([row.input])[0])
        predictions.append(Prediction(system, row.id, answer, True, perf_counter() - began))
    return predictions


def score(task: Task, predictions: Sequence[Prediction]) -> list[Score]:
    """The score of each prediction."""
    expected = {row.id: row.label for row in task.gold}
    return [
        Score(
            row.system,
            row.gold_id,
            METRIC,
            accuracy(expected[row.gold_id], row.answer, valid=row.valid),
        )
        for row in predictions
    ]
