"""Runs that are killed in the write that ends a stage: real processes with scripted backends.

Kills amid training and evaluation, with real models, are in test_end_to_end.py.
"""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distill import pipeline
from distill.core.workspace import Workspace
from distill.store import open_store
from tests.conftest import WriteTask
from tests.support.standin import StandIn
from tests.test_pipeline import figures, timeless

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def expected() -> list[Any]:
    """The report of a run that nothing happened to, once a test has made it."""
    return []


@pytest.mark.parametrize("stage", ["generate", "curate", "split", "report"])
def test_a_run_killed_in_the_write_of_a_stage_does_that_stage_again_and_ends_the_same(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    expected: list[Any],
    stage: str,
) -> None:
    pets()
    if not expected:
        undisturbed = Workspace(workspace.prompts, workspace.runs.parent / "undisturbed")
        expected.append(timeless(figures(pipeline.run(undisturbed, "pets").context.folder)))
        scripted_backends.asked.clear()
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    command = [sys.executable, "-m", "tests.support.scripted_run", scripted_backends.url, stage]
    killed = subprocess.run([*command, *folders, "run", "pets"], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    stages = list(pipeline.STAGES)
    with open_store(workspace.database("pets")) as store:
        (run,) = store.runs()
        assert list(store.finished_stages(run.id)) == stages[: stages.index(stage)]
    asked = scripted_backends.total
    outcome = pipeline.run(workspace, "pets")
    assert (outcome.run.id, list(outcome.stages_run)) == (run.id, stages[stages.index(stage) :])
    assert set(scripted_backends.asked.values()) == {1}, "a stored answer was asked for again"
    assert (scripted_backends.total > asked) == (stages.index(stage) < stages.index("evaluate"))
    assert timeless(figures(outcome.context.folder)) == expected[0]
