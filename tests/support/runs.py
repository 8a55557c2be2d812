"""Make whole runs quick: leave out what takes longest and few tests look at, fit a rival once for
all runs with the same rows, and make a run once for all tests that only read it."""

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import pytest

from distill import evaluate, pipeline, report
from distill.core.evaluation import LoadTestResult
from distill.core.progress import Progress
from distill.core.requests import Endpoint, Request
from distill.core.workspace import EVENTS, Workspace
from distill.curate import classifier_check
from distill.estimate.run_start import DEFAULT_OPTIONS, RunOptions
from distill.evaluate import baselines, regression_probes
from distill.evaluate.baselines import Fit
from distill.evaluate.load import measure
from distill.llm.load_test import Extent
from distill.pipeline import RunResult
from distill.report import charts, render
from distill.report.schema import read_report
from distill.store import open_store
from distill.task.run_context import Context
from distill.text import classifiers, embeddings
from distill.text.classifiers import Classifier
from distill.text.field_tagger import fit_tagger
from distill.train.trainers import TRAINERS
from tests.support.open_store import close_stores

LOAD_REQUESTS = 9  # one more than are in flight
CARRIED = 3  # gold rows that get an instruction
EVERY = 8  # of the probes of a group, from the first one on
LEARNED_FROM = 64  # sets of rows that fitted rivals are kept of

environment = cache(render._environment)
whole_group = regression_probes._rows


def compile_templates_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all reports of a worker share the compiled templates."""
    monkeypatch.setattr(render, "_environment", environment)


def no_charts(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The charts of a page without any."""
    return {}


def draw_no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write report pages without charts, which take a second of processor time."""
    monkeypatch.setattr(charts, "charts", no_charts)


def measure_few(
    system: str,
    endpoint: Endpoint,
    requests: Sequence[Request],
    loads: Sequence[Extent],
    progress: Progress,
) -> list[LoadTestResult]:
    """Measure a system's speed with few requests."""
    fewer = [
        replace(load, most=min(load.most, LOAD_REQUESTS), least=min(load.least, LOAD_REQUESTS))
        for load in loads
    ]
    return measure(system, endpoint, requests, fewer, progress)


def check_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check every report.json against its schema as soon as it is written."""
    write = vars(report)["_write"]

    def write_and_check(
        context: Context, figures: Mapping[str, Any], others: Mapping[str, str]
    ) -> None:
        write(context, figures, others)
        read_report((context.folder / "report.json").read_text(encoding="utf-8"))

    monkeypatch.setattr(report, "_write", write_and_check)


def load_lightly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure every system's speed with few requests."""
    monkeypatch.setattr(evaluate, "measure", measure_few)


def few_of_group(group: str) -> tuple[dict[str, str], ...]:
    """Some probes of a group."""
    return whole_group(group)[::EVERY]


def probe_lightly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask few of the probes for side effects, which are half of a small run's requests."""
    monkeypatch.setattr(regression_probes, "_rows", few_of_group)
    monkeypatch.setattr(regression_probes, "CARRIED", CARRIED)


@lru_cache(maxsize=LEARNED_FROM)
def fitted(fit: Fit, embedder: object, texts: Sequence[str], answers: Sequence[str]) -> Classifier:
    """What is fitted on the rows, with this model of embeddings."""
    return fit(texts, answers)


def fit_tfidf(texts: Sequence[str], labels: Sequence[str]) -> Classifier:
    """`classifiers.fit_tfidf`, once for all runs with the same rows."""
    return fitted(classifiers.fit_tfidf, None, tuple(texts), tuple(labels))


def fit_embeddings(texts: Sequence[str], labels: Sequence[str], embedding_model: str) -> Classifier:
    """`classifiers.fit_embeddings`, once for all runs with the same rows."""
    fit = fit_with(embedding_model)
    return fitted(fit, embeddings._model, tuple(texts), tuple(labels))


@cache
def fit_with(embedding_model: str) -> Fit:
    """The fit with an embedding model, the same object in every call."""
    return partial(classifiers.fit_embeddings, embedding_model=embedding_model)


def fit_tagger_once(texts: Sequence[str], answers: Sequence[str]) -> Classifier:
    """`tagger.fit_tagger`, once for all runs with the same rows."""
    return fitted(fit_tagger, None, tuple(texts), tuple(answers))


def fit_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all runs of a worker that have the same rows share the rivals fitted on them."""
    monkeypatch.setattr(baselines, "fit_tfidf", fit_tfidf)
    monkeypatch.setattr(baselines, "fit_embeddings", fit_embeddings)
    monkeypatch.setattr(baselines, "fit_tagger", fit_tagger_once)
    monkeypatch.setattr(classifier_check, "fit_embeddings", fit_embeddings)


def finished(workspace: Workspace, name: str, way: RunOptions = DEFAULT_OPTIONS) -> RunResult:
    """Finish a run of a task, or a part of one, in an empty workspace, with the scripted backends
    as they are. A worker runs a task with the same files once, and every test gets a copy.

    For tests that only read the result: what asserts resume, refusal or an edit runs itself.
    """
    folder = workspace.prompts / name
    files = tuple(sorted((path.name, path.read_bytes()) for path in folder.iterdir()))
    parts = (
        charts.charts,
        vars(evaluate)["measure"],
        regression_probes._rows,
        type(TRAINERS["unsloth"]),
    )
    made = _made(workspace.prompts, name, way, (files, parts))
    source, run = made.context.database.parent, made.run.id
    shutil.copytree(source, workspace.task_folder(name), symlinks=True)
    context = replace(
        made.context,
        task=replace(made.context.task, folder=folder),
        folder=workspace.run_folder(name, run),
        database=workspace.database(name),
        progress=Progress(workspace.run_folder(name, run) / EVENTS, lambda line: None),
    )
    with open_store(context.database) as store:
        for table in ("student", "curve_student"):
            store.rows(
                f"UPDATE {table} SET folder = replace(folder, ?, ?)",
                *(str(source.resolve()), str(workspace.task_folder(name).resolve())),
            )
    return replace(made, context=context)


_outcomes: dict[object, RunResult] = {}


def _made(prompts: Path, name: str, way: RunOptions, key: object) -> RunResult:
    """The run of a task that a worker keeps, made when it is asked for first."""
    known = (name, way, key)
    if known not in _outcomes:
        runs = Path(tempfile.mkdtemp(prefix="finished-runs-"))
        atexit.register(shutil.rmtree, runs, ignore_errors=True)
        _outcomes[known] = pipeline.run(Workspace(prompts, runs), name, way)
        close_stores()  # so that its file is whole when it is copied
    return _outcomes[known]
