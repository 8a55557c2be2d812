"""Systems × gold → predictions → scores.

Teacher, base, base with seeds in its prompt, and student answer the same gold through the same
client, each from behind its server; the rivals that cost next to nothing answer in this process.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from distill.asking import OpenEndpoint, ask_all, lazily
from distill.backends.apis.wire import label_of
from distill.backends.linear import Classifier, fit_embeddings, fit_tfidf
from distill.backends.servers import SERVERS, ServerSettings
from distill.backends.teachers import choose
from distill.backends.weights import embedded_or_folder
from distill.prompting import answer_requests, label_request, student_messages
from distill.records import (
    Answered,
    Ask,
    Labelled,
    Model,
    Prediction,
    Request,
    Score,
    SplitRow,
    Student,
)
from distill.scorers import accuracy
from distill.store import Store
from distill.systems import METRIC
from distill.task import Task
from distill.workspace import Context

STAGE = "evaluate"

Fit = Callable[[Sequence[str], Sequence[str]], Classifier]
Render = Callable[[Model, Sequence[str]], list[Request]]


@dataclass(frozen=True, slots=True)
class Served:
    """Systems behind one server: the model, how it is started, and each system's requests."""

    model: Model
    open_endpoint: OpenEndpoint
    systems: dict[str, Render]


def evaluate(context: Context) -> Callable[[Store], None]:
    """Ask every system for every gold row; what is to be written are predictions and scores."""
    predictions: list[Prediction] = []
    with context.store() as store:
        student, split = store.student(context.run_id), store.split(context.run_id)
        assert student is not None, "train comes before evaluate"
        for served in served_systems(context, student):
            predictions += _ask(context, store, served)
    with context.progress.step(STAGE, "linear rivals"):
        for system, (fit, rows) in rivals(context.task, split).items():
            predictions += _linear(system, fit, rows, context.task.gold)
    scores = score(context.task, predictions)
    return lambda store: store.add_predictions(context.run_id, predictions, scores)


def _ask(context: Context, store: Store, served: Served) -> Iterator[Prediction]:
    inputs = [row.input for row in context.task.gold]
    with lazily(served.model, served.open_endpoint, STAGE, context.progress) as endpoint:
        for system, render in served.systems.items():
            requests = zip(inputs, render(served.model, inputs), strict=True)
            asks = [Ask(f"{STAGE}:{system}", text, request) for text, request in requests]
            answered = ask_all(context, store, asks, endpoint)
            yield from _predictions(system, context.task, answered)


def served_systems(context: Context, student: Student) -> list[Served]:
    """The systems that are models, grouped by the server they share."""
    task, spec = context.task, context.task.spec
    vllm = SERVERS["vllm"]
    teacher = choose(spec.teacher.model)
    base_name, base_folder = embedded_or_folder(spec.student.base)
    base = Model(base_name, base_folder, "chat")
    tuned = Model(f"student@{student.id}", student.folder / "merged", "chat")
    few_shot = partial(answer_requests, task, shots=spec.teacher.few_shot)

    def settings(name: str) -> ServerSettings:
        return ServerSettings(
            in_flight=spec.evaluate.in_flight,
            usd_per_hour=spec.machine.usd_per_hour,
            log=context.log(f"{STAGE}-{name}"),
            rates=task.rates,
        )

    return [
        Served(
            teacher.model,
            lambda: teacher.serve(settings("teacher")),
            {"teacher": few_shot},
        ),
        Served(
            base,
            lambda: vllm.serve(base, settings("base")),
            {"base": partial(answer_requests, task, shots=0), "base_few_shot": few_shot},
        ),
        Served(
            tuned,
            lambda: vllm.serve(tuned, settings("student")),
            {"student": partial(_student_requests, task)},
        ),
    ]


def _student_requests(task: Task, model: Model, inputs: Sequence[str]) -> list[Request]:
    return [label_request(task, model, student_messages(task, text)) for text in inputs]


def _predictions(system: str, task: Task, answered: Sequence[Answered]) -> list[Prediction]:
    predictions = []
    for gold, answer in zip(task.gold, answered, strict=True):
        completion = answer.completion
        text = label_of(completion.text)
        valid = completion.finish_reason == "stop" and text in task.labels
        predictions.append(
            Prediction(system, gold.id, text, valid, completion.latency_s, completion.request_id)
        )
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
