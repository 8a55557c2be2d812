"""`distill run --until`, and the commands that it replaces."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from distill.cli import cli
from distill.core.workspace import Workspace
from distill.store import open_store
from tests.conftest import WriteTask
from tests.support.command import invoke, json_rows
from tests.support.standin import StandIn

BEFORE_THE_REPORT = ["generate", "curate", "split", "train", "evaluate"]


def stages_run(workspace: Workspace, *arguments: str) -> list[str]:
    """The stages that a command finished."""
    result = invoke(workspace, *arguments, "--json")
    assert result.exit_code == 0, result.output
    stages: list[str] = json_rows(result.stdout, "run")[0]["stages"]
    return stages


def test_a_run_stops_after_a_stage_and_continues(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    assert stages_run(workspace, "run", "pets", "--until", "curate") == ["generate", "curate"]
    assert stages_run(workspace, "split", "pets") == ["split"], "an older name, the same run"
    assert stages_run(workspace, "run", "pets", "--until", "train") == ["train"]
    again = invoke(workspace, "run", "pets", "--until", "train")
    assert "is done up to train; nothing to do" in again.stdout
    assert stages_run(workspace, "run", "pets") == ["evaluate", "report"]
    with open_store(workspace.database("pets")) as store:
        assert len(store.runs()) == 1


def test_the_older_names_work_and_are_hidden() -> None:
    for stage in BEFORE_THE_REPORT:
        assert cli.commands[stage].hidden
        told = CliRunner().invoke(cli, [stage, "--help"])
        assert told.exit_code == 0
        assert f"distill run TASK --until {stage}" in " ".join(told.output.split())
    shown = CliRunner().invoke(cli, ["--help"]).output
    assert not [line for line in shown.splitlines() if line.split()[:1] == ["generate"]]
    assert "--timing" in CliRunner().invoke(cli, ["evaluate", "--help"]).output


def test_the_docs_name_the_older_names() -> None:
    docs = Path("docs/cli.md").read_text(encoding="utf-8")
    for stage in BEFORE_THE_REPORT:
        assert f"| `distill {stage} TASK` | `distill run TASK --until {stage}` |" in docs


def test_timing_still_measures_a_finished_run(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    invoke(workspace, "run", "pets")
    before = scripted_backends.total, len(scripted_backends.load)
    result = invoke(workspace, "evaluate", "pets", "--timing")
    assert result.exit_code == 0, result.output
    assert scripted_backends.total == before[0], "no gold is asked again"
    assert len(scripted_backends.load) > before[1]


@pytest.mark.parametrize("stage", ["generate", "curate", "split"])
def test_a_learning_curve_needs_a_student(
    workspace: Workspace, pets: WriteTask, stage: str
) -> None:
    pets()
    result = invoke(workspace, "run", "pets", "--until", stage, "--curve")
    assert result.exit_code == 2
    assert "--curve needs a student: choose --until train or later" in result.stderr
    assert not workspace.database("pets").exists()


def test_a_run_measures_its_learning_curve(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    result = invoke(workspace, "run", "pets", "--until", "train", "--curve", "--json")
    assert result.exit_code == 0, result.output
    assert json_rows(result.stdout, "run")[0]["learning_curve"]["points"]
