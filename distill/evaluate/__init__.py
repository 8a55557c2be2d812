"""The evaluation: systems × gold → predictions → scores, and the speed of systems on this machine.

Teacher, base, base with seeds in its prompt, and student answer the same gold rows through the same
client, each from its server. The cheap rivals answer in this process.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import exp

from distill.core.dataset import LabelledExample, SplitExample
from distill.core.errors import InputError
from distill.core.evaluation import LoadTestResult, Prediction, ProbeAnswer, Score, ServerStats
from distill.core.processes import memory_mib
from distill.core.processors import watched
from distill.core.purpose import EVALUATION, Purpose
from distill.core.requests import CompletedRequest, Endpoint, PlannedRequest, Request
from distill.core.students import Parity, Student
from distill.evaluate import encoder_rival, parity, regression_probes
from distill.evaluate.baselines import answers_of, rivals, speeds_of
from distill.evaluate.load import extents, measure
from distill.evaluate.pairwise_judge import wins
from distill.evaluate.parity import ReferenceAnswers
from distill.evaluate.scorers import scorer_of
from distill.evaluate.systems import (
    TEACHER_AGAIN,
    SystemGroup,
    gold_for,
    served_student,
    served_systems,
)
from distill.llm.complete import LazyEndpoint, complete_requests, lazy_endpoint
from distill.store import Store
from distill.task import Task
from distill.task.kinds.generate import Text
from distill.task.run_context import Context
from distill.task.spec import EvaluateSpec

AskServer = Callable[[str, Sequence[Request], Sequence[str]], list[CompletedRequest]]
PARITY, PROBE = "parity", "probes"
TOO_LONG = "context_length"  # finish reason of a prompt that exceeds the model's context


@dataclass(frozen=True, slots=True)
class _EvaluationRows:
    """The rows that an evaluation writes to the store."""

    predictions: list[Prediction] = field(default_factory=list)
    parities: list[Parity] = field(default_factory=list)
    probe_answers: list[ProbeAnswer] = field(default_factory=list)
    speeds: list[LoadTestResult] = field(default_factory=list)
    servers: list[ServerStats] = field(default_factory=list)


def evaluate(context: Context) -> Callable[[Store], None]:
    """Send gold to every system, and return the function that writes the results.

    The results are predictions, scores, parity, speeds, server statistics and answers to the
    probes. Raises DistillError if the served student does not match the trained one.
    """
    found = _EvaluationRows()
    with context.store() as store:
        student, split = store.student(context.run_id), store.split(context.run_id)
        assert student is not None, "train comes before evaluate"
        for served in served_systems(context, student):
            _ask(context, store, served, found)
    predictions, speeds = _free_rivals(context, split)
    found.predictions.extend(predictions)
    found.speeds.extend(speeds)
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


def _ask(context: Context, store: Store, served: SystemGroup, found: _EvaluationRows) -> None:
    """Measure a server's systems: the parity check first, then gold, probes and speed."""
    task, too_long = context.task, set[str]()
    with _asking(context, store, served) as (ask, endpoint):
        if served.trained:
            found.parities.append(_parity(task, served, served.trained, ask))
        for system, render in served.systems.items():
            gold = gold_for(system, task.gold)
            inputs = [row.input for row in gold]
            answered = ask(system, render(served.model, inputs), inputs)
            found.predictions.extend(_predictions(system, task, gold, answered))
            if any(row.completion.finish_reason == TOO_LONG for row in answered):
                too_long.add(system)
        if served.probed and task.spec.evaluate.side_effects:
            found.probe_answers.extend(_side_effects(task, served, ask, found.predictions))
        requests = task.spec.evaluate.speed_requests
        if requests and served.model.is_local:
            found.speeds.extend(_speeds(context, served, endpoint(), requests, without=too_long))
        if requests and served.model.is_local and "student" in served.systems:
            found.servers.extend(_servers(served, endpoint()))


@contextmanager
def _asking(
    context: Context, store: Store, served: SystemGroup
) -> Iterator[tuple[AskServer, LazyEndpoint]]:
    """Yield the function that sends requests to a server, and the server's endpoint.

    The function takes a system's name, the requests, and the input of each request.
    """
    with lazy_endpoint(
        served.model, served.open_endpoint, EVALUATION, context.progress
    ) as endpoint:

        def ask(
            system: str, requests: Sequence[Request], inputs: Sequence[str]
        ) -> list[CompletedRequest]:
            pairs = zip(inputs, requests, strict=True)
            purpose = Purpose.of_system(system)
            asks = [PlannedRequest(purpose, text, request) for text, request in pairs]
            return complete_requests(context, store, asks, endpoint, batches_at=served.called)

        yield ask, endpoint


