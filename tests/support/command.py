"""A command of `distill` in this process, and the reading of its JSON."""

import json
from typing import Any

from click.testing import CliRunner, Result

from distill.cli import cli
from distill.core.workspace import Workspace


def invoke(workspace: Workspace, *arguments: str) -> Result:
    """The result of a command on the folders of a workspace."""
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    return CliRunner().invoke(cli, [*folders, *arguments])


def json_rows(text: str, kind: str) -> list[dict[str, Any]]:
    """The rows in a command's JSON, which is one object of the given kind."""
    found = json.loads(text)
    assert (found["version"], found["kind"]) == (1, kind), found
    rows: list[dict[str, Any]] = found["rows"]
    return rows
