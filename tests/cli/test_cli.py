"""The command line: what is printed, and the exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import pytest
from click.testing import CliRunner

from distill.cli import cli
from distill.cli.group import LONGEST_LINE, MORE, SECTIONS
from distill.core.workspace import Workspace
from distill.report.runs import list_runs, read_status
from distill.store import Run, open_store
from tests.conftest import WriteTask
from tests.support.command import json_rows
from tests.support.standin import StandIn

DISTILL = [sys.executable, "-c", "from distill.cli import main; main()"]


def invoke(workspace: Workspace, *arguments: str) -> str:
    """What a command prints on standard output."""
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    result = CliRunner().invoke(cli, [*folders, *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def process(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A real process."""
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    command = [*DISTILL, *folders, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_run_shows_the_verdict_and_the_table(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    output = invoke(workspace, "run", "pets")
    assert output.lstrip().startswith("NOT PROVEN\nNot proven yet: label more test messages.\n")
    assert re.search(r"^Today's model +gemma.* \(teacher\) +100\.0% ", output, re.MULTILINE)
    assert "or try the small model, untrained" in output, "a rival that scores no less is named"
    assert output.rstrip().endswith("report.html")
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    assert CliRunner().invoke(cli, [*folders, "report", "pets", "--exit-code"]).exit_code == 3
    again = invoke(workspace, "run", "pets")
    assert "nothing to do (--new starts another)" in again


@contextmanager
def not_root() -> Iterator[None]:
    """The rights of a user whom nothing of root's is opened for writing."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_runs_and_status_of_a_folder_that_may_only_be_read() -> None:
    with TemporaryDirectory() as place:
        workspace = Workspace(Path(place) / "prompts", Path(place) / "runs")
        folder = workspace.run_folder("pets", "r1")
        folder.mkdir(parents=True)
        event = {"stage": "split", "step": "rows", "event": "done", "total": 0, "seconds": 1.0}
        (folder / "events.jsonl").write_text(json.dumps(event) + "\n", encoding="utf-8")
        workspace.point_latest("pets", "r1")
        with open_store(workspace.database("pets")) as store:
            store.add_run(Run("r1", "hash", {}, "", datetime.now(UTC), "embedded"), {})
        lock = workspace.task_folder("pets") / ".lock"
        lock.touch()
        lock.chmod(0)
        folders = [Path(place), workspace.runs, workspace.task_folder("pets"), folder]
        for path in folders:
            path.chmod(0o555)
        workspace.database("pets").chmod(0o444)
        with not_root():
            [run] = list_runs(workspace, "pets")
            status = read_status(workspace, "pets")
        for path in folders:
            path.chmod(0o755)
    assert run["run"] == status["run"] == "r1"
    assert status["state"] == "not known: its lock may not be read"


@pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_a_command_whose_streams_are_closed_ends_as_it_would(
    workspace: Workspace, pets: WriteTask, tmp_path: Path, closed: str
) -> None:
    """What it opens is none of the streams, and what is said to them goes nowhere."""
    pets()
    opened = tmp_path / "opened"
    code = f"""
import sys
from distill.cli import cli, main

@cli.command()
def probe():
    sys.stderr.isatty()
    with open({str(opened)!r}, "w") as file:
        sys.stderr.write("a message")
        sys.stderr.flush()
        file.write(str(file.fileno()))

main()
"""
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", code]
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    done = subprocess.run([*shell, "probe"], capture_output=True, text=True, check=False)
    assert (done.returncode, int(opened.read_text(encoding="utf-8")) > 2) == (0, True)
    shown = subprocess.run([*shell, *folders, "tasks"], capture_output=True, text=True, check=False)
    assert shown.returncode == 0 and ("pets" in shown.stdout) == (">&- 2" not in closed)


def test_run_as_json(workspace: Workspace, pets: WriteTask, scripted_backends: StandIn) -> None:
    pets()
    [found] = json_rows(invoke(workspace, "run", "pets", "--json"), "run")
    assert found["stages"][0] == "generate"
    assert found["report"]["task"] == "pets"


def test_runs_and_status(workspace: Workspace, pets: WriteTask, scripted_backends: StandIn) -> None:
    pets()
    invoke(workspace, "split", "pets")
    (row,) = json_rows(invoke(workspace, "runs", "--json"), "runs")
    assert (row["task"], row["done"]) == ("pets", "generate, curate, split")
    (now,) = json_rows(invoke(workspace, "status", "pets", "--json"), "status")
    assert (now["stage"], now["event"], now["state"]) == ("split", "end", "not running")
    invoke(workspace, "run", "pets")
    (row,) = json_rows(invoke(workspace, "runs", "pets", "--json"), "runs")
    # Fifteen rows that both have right do not show that the student is within the margin.
    assert (row["student"], row["verdict"]) == ("100.0%", "inconclusive")
    assert row["base"].startswith("SmolLM2-135M-Instruct@") and row["artifact"]


def test_status_works_while_another_process_works(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    invoke(workspace, "generate", "pets")
    with workspace.locked("pets"):
        (now,) = json_rows(invoke(workspace, "status", "pets", "--json"), "status")
    assert now["state"] == f"running (PID {os.getpid()})"


def test_tasks_lists_broken_ones_too(workspace: Workspace, pets: WriteTask) -> None:
    task = pets()
    assert invoke(workspace, "tasks").splitlines()[:5] == [
        *("task: pets", "kind: classify", "labels: 3", "seeds: 12", "gold: 15")
    ]
    (task.folder / "gold.jsonl").write_text("", encoding="utf-8")
    assert "gold.jsonl is empty" in invoke(workspace, "tasks")


@pytest.mark.parametrize(
    "more", [f"{'k' * 100_000} = 1\n", f'[teacher]\nmodel = "{"m" * 100_000}"\n']
)
def test_tasks_cuts_what_is_long(workspace: Workspace, pets: WriteTask, more: str) -> None:
    pets()
    path = workspace.prompts / "pets" / "task.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[generate]", f"{more}[generate]"), encoding="utf-8")
    told = CliRunner().invoke(cli, ["--prompts", str(workspace.prompts), "tasks"])
    assert told.exit_code == 0
    assert len(told.output) < 10_000


@pytest.mark.parametrize("arguments", [["\x1b]0;x\x07\u202eevil"], ["run", "a", "\u2066b\x9b31m"]])
def test_what_is_typed_is_not_shown_raw(arguments: list[str]) -> None:
    done = subprocess.run([*DISTILL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Error: " in done.stderr
    assert not set(done.stderr) & set("\x1b\x07\x9b\u202e\u2066")


def test_doctor_names_keys_and_never_shows_them(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    output = invoke(workspace, "doctor")
    rows = [re.split("  +", line) for line in output.splitlines()]
    assert ["OPENAI_API_KEY", "set"] in rows and ["ANTHROPIC_API_KEY", "not set"] in rows
    assert "secret" not in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "fish"], "no task 'fish'"),
        (["status", "fish"], "task 'fish' has no run"),
        (["runs", "fish"], "no runs of task 'fish'"),
        (["serve", "pets"], "task pets has no student yet"),
        (["run"], "Missing argument 'TASK'"),
        (["fly", "pets"], "No such command 'fly'"),
    ],
)
def test_bad_arguments_are_exit_code_2(
    workspace: Workspace, pets: WriteTask, arguments: list[str], message: str
) -> None:
    pets()
    done = process(workspace, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_task_is_exit_code_2_with_file_and_key(workspace: Workspace, pets: WriteTask) -> None:
    task = pets()
    text = (task.folder / "task.toml").read_text(encoding="utf-8")
    (task.folder / "task.toml").write_text("colour = 1\n" + text, encoding="utf-8")
    done = process(workspace, "run", "pets")
    assert done.returncode == 2
    assert "task.toml:1: unknown key 'colour'" in done.stderr


def test_a_check_with_stop_is_exit_code_2(workspace: Workspace, pets: WriteTask) -> None:
    task = pets()
    (task.folder / "seeds.jsonl").write_text("", encoding="utf-8")
    done = process(workspace, "check", "pets")
    assert (done.returncode, done.stdout.split()[:2]) == (2, ["stop", "task"])
    assert done.stderr.splitlines() == [
        "checking pets …",
        "More: docs/trouble.md#empty-file",
        "next: correct the rows with stop, then run distill check pets",
    ]


def test_ctrl_c_is_exit_code_130_and_leaves_the_task_free(
    workspace: Workspace, pets: WriteTask
) -> None:
    """A process that has the lock and waits is interrupted; another takes the lock."""
    pets()
    code = f"""
import sys
from pathlib import Path
import click
from distill import cli
from distill.core.workspace import Workspace
@cli.cli.command()
def hold():
    with Workspace(Path({str(workspace.prompts)!r}), Path({str(workspace.runs)!r})).locked("pets"):
        print("held", flush=True)
        sys.stdin.read()
sys.argv = ["distill", "hold"]
cli.main()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdin is not None
    assert child.stdout.readline() == "held\n"
    child.send_signal(signal.SIGINT)
    assert child.wait() == 130
    child.stdout.close()
    child.stdin.close()
    assert workspace.holder("pets") is None


def test_every_command_has_help() -> None:
    for name, command in cli.commands.items():
        assert command.help, name
        options = [row for row in command.params if isinstance(row, click.Option)]
        assert all(option.help for option in options), name


def test_the_help_lists_every_command_once_and_cuts_no_line() -> None:
    assert list(SECTIONS) == ["Start", "Run", "Data", "Look", "Ship"]
    listed = [*(name for lines in SECTIONS.values() for name in lines), *MORE]
    assert sorted(listed) == sorted(name for name in cli.commands if not cli.commands[name].hidden)
    lines = CliRunner().invoke(cli, ["--help"]).output.splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 80
    assert not [line for line in lines[1:] if "..." in line]
    more = " ".join(lines).partition(" More ")[2].partition(" Example:")[0]
    assert " ".join(more.split()).split(", ") == [*MORE]
    sentences = [said for section in SECTIONS.values() for said in section.values()]
    assert all(said in "\n".join(lines) and len(said) <= LONGEST_LINE for said in sentences)


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = """
import sys
from click.testing import CliRunner
from distill.cli import cli
assert CliRunner().invoke(cli, ["--help"]).exit_code == 0
heavy = {"torch", "duckdb", "pydantic", "openai", "sklearn", "scipy", "numpy", "vllm", "jinja2"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
