"""Runs that are written into a store with chosen answers, for what only a report's figures show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from distill.core.evaluation import Prediction, Score
from distill.core.progress import Progress
from distill.core.purpose import Purpose
from distill.core.requests import (
    Completion,
    Message,
    PlannedRequest,
    Price,
    Request,
    Sampling,
    Usage,
)
from distill.core.students import Student
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions, begin
from distill.pricing.token_prices import MachinePrice, token_price
from distill.store import Store, open_store
from distill.task import Task
from distill.task.run_context import Context

IN_FLIGHT = 8
WRONG = {"cats": "dogs", "dogs": "birds", "birds": "cats"}


@dataclass(frozen=True)
class Answers:
    """A system's answers to the gold: right or not, row by row; what each is billed as, None for
    `seconds` of our machine; how sure it is; its text where that is not the label."""

    right: Sequence[bool]
    usage: Usage | None = None
    seconds: float = 3.6
    sure: Sequence[float] = ()
    text: str = ""


def record(workspace: Workspace, task: Task, systems: Mapping[str, Answers]) -> Context:
    """A run whose training took half an hour, and whose systems answered so."""
    run, task = begin(workspace, task, RunOptions())
    folder, database = workspace.run_folder(task.name, run.id), workspace.database(task.name)
    (folder / "student").mkdir(parents=True)
    made = Student("s", "base", "unsloth", {"epochs": 2}, "h", Path("student"), 1800.0, 1000)
    with open_store(database) as store:
        store.add_student(run.id, made)
        store.add_split(run.id, [])
        for name, answers in systems.items():
            _record(store, run.id, task, name, answers)
    progress = Progress(folder / "events.jsonl", lambda line: None)
    return Context(task, run.id, folder, database, progress)


def _record(store: Store, run: str, task: Task, name: str, answers: Answers) -> None:
    named = task.named_models.get(name, "").removeprefix("openai:")
    price: Price = MachinePrice(task.spec.machine.usd_per_hour, IN_FLIGHT)
    if answers.usage is not None:
        price = token_price("openai", named, task.rates)
    usage, now = answers.usage or Usage(50, 3), datetime.now(UTC)
    asks, completions, predictions, scores = [], [], [], []
    for place, (row, right) in enumerate(zip(task.gold, answers.right, strict=True)):
        said = row.answer if right else WRONG[row.answer]
        request = Request(named or name, (Message("user", f"{name} {place}"),), Sampling(9))
        at = now + (place // IN_FLIGHT) * timedelta(seconds=answers.seconds)
        sure = answers.sure[place] if answers.sure else None
        asks.append(PlannedRequest(Purpose.of_system(name), row.id, request))
        completions.append(
            Completion(
                *(request.id, answers.text or said, "stop", usage.prompt, usage.completion),
                *(price.usd(usage, answers.seconds), answers.seconds, at, usage.cached),
            )
        )
        predictions.append(Prediction(name, row.id, said, True, answers.seconds, request.id, sure))
        scores.append(Score(name, row.id, "accuracy", float(right)))
    store.add_asks(run, asks)
    store.add_completions(completions)
    store.add_predictions(run, predictions, scores)