def _side_effects(
    task: Task, served: SystemGroup, ask: AskServer, predictions: Sequence[Prediction]
) -> list[ProbeAnswer]:
    """Send the regression probes to a served system, and return the scored answers."""
    system = served.probed
    render = partial(served.systems[system], served.model)
    asked = regression_probes.probes(task, served.model, render)
    answered = ask(
        f"{PROBE}:{system}", [probe.request for probe in asked], [probe.text for probe in asked]
    )
    otherwise = {row.gold_id: row.answer for row in predictions if row.system == system}
    return [
        regression_probes.judged(system, probe, answer.completion, otherwise, task.form)
        for probe, answer in zip(asked, answered, strict=True)
    ]


def _servers(served: SystemGroup, endpoint: Endpoint) -> list[ServerStats]:
    """Return the start time (s) and memory (MiB) of our own server; [] for another server."""
    if endpoint.server is None:
        return []
    memory = memory_mib(endpoint.server.process)
    return [ServerStats(system, endpoint.server.seconds, memory) for system in served.systems]


def _speeds(
    context: Context,
    served: SystemGroup,
    endpoint: Endpoint,
    total: int,
    *,
    without: Collection[str] = (),
) -> list[LoadTestResult]:
    """Return the measured speeds of our own server's systems, except TEACHER_AGAIN.

    `without`: the systems whose prompts exceed the model's context, which have no speed.
    """
    inputs = [row.input for row in context.task.gold]
    loads = extents(endpoint.in_flight, total, alone="student" in served.systems)
    return [
        row
        for system, render in served.systems.items()
        if system not in (TEACHER_AGAIN, *without)
        for row in measure(
            *(system, endpoint, render(served.model, inputs), loads, context.progress)
        )
    ]


def _free_rivals(
    context: Context, split: Sequence[SplitExample]
) -> tuple[list[Prediction], list[LoadTestResult]]:
    """Return the predictions and the speeds of the rivals that answer in this process."""
    predictions: list[Prediction] = []
    weights = (
        encoder_rival.train_rival(context, split) if encoder_rival.is_trained(context) else None
    )
    with context.progress.step(EVALUATION, "free rivals"), watched() as watch:
        for system, (fit, rows) in rivals(context.task, split).items():
            predictions.extend(answers_of(system, fit, rows, context.task))
        if weights:
            predictions.extend(encoder_rival.answers(weights, context.task))
    return predictions, speeds_of(predictions, watch.others_cpu)


def time_again(context: Context) -> list[LoadTestResult]:
    """Measure, store and return the speed of every system that runs on this machine.

    No prediction is stored, and no provider is asked, so nothing is billed. Raises InputError if
    the run is not evaluated.
    """
    with context.store() as store:
        student, split = store.student(context.run_id), store.split(context.run_id)
        done = EVALUATION in store.finished_stages(context.run_id)
    if student is None or not done:
        lacks = "is not evaluated yet" if student else "has no student yet"
        raise InputError(
            f"run {context.run_id} {lacks}, so there is no speed to measure again: run "
            f"`distill evaluate {context.task.name}`, which measures all speeds"
        )
    found = []
    total = context.task.spec.evaluate.speed_requests or EvaluateSpec().speed_requests
    for served in served_systems(context, student):
        if not served.model.is_local:
            names = ", ".join(name for name in served.systems if name != TEACHER_AGAIN)
            context.progress.note(
                EVALUATION, f"speed not measured: {names} (not served by this tool)"
            )
            continue
        with lazy_endpoint(
            served.model, served.open_endpoint, EVALUATION, context.progress
        ) as endpoint:
            found.extend(_speeds(context, served, endpoint(), total))
    found.extend(_free_rivals(context, split)[1])
    with context.store() as store:
        store.add_speeds(context.run_id, found)
    return found


def _parity(task: Task, served: SystemGroup, trained: ReferenceAnswers, ask: AskServer) -> Parity:
    assert served.model.folder is not None, "what was trained here is served from a folder"
    inputs = [row.messages[-1].content for row in trained.rows]
    answered = ask(PARITY, parity.requests(trained, served.model), inputs)
    return parity.gate(trained, answered, served.model.folder, task.spec.evaluate.parity)


def student_predictions(
    context: Context, store: Store, student: Student, system: str
) -> list[Prediction]:
    """Return a student's answers on gold, as `system`. Stored answers are reused."""
    task, served = context.task, served_student(context, student, system)
    inputs = [row.input for row in task.gold]
    with _asking(context, store, served) as (ask, _):
        answered = ask(system, served.systems[system](served.model, inputs), inputs)
    return _predictions(system, task, task.gold, answered)


def _predictions(
    system: str, task: Task, asked: Sequence[LabelledExample], answered: Sequence[CompletedRequest]
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
    """Return the scores of each prediction, except a judge's scores."""
    expected, scorer = {row.id: row.answer for row in task.gold}, scorer_of(task.form)
    return [
        Score(row.system, row.gold_id, metric, value)
        for row in predictions
        for metric, value in scorer(expected[row.gold_id], row.answer, valid=row.valid).items()
    ]
