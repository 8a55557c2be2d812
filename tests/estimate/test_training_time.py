"""What the plan says of the time that a training here takes."""

import pytest
from click.testing import CliRunner

from distill.cli import cli
from distill.core.workspace import Workspace
from distill.estimate.probe import estimate_run
from distill.estimate.training_time import EMBEDDED_SECONDS_PER_1K, training_time
from distill.store import open_store
from tests.conftest import WriteTask
from tests.support.command import json_rows
from tests.support.runs import finished
from tests.support.standin import StandIn


def test_before_the_first_run_it_is_what_was_seen_once(pets: WriteTask) -> None:
    task = pets()
    found = training_time(task, 100, None)
    assert found is not None
    # 90 of the 100 train, beside twice 12 seeds and a fifth of the 102 again, in three epochs.
    assert (found.rows, found.seconds_per_1k) == (404, EMBEDDED_SECONDS_PER_1K)
    assert found.seconds == pytest.approx(0.404 * EMBEDDED_SECONDS_PER_1K)
    assert "measured on two cores" in found.words and "404 rows" in found.words


def test_of_another_base_and_of_a_provider_nothing_is_said(pets: WriteTask) -> None:
    text = (pets().folder / "task.toml").read_text(encoding="utf-8")
    for student in ('base = "owner/model"', 'trainer = "openai"'):
        task = pets(task_toml=f"{text}[student]\n{student}\n")
        assert training_time(task, 100, None) is None


def test_after_a_run_it_is_as_in_that_run(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    task = pets()
    outcome = finished(workspace, "pets")
    with open_store(workspace.database("pets")) as store:
        student = store.student(outcome.run.id)
        found = training_time(task, 100, store)
    assert student is not None and found is not None
    # The scripted trainer tells of two steps; the recipe's batch is four.
    assert found.seconds_per_1k == pytest.approx(1000 * student.train_seconds / 8)
    assert outcome.run.id in found.words
    assert estimate_run(workspace, "pets").training is None, "it is over"


def test_the_plan_tells_it_in_both_forms(workspace: Workspace, pets: WriteTask) -> None:
    text = (pets().folder / "task.toml").read_text(encoding="utf-8")
    pets(task_toml=text.replace("[teacher]\n", '[teacher]\nmodel = "embedded"\n'))
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    shown = CliRunner().invoke(cli, [*folders, "plan", "pets"])
    assert "s per 1,000 (measured on two cores" in shown.output
    as_json = CliRunner().invoke(cli, [*folders, "plan", "pets", "--json"])
    [found] = json_rows(as_json.stdout, "plan")
    training = found["training"]
    assert training["seconds"] == round(training["rows"] * EMBEDDED_SECONDS_PER_1K / 1000)
