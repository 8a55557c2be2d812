"""Runs of a task side by side."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from distill import pipeline
from distill.cli import cli
from distill.core.errors import InputError
from distill.core.evaluation import Score
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.report.compare_runs import ComparedRun, compare, yardstick
from distill.store import Run, open_store
from distill.store.tables import now
from distill.task import Task
from tests.conftest import WriteTask, jsonl, pet_rows, write_pets
from tests.support.command import json_rows
from tests.support.runs import finished
from tests.support.standin import StandIn


def write_run(
    workspace: Workspace, task: Task, name: str, right: list[float], **recipe: Any
) -> None:
    """A run as far as a comparison sees it: the student's scores, and its report."""
    with open_store(workspace.database("pets")) as store:
        store.add_run(Run(name, "h", {}, "because", now(), "embedded"), {})
        rows = zip(task.gold, right, strict=False)
        scores = [Score("student", gold.id, "accuracy", value) for gold, value in rows]
        store.add_predictions(name, [], scores)
    figures = {
        "data": {"train": 10},
        "teacher": {"model": "t"},
        "student": {"base": "b", "recipe": {"epochs": 2} | recipe, "data_hash": "d"},
        "verdict": {"result": "inconclusive"},
        "spend": {"total_usd": "1.5"},
        "systems": [{"name": "student", "usd_per_1k_requests": "0.2"}],
    }
    folder = workspace.run_folder("pets", name)
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(figures), encoding="utf-8")


def told(workspace: Workspace, *words: str) -> Result:
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    return CliRunner().invoke(cli, [*folders, "compare", "pets", *words])


def test_a_regression_is_named_and_so_is_what_changed(
    workspace: Workspace, pets: WriteTask
) -> None:
    task = pets()
    write_run(workspace, task, "good", [1.0] * 15)
    write_run(workspace, task, "bad", [1.0] * 3 + [0.0] * 12, epochs=1)
    write_run(workspace, task, "close", [1.0] * 14 + [0.0])
    bad, close = compare(workspace, "pets", ["good", "bad", "close"])[1:]
    assert (bad["result"], close["result"]) == ("regression", "not told apart")
    assert bad["difference"] == pytest.approx(-0.8) and bad["high"] < 0
    assert (bad["changed"], close["changed"]) == (["epochs 2 → 1"], [])
    (back,) = compare(workspace, "pets", ["bad", "good"])[1:]
    assert back["result"] == "progress" and back["low"] == pytest.approx(-bad["high"], abs=1e-9)
    shown = told(workspace, "good", "bad").output.splitlines()
    assert shown[0].startswith("pets/good  right 100.0% (")
    assert "  regression: -80.0 points (" in shown[4] and shown[5].endswith("epochs 2 → 1")
    assert (
        json_rows(told(workspace, "good", "bad", "--json").output, "comparison")[1]["shared_gold"]
        == 15
    )


def test_only_gold_that_both_were_asked_is_compared(workspace: Workspace, pets: WriteTask) -> None:
    task = pets()
    write_run(workspace, task, "all", [1.0] * 15)
    write_run(workspace, task, "some", [1.0] * 6)
    assert compare(workspace, "pets", ["all", "some"])[1]["shared_gold"] == 6
    moved = [f'{{"input": "cat {n}", "label": "cats"}}\n' for n in range(14)]
    rows = jsonl(pet_rows("gold", 5)).splitlines(keepends=True)
    write_run(workspace, pets(gold_jsonl="".join([rows[0], *moved])), "moved", [1.0] * 15)
    row = compare(workspace, "pets", ["all", "moved"])[1]
    assert row["shared_gold"] == 1 and "were rows put in above others" in row["result"]
    write_run(
        workspace, pets(gold_jsonl='{"input": "a new cat here", "label": "cats"}\n'), "other", [1.0]
    )
    with pytest.raises(InputError, match="no gold row in common"):
        compare(workspace, "pets", ["all", "other"])


