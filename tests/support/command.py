"""A command of `distill` in this process."""

from click.testing import CliRunner, Result

from distill.cli import cli
from distill.core.workspace import Workspace


def invoke(workspace: Workspace, *arguments: str) -> Result:
    """The result of a command on the folders of a workspace."""
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    return CliRunner().invoke(cli, [*folders, *arguments])
