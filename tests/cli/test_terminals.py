"""The card that `distill report` prints, in pipes, narrow terminals and older encodings."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from distill.cli.streams import SIGNS
from distill.core.workspace import Workspace
from tests.conftest import WriteTask
from tests.support.runs import finished
from tests.support.standin import StandIn

ROOT = Path(__file__).parents[2]
NO_NETWORK = ROOT / "tests" / "no_network"


def arguments(workspace: Workspace) -> list[str]:
    """`distill report pets` in a process of its own."""
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    return [
        sys.executable,
        "-c",
        "from distill.cli import main; main()",
        *folders,
        "report",
        "pets",
    ]


def printed(workspace: Workspace, encoding: str = "utf-8", **environment: str) -> str:
    """What the command prints into a pipe."""
    done = subprocess.run(
        arguments(workspace),
        capture_output=True,
        check=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(NO_NETWORK)} | environment,
    )
    assert b"Traceback" not in done.stderr
    return done.stdout.decode(encoding)


@pytest.fixture
def reported(workspace: Workspace, pets: WriteTask, scripted_backends: StandIn) -> Workspace:
    """A workspace with a report."""
    pets()
    finished(workspace, "pets")
    return workspace


def test_a_pipe_gets_the_same_card_in_every_encoding(reported: Workspace) -> None:
    card = printed(reported)
    assert "\x1b" not in card and "option  " in card and "–" in card
    assert printed(reported, LANG="C", LC_ALL="C") == card
    latin = printed(reported, "latin-1", PYTHONIOENCODING="latin-1")
    for sign in set(SIGNS) - {*"·×±"}:  # Latin-1 has these
        card = card.replace(sign, SIGNS[sign])
    assert latin == card


def on_a_terminal(workspace: Workspace, **environment: str) -> str:
    """What the command prints on a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        arguments(workspace),
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={"PYTHONPATH": str(NO_NETWORK)} | environment,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # the child has closed the terminal
        pass
    os.close(ours)
    assert child.wait() == 0
    return shown.decode()


def test_who_wants_no_colours_gets_none(reported: Workspace) -> None:
    assert "\x1b[1m" in on_a_terminal(reported, TERM="xterm")
    assert "\x1b" not in on_a_terminal(reported, TERM="xterm", NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(reported, TERM="dumb")