def test_what_cannot_be_compared(workspace: Workspace, pets: WriteTask) -> None:
    task = pets()
    with pytest.raises(InputError, match="has no run yet"):
        compare(workspace, "pets", ["a"])
    write_run(workspace, task, "a", [1.0] * 15)
    with pytest.raises(InputError, match="no run 'b'"):
        compare(workspace, "pets", ["a", "b"])
    write_run(workspace, task, "b", [])
    with pytest.raises(InputError, match="run b of task pets has no report yet"):
        compare(workspace, "pets", ["a", "b"])
    assert "Missing argument" in told(workspace).output


def test_a_real_run_is_like_itself(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    first = finished(workspace, "pets").run.id
    again = pipeline.run(workspace, "pets", RunOptions(new=True)).run.id
    row = compare(workspace, "pets", [first, again])[1]
    assert (row["difference"], row["changed"], row["result"]) == (0.0, [], "not told apart")


def test_paths_are_not_run_names(workspace: Workspace, pets: WriteTask, tmp_path: Path) -> None:
    write_run(workspace, pets(), "a", [1.0] * 15)
    for name in ("../a", "pets/../a", "../pets/a", "/a"):
        with pytest.raises(InputError, match=r"no run|no task"):
            compare(workspace, "pets", ["a", name])


def copied(workspace: Workspace, **changes: str) -> None:
    """The task `pets` and its runs once more, as `zoo`."""
    write_pets(workspace.prompts, **changes)
    shutil.copytree(workspace.prompts / "pets", workspace.prompts / "zoo")
    toml = workspace.prompts / "zoo" / "task.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace('"pets"', '"zoo"'), encoding="utf-8")
    shutil.copytree(workspace.task_folder("pets"), workspace.task_folder("zoo"))


def test_runs_of_another_task_are_held_against_the_same_gold(
    workspace: Workspace, pets: WriteTask
) -> None:
    """Such as a copy of the task with another teacher."""
    task = pets()
    write_run(workspace, task, "good", [1.0] * 15)
    write_run(workspace, task, "bad", [1.0] * 3 + [0.0] * 12)
    copied(workspace)
    other = compare(workspace, "pets", ["good", "zoo/bad"])[1]
    assert (other["task"], other["result"], other["shared_gold"]) == ("zoo", "regression", 15)


def test_another_gold_is_no_yardstick(workspace: Workspace, pets: WriteTask) -> None:
    write_run(workspace, pets(), "good", [1.0] * 15)
    copied(workspace)
    task = pets(gold_jsonl='{"input": "a new cat here", "label": "cats"}\n')
    write_run(workspace, task, "other", [1.0])
    row = compare(workspace, "zoo", ["good", "pets/other"])[1]
    assert "difference" not in row and row["result"].startswith("another gold")
    shown = told(workspace, "other", "zoo/good").output
    assert "another gold: its quality is not held against the first" in shown


def test_a_win_rate_is_one_against_one_teacher_by_one_judge(pets: WriteTask) -> None:
    """Against another teacher, or by another judge, it is another measure."""
    figures: Any = {"teacher": {"model": "t"}, "judge": {"model": "j"}}
    row = ComparedRun("r", pets(), {}, figures)
    other = [figures | {"teacher": {"model": "u"}}, figures | {"judge": {"model": "k"}}]
    assert yardstick(row) == yardstick(replace(row, run="s"))
    assert all(yardstick(row) != yardstick(replace(row, figures=found)) for found in other)


def test_the_page_names_a_regression(workspace: Workspace, pets: WriteTask, tmp_path: Path) -> None:
    task = pets()
    write_run(workspace, task, "good", [1.0] * 15)
    write_run(workspace, task, "bad", [1.0] * 3 + [0.0] * 12, note="<script>alert(1)</script>")
    path = tmp_path / "runs.html"
    assert told(workspace, "good", "bad", "--html", str(path)).exit_code == 0
    page = path.read_text(encoding="utf-8")
    assert "<strong>Regression:</strong> pets/bad does worse than pets/good: -80.0 points" in page
    assert page.count("<svg ") == 1 and "<script" not in page and "&lt;script&gt;" in page
