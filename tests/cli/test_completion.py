"""The shell completes the names of tasks; commands end with the next command."""

import os
import subprocess
import sys

import pytest
from click.shell_completion import BashComplete

from distill.cli import cli
from distill.core.workspace import Workspace
from tests.conftest import WriteTask, write_pets
from tests.support.command import invoke
from tests.support.standin import StandIn

WITH_A_TASK = sorted(
    name
    for name, command in cli.commands.items()
    if any(parameter.name == "task" for parameter in command.params)
)


def completions(workspace: Workspace, *typed: str) -> list[str]:
    """What the shell is given for the last word that is typed."""
    shell = BashComplete(cli, {}, "distill", "_DISTILL_COMPLETE")
    words = ["--prompts", str(workspace.prompts), *typed[:-1]]
    return [item.value for item in shell.get_completions(words, typed[-1])]


def test_the_shell_completes_tasks_everywhere(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    write_pets(workspace.prompts.parent / "others")
    (workspace.prompts / "planets").mkdir()
    (workspace.prompts / "planets" / "task.toml").write_text("invalid, too", encoding="utf-8")
    assert {"run", "check", "ask", "report", "runs", "compare"} <= set(WITH_A_TASK)
    for command in WITH_A_TASK:
        assert completions(workspace, command, "") == ["pets", "planets"], command
        assert completions(workspace, command, "pe") == ["pets"], command
        assert completions(workspace, command, "x") == [], command


def test_the_shell_completes_commands_and_stages(workspace: Workspace) -> None:
    assert completions(workspace, "ch") == ["check"]
    assert completions(workspace, "gen") == [], "an older name is hidden"
    assert completions(workspace, "run", "pets", "--until", "e") == ["evaluate"]


def test_a_shell_gets_its_completions(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    code = "import sys; sys.argv = ['distill']; from distill.cli import main; main()"
    typed = {"COMP_WORDS": "distill run p", "COMP_CWORD": "2"}
    more = {"_DISTILL_COMPLETE": "bash_complete", "DISTILL_PROMPTS": str(workspace.prompts)}
    environment = dict(os.environ) | typed | more
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "plain,pets\n"


def test_a_run_ends_with_the_next_command(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    half = invoke(workspace, "run", "pets", "--until", "split")
    assert half.stderr.splitlines()[-1] == "next: distill run pets"
    whole = invoke(workspace, "run", "pets")
    assert whole.stderr.splitlines()[-1] == "next: distill report pets --open"
    assert "next: " not in whole.stdout
    as_json = invoke(workspace, "run", "pets", "--json")
    assert as_json.exit_code == 0 and "next: " not in as_json.stderr


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_rehearsal_ends_with_the_run(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, more: list[str]
) -> None:
    pets()
    told = invoke(workspace, "rehearse", "pets", "--until", "generate", *more)
    assert told.exit_code == 0, told.output
    assert ("next: distill run pets\n" in told.stderr) is (not more)
