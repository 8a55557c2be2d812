"""Leave out of whole runs what takes longest and what few tests look at."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest

from distill import evaluate
from distill.core.evaluation import LoadTestResult
from distill.core.progress import Progress
from distill.core.requests import Endpoint, Request
from distill.evaluate.load import measure
from distill.llm.load_test import Extent
from distill.report import charts, render

LOAD_REQUESTS = 9  # one more than are in flight

environment = cache(render._environment)


def compile_templates_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all reports of a worker share the compiled templates."""
    monkeypatch.setattr(render, "_environment", environment)


def draw_no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write report pages without charts, which take a second of processor time."""
    monkeypatch.setattr(charts, "charts", lambda figures: {})


def load_lightly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure a student's speed with few requests."""

    def few(
        system: str,
        endpoint: Endpoint,
        requests: Sequence[Request],
        loads: Sequence[Extent],
        progress: Progress,
    ) -> list[LoadTestResult]:
        fewer = [
            replace(load, most=min(load.most, LOAD_REQUESTS), least=min(load.least, LOAD_REQUESTS))
            for load in loads
        ]
        return measure(system, endpoint, requests, fewer, progress)

    monkeypatch.setattr(evaluate, "measure", few)
