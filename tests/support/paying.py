"""Runs whose user agrees to their bills: a library call that does not say so may spend nothing."""

from dataclasses import replace

from distill import pipeline
from distill.core.workspace import Workspace
from distill.estimate.consent import WHOLE_BUDGET
from distill.estimate.run_start import DEFAULT_OPTIONS, RunOptions
from distill.pipeline import RunResult


def paid_run(workspace: Workspace, name: str, way: RunOptions = DEFAULT_OPTIONS) -> RunResult:
    """Run a task with a consent to all that its budget carries."""
    return pipeline.run(workspace, name, replace(way, consent=WHOLE_BUDGET))
