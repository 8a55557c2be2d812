"""Runs that are killed in the write that ends a stage: real processes with scripted backends.

Kills amid training and evaluation, with real models, are in test_end_to_end.py.
"""

import signal

import pytest

from distill import pipeline
from distill.core.workspace import Workspace
from distill.store import open_store
from tests.conftest import WriteTask
from tests.support import forked
from tests.support.figures import figures, timeless
from tests.support.runs import finished
from tests.support.standin import StandIn


@pytest.mark.parametrize("stage", ["generate", "curate", "split", "report"])
def test_a_run_killed_in_the_write_of_a_stage_does_that_stage_again_and_ends_the_same(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    stage: str,
) -> None:
    pets()
    undisturbed = Workspace(workspace.prompts, workspace.runs.parent / "undisturbed")
    expected = figures(finished(undisturbed, "pets").context.folder)
    scripted_backends.asked.clear()
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    arguments = [scripted_backends.url, stage, *folders, "run", "pets"]
    assert forked.run("tests.support.scripted_run", arguments) == -signal.SIGKILL
    stages = list(pipeline.STAGES)
    with open_store(workspace.database("pets")) as store:
        (run,) = store.runs()
        assert list(store.finished_stages(run.id)) == stages[: stages.index(stage)]
    asked = scripted_backends.total
    outcome = pipeline.run(workspace, "pets")
    assert (outcome.run.id, list(outcome.stages_run)) == (run.id, stages[stages.index(stage) :])
    assert set(scripted_backends.asked.values()) == {1}, "a stored answer was asked for again"
    assert (scripted_backends.total > asked) == (stages.index(stage) < stages.index("evaluate"))
    assert timeless(figures(outcome.context.folder)) == timeless(expected)
