"""Systems × gold → predictions → scores.

Teacher, base, base with seeds in its prompt, and student answer the same gold through the same
client, each from behind its server; the rivals that cost next to nothing answer in this process.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import exp

from distill import parity, side_effects
from distill.answers import Text
from distill.asking import LazyEndpoint, ask_all, lazily
from distill.backends.child import memory_mib
from distill.pairwise import wins
from distill.parity import TrainedAnswers
from distill.records import (
    Answered,
    Ask,
    Endpoint,
    Labelled,
    Parity,
    Prediction,
    ProbeAnswer,
    Request,
    Score,
    ServerFigures,
    Speed,
    Student,
)
from distill.rivals import answers_of, rivals
from distill.scorers import scorer_of
from distill.served import Served, served_student, served_systems
from distill.speed import measure
from distill.store import Store
from distill.systems import MEASURED, gold_for
from distill.task import Task
from distill.workspace import Context

STAGE = MEASURED

AskServer = Callable[[str, Sequence[Request], Sequence[str]], list[Answered]]
PARITY, PROBE = "parity", "probes"


@dataclass(frozen=True, slots=True)
class _Found:
    """What an evaluation brings to light."""

    predictions: list[Prediction] = field(default_factory=list)
    parities: list[Parity] = field(default_factory=list)
    probe_answers: list[ProbeAnswer] = field(default_factory=list)
    speeds: list[Speed] = field(default_factory=list)
    servers: list[ServerFigures] = field(default_factory=list)


def evaluate(context: Context) -> Callable[[Store], None]:
    """Ask every system for every gold row; what is to be written are predictions, scores, the
    parity, how fast the student is served and what its training broke. Raises DistillError when the
    served student is not the trained one."""
    found = _Found()
    with context.store() as store:
        student, split = store.student(context.run_id), store.split(context.run_id)
        assert student is not None, "train comes before evaluate"
        for served in served_systems(context, student):
            _ask(context, store, served, found)
    with context.progress.step(STAGE, "free rivals"):
        for system, (fit, rows) in rivals(context.task, split).items():
            found.predictions.extend(answers_of(system, fit, rows, context.task))
    scores = score(context.task, found.predictions)
    if isinstance(context.task.form, Text):
        with context.store() as store:
            scores += wins(context, store, found.predictions)

    def write(store: Store) -> None:
        for row in found.parities:
            store.add_parity(context.run_id, row)
        store.add_speeds(context.run_id, found.speeds)
        store.add_servers(context.run_id, found.servers)
        store.add_probe_answers(context.run_id, found.probe_answers)
        store.add_predictions(context.run_id, found.predictions, scores)

    return write


def _ask(context: Context, store: Store, served: Served, found: _Found) -> None:
    """All that a server is asked; whether it serves the student comes first."""
    task = context.task
    with _asking(context, store, served) as (ask, endpoint):
        if served.trained:
            found.parities.append(_parity(task, served, served.trained, ask))
        for system, render in served.systems.items():
            gold = gold_for(system, task.gold)
            inputs = [row.input for row in gold]
            answered = ask(system, render(served.model, inputs), inputs)
            found.predictions.extend(_predictions(system, task, gold, answered))
        if served.probed and task.spec.evaluate.side_effects:
            found.probe_answers.extend(_side_effects(task, served, ask, found.predictions))
        if served.probed == "student" and task.spec.evaluate.speed_requests:
            found.speeds.extend(_speeds(context, served, endpoint()))
            found.servers.extend(_servers(served, endpoint()))


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


def _side_effects(
    task: Task, served: Served, ask: AskServer, predictions: Sequence[Prediction]
) -> list[ProbeAnswer]:
    """What a system that we serve answers to the probes."""
    system = served.probed
    render = partial(served.systems[system], served.model)
    asked = side_effects.probes(task, served.model, render)
    answered = ask(
        f"{PROBE}:{system}", [probe.request for probe in asked], [probe.text for probe in asked]
    )
    otherwise = {row.gold_id: row.answer for row in predictions if row.system == system}
    return [
        side_effects.judged(system, probe, answer.completion, otherwise, task.form)
        for probe, answer in zip(asked, answered, strict=True)
    ]


def _servers(served: Served, endpoint: Endpoint) -> list[ServerFigures]:
    """What the server that was started for a system took."""
    if endpoint.server is None:
        return []
    memory = memory_mib(endpoint.server.process)
    return [ServerFigures(system, endpoint.server.seconds, memory) for system in served.systems]


def _speeds(context: Context, served: Served, endpoint: Endpoint) -> list[Speed]:
    """How fast the student is served."""
    inputs = [row.input for row in context.task.gold]
    total = context.task.spec.evaluate.speed_requests
    return [
        row
        for system, render in served.systems.items()
        for row in measure(
            *(system, endpoint, render(served.model, inputs)),
            total=total,
            progress=context.progress,
        )
    ]


def _parity(task: Task, served: Served, trained: TrainedAnswers, ask: AskServer) -> Parity:
    assert served.model.folder is not None, "what was trained here is served from a folder"
    inputs = [row.messages[-1].content for row in trained.rows]
    answered = ask(PARITY, parity.requests(trained, served.model), inputs)
    return parity.gate(trained, answered, served.model.folder, task.spec.evaluate.parity)


def student_predictions(
    context: Context, store: Store, student: Student, system: str
) -> list[Prediction]:
    """A student's answers on gold, as a system of that name; what is answered is not asked."""
    task, served = context.task, served_student(context, student, system)
    inputs = [row.input for row in task.gold]
    with _asking(context, store, served) as (ask, _):
        answered = ask(system, served.systems[system](served.model, inputs), inputs)
    return _predictions(system, task, task.gold, answered)


def _predictions(
    system: str, task: Task, asked: Sequence[Labelled], answered: Sequence[Answered]
) -> list[Prediction]:
    predictions = []
    for gold, answer in zip(asked, answered, strict=True):
        completion = answer.completion
        text = task.form.of_text(completion.text)
        valid = completion.finish_reason == "stop" and task.form.is_valid(text)
        sure = None if completion.logprob is None else exp(completion.logprob)
        row = Prediction(
            system, gold.id, text, valid, completion.latency_s, completion.request_id, sure
        )
        predictions.append(row)
    return predictions


def score(task: Task, predictions: Sequence[Prediction]) -> list[Score]:
    """The scores of each prediction, without those that take a judge."""
    expected, scorer = {row.id: row.answer for row in task.gold}, scorer_of(task.form)
    return [
        Score(row.system, row.gold_id, metric, value)
        for row in predictions
        for metric, value in scorer(expected[row.gold_id], row.answer, valid=row.valid).items()
    ]
