"""`--json`: one object on standard output, for results and for errors."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from distill.cli import cli
from distill.cli.output import KINDS, Kind
from distill.core.workspace import Workspace
from tests.conftest import WriteTask, jsonl, pet_rows
from tests.support.command import invoke, json_rows
from tests.support.runs import finished
from tests.support.standin import StandIn

FIELDS = ["file", "line", "key", "message", "fix", "docs"]
DISTILL = [sys.executable, "-c", "from distill.cli import main; main()"]


def process(workspace: Workspace, *arguments: str) -> tuple[int, Any, str]:
    """The exit code of a real process, its one JSON object and its messages."""
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    command = [*DISTILL, *folders, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.slow("calls every command")
def test_every_command_has_one_form(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, tmp_path: Path
) -> None:
    pets(inputs_jsonl=jsonl([{"input": "what does a cat eat"}]))
    run = finished(workspace, "pets").context.run_id
    sheet, labelled = tmp_path / "sheet.csv", tmp_path / "labelled.jsonl"
    rows = [row for name in ("a", "b", "c", "d", "e", "f") for row in pet_rows(name, 5)]
    labelled.write_text(jsonl(rows), encoding="utf-8")
    log = tmp_path / "log.jsonl"
    turns = [{"role": "user", "content": "a dog barks"}, {"role": "assistant", "content": "dogs"}]
    log.write_text(jsonl([{"messages": turns}]), encoding="utf-8")
    examples = next(workspace.run_folder("pets", run).rglob("train*.jsonl"))
    commands = {
        "advice": ["advise", "pets"],
        "answer": ["ask", "pets", "the bird sings"],
        "cancellation": ["cancel", "pets"],
        "check": ["check", "pets"],
        "comparison": ["compare", "pets", run],
        "curation": ["drops", "pets"],
        "doctor": ["doctor"],
        "drops": ["drops", "pets", "--reason", "a"],
        "export": ["export", "pets", str(tmp_path / "tables")],
        "label": ["label", "pets"],
        "label_export": ["label", "pets", "--export", str(tmp_path / "texts.csv")],
        "leaks": ["leaks", "pets"],
        "new_task": ["new", "others", "--from", str(labelled)],
        "plan": ["plan", "pets"],
        "prices": ["prices"],
        "rehearsal": ["rehearse", "pets", "--until", "generate"],
        "report": ["report", "pets"],
        "review_export": ["review", "pets", "--export", str(sheet)],
        "review_import": ["review", "pets", "--import", str(sheet)],
        "run": ["run", "pets"],
        "runs": ["runs"],
        "spared": ["drops", "pets", "--spared"],
        "sql": ["sql", "pets", "SELECT id FROM run"],
        "status": ["status", "pets"],
        "tasks": ["tasks"],
        "timing": ["evaluate", "pets", "--timing"],
        "validation": ["validate", str(examples)],
        # These edit the task.
        "import": ["import", "pets", str(log)],
        "added_rows": ["new", "pets", "--from", str(labelled), "--add"],
    }
    assert sorted([*commands, "error"]) == sorted(get_args(Kind))
    for kind, command in commands.items():
        told = invoke(workspace, *command, "--json")
        assert told.exit_code == 0, (kind, told.output, told.exception)
        found = json_rows(told.stdout, kind)
        assert found or kind in ("drops", "spared", "leaks"), kind
        if kind != "check":
            assert list(json.loads(told.stdout)) == ["version", "kind", "rows"]


def test_the_docs_name_every_kind() -> None:
    assert set(KINDS) | {"error"} == set(get_args(Kind))
    docs = Path("docs/cli.md").read_text(encoding="utf-8")
    for kind, (command, _) in KINDS.items():
        assert command.split()[0] in cli.commands
        assert f"| `{kind}` | `distill {command}` |" in docs


def test_an_error_is_one_object_with_its_place(workspace: Workspace, pets: WriteTask) -> None:
    task = pets()
    (task.folder / "gold.jsonl").write_text('{"input": "a cat", "label": "cow"}\n')
    code, found, said = process(workspace, "run", "pets", "--json")
    assert code == 2
    assert (found["version"], found["kind"]) == (1, "error")
    error = found["error"]
    assert list(error) == FIELDS
    assert (error["file"], error["line"]) == (str(task.folder / "gold.jsonl"), 1)
    assert (error["key"], "unknown label 'cow'" in error["message"]) == ("label", True)
    assert error in found["rows"]
    first, *_ = [line for line in said.splitlines() if line.startswith("error: ")]
    assert first.startswith(f"error: {task.folder / 'gold.jsonl'}:1: unknown label 'cow'")


@pytest.mark.parametrize(
    ("arguments", "message", "fix"),
    [
        (["run", "--json"], "Missing argument 'TASK'.", "--help"),
        (["fly", "--json"], "No such command 'fly'.", "--help"),
        (["run", "fish", "--json"], "there is no task 'fish'", None),
        (["run", "pets", "--json", "--fly"], "No such option", "--help"),
        (["serve", "pets", "--json"], "No such option", "--help"),
    ],
)
def test_a_usage_error_is_one_object(
    workspace: Workspace, pets: WriteTask, arguments: list[str], message: str, fix: str | None
) -> None:
    pets()
    code, found, said = process(workspace, *arguments)
    assert (code, found["kind"]) == (2, "error")
    assert message in found["error"]["message"] and message in said
    assert (fix in found["error"]["fix"]) if fix else found["error"]["fix"] is None
    assert found["error"]["file"] is None and found["error"]["line"] is None


def test_a_text_that_looks_like_the_option_is_none(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    told = [*DISTILL, "--prompts", str(workspace.prompts), "ask", "pets", "--", "--json"]
    done = subprocess.run(
        told, capture_output=True, text=True, check=False, cwd=workspace.runs.parent
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no student yet" in done.stderr


@pytest.mark.slow("starts real processes")
def test_an_unfinished_report_is_one_object_and_no_error_object(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    invoke(workspace, "run", "pets", "--until", "split")
    code, found, said = process(workspace, "report", "pets", "--json")
    assert (code, found["kind"]) == (1, "report")
    assert found["rows"][0]["missing"][0] == "train"
    assert "is not finished" in said
    code, found, said = process(workspace, "report", "pets", "--now", "--json")
    assert (code, found["kind"], "is not finished" in said) == (0, "report", False)
