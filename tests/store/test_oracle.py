"""Stores that commit c2e9cbf wrote: later code opens them, goes on with them and asks nothing anew.

`tests/oracle/<run>.tar.xz` holds `prompts/`, `runs/` and `oracle.json` (request ids, task hash,
hashes of the task's parts) of one scripted run. `half` ends after its split; `paid` asked the
stand-in of OpenAI.
"""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from distill import pipeline
from distill.core.workspace import Workspace
from distill.store import open_store
from distill.task.loading import load_task
from tests.support.standin import StandIn

ORACLE = Path(__file__).parents[1] / "oracle"
TASKS = {
    "classify": "pets",
    "half": "pets",
    "paid": "pets",
    "extract": "bookings",
    "generate": "counts",
}
FINISHED = ("classify", "extract", "generate", "paid")


def unpacked(kind: str, folder: Path) -> tuple[Workspace, dict[str, Any]]:
    """The old workspace, and its request ids and hashes."""
    with tarfile.open(ORACLE / f"{kind}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    oracle: dict[str, Any] = json.loads((folder / "oracle.json").read_text(encoding="utf-8"))
    return Workspace(folder / "prompts", folder / "runs"), oracle


def request_ids(workspace: Workspace, task: str) -> set[str]:
    with open_store(workspace.database(task)) as store:
        return {id_ for (id_,) in store.rows("SELECT id FROM request")}


@pytest.mark.parametrize("kind", TASKS)
def test_hashes_of_a_task_stay(kind: str, tmp_path: Path) -> None:
    workspace, oracle = unpacked(kind, tmp_path)
    task = load_task(workspace.prompts, TASKS[kind])
    ((_, task_hash, parts),) = oracle["runs"]
    assert dict(task.parts) == parts
    assert task.hash == task_hash


@pytest.mark.parametrize("kind", FINISHED)
def test_a_finished_run_is_gone_on_with(
    kind: str, tmp_path: Path, scripted_backends: StandIn
) -> None:
    workspace, oracle = unpacked(kind, tmp_path)
    outcome = pipeline.run(workspace, TASKS[kind])
    assert outcome.run.id == oracle["runs"][0][0]
    assert set(outcome.stages_run) <= {"report"}
    pipeline.report_now(workspace, TASKS[kind])
    assert scripted_backends.total == 0
    assert request_ids(workspace, TASKS[kind]) == set(oracle["requests"])
    report = json.loads((outcome.context.folder / "report.json").read_text(encoding="utf-8"))
    assert report["run"] == outcome.run.id


@pytest.fixture
def no_injections(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorded students learnt no injected rows; other rows make another student."""
    monkeypatch.setattr("distill.train.with_injections", lambda task, split: [])


@pytest.mark.usefixtures("all_probes", "no_injections")
def test_a_half_done_run_is_finished(tmp_path: Path, scripted_backends: StandIn) -> None:
    workspace, oracle = unpacked("half", tmp_path / "half")
    _, whole = unpacked("classify", tmp_path / "whole")
    outcome = pipeline.run(workspace, "pets")
    assert outcome.run.id == oracle["runs"][0][0]
    assert outcome.stages_run == ("train", "evaluate", "report")
    assert request_ids(workspace, "pets") == set(whole["requests"])


@pytest.mark.usefixtures("all_probes", "no_injections")
@pytest.mark.parametrize("kind", ("classify", "extract", "generate"))
def test_a_new_run_asks_the_same_requests(
    kind: str, tmp_path: Path, scripted_backends: StandIn
) -> None:
    old, oracle = unpacked(kind, tmp_path)
    workspace = Workspace(old.prompts, tmp_path / "new")
    pipeline.run(workspace, TASKS[kind])
    assert request_ids(workspace, TASKS[kind]) == set(oracle["requests"])
