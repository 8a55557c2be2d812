"""`distill status --watch`: a line per change, until no process works on the run."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from distill.cli import inspect
from distill.core.workspace import EVENTS, Workspace
from distill.report.runs import watch_status
from tests.support.command import invoke

DISTILL = [sys.executable, "-c", "from distill.cli import main; main()"]
HOLD = """
import sys
from pathlib import Path
from distill.core.workspace import Workspace
with Workspace(Path(), Path(sys.argv[1])).locked("pets"):
    print("held", flush=True)
    sys.stdin.read()
"""


def write_event(workspace: Workspace, **values: object) -> None:
    """Append an event to the latest run's."""
    event = {"stage": "train", "step": "fit", "event": "progress", "total": 40, "seconds": 1.0}
    with (workspace.task_folder("pets") / "latest" / EVENTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(event | values) + "\n")


@pytest.fixture
def began(workspace: Workspace) -> Workspace:
    """A workspace with a run that has begun its training."""
    workspace.run_folder("pets", "r1").mkdir(parents=True)
    workspace.point_latest("pets", "r1")
    write_event(workspace, event="begin", done=0)
    return workspace


@pytest.fixture
def steps(began: Workspace) -> Iterator[Callable[[], None]]:
    """The pauses of a watch. Nothing happens in the first, and the run ends in the third."""
    with ExitStack() as work:
        work.enter_context(began.locked("pets"))

        def happen() -> Iterator[None]:
            yield
            write_event(began, done=10, seconds=2.0)
            yield
            write_event(began, event="end", done=40, seconds=8.0)
            work.close()
            yield

        happening = happen()
        yield lambda: next(happening)


def test_each_change_is_told_once_and_the_last_at_the_end(
    began: Workspace, steps: Callable[[], None]
) -> None:
    rows = list(watch_status(began, "pets", steps))
    state = f"running (PID {os.getpid()})"
    assert [(row["state"], row["done"], row.get("seconds_left")) for row in rows] == [
        (state, "0/40", None),
        (state, "10/40", 6),
        ("not running", "40/40", None),
    ]


def test_a_pipe_gets_a_line_per_change(
    began: Workspace, steps: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        steps()

    monkeypatch.setattr(inspect, "sleep", pause)
    pid = os.getpid()
    assert invoke(began, "status", "pets", "--watch").stdout.splitlines() == [
        f"r1 running (PID {pid}), train: fit 0/40 (begin) in 1.0 s",
        f"r1 running (PID {pid}), train: fit 10/40 (progress) in 2.0 s, about 6 s left",
        "r1 not running, train: fit 40/40 (end) in 8.0 s",
    ]
    assert len(paused) == 3 and min(paused) >= 1.0


def test_a_run_without_a_step_and_one_that_has_ended(workspace: Workspace) -> None:
    done = invoke(workspace, "status", "pets", "--watch")
    assert "task 'pets' has no run" in str(done.exception)
    workspace.run_folder("pets", "r1").mkdir(parents=True)
    workspace.point_latest("pets", "r1")
    (workspace.run_folder("pets", "r1") / EVENTS).touch()
    assert invoke(workspace, "status", "pets", "--watch").stdout == "r1 not running\n"


def test_one_object_is_not_many(began: Workspace) -> None:
    done = invoke(began, "status", "pets", "--watch", "--json")
    assert (done.exit_code, "remove one" in done.stderr) == (2, True)


@pytest.fixture
def holder(began: Workspace) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the run until it is told to end."""
    command = [sys.executable, "-c", HOLD, str(began.runs)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == "held\n"
        yield child
        if child.stdin is not None:
            child.stdin.close()


def watched(workspace: Workspace) -> list[str]:
    """The command of a process of its own."""
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    return [*DISTILL, *folders, "status", "pets", "--watch"]


def test_it_ends_with_the_process_that_works(
    began: Workspace, holder: subprocess.Popen[str]
) -> None:
    with subprocess.Popen(watched(began), stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None and holder.stdin is not None
        assert f"running (PID {holder.pid})" in watch.stdout.readline()
        holder.stdin.close()
        assert holder.wait() == 0
        assert watch.stdout.read() == "r1 not running, train: fit 0/40 (begin) in 1.0 s\n"
    assert watch.returncode == 0


def test_ctrl_c_ends_it_without_a_word(began: Workspace, holder: subprocess.Popen[str]) -> None:
    with subprocess.Popen(
        watched(began), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watch:
        assert watch.stdout is not None and watch.stderr is not None
        watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        assert watch.wait() == 130
        assert watch.stderr.read() == ""
    assert holder.poll() is None, "the run goes on"


def test_a_terminal_shows_the_newest_in_place(
    began: Workspace, holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm", "COLUMNS": "60", "LINES": "20", **_python_path()}
    with subprocess.Popen(watched(began), stdout=theirs, stderr=theirs, env=environment) as watch:
        os.close(theirs)
        first = os.read(ours, 4096).decode()
        while "seconds: 1.0" not in first:
            first += os.read(ours, 4096).decode()
        write_event(began, event="end", done=40, seconds=8.0)
        assert holder.stdin is not None
        holder.stdin.close()
        rest = _until_closed(ours)
    os.close(ours)
    assert watch.returncode == 0
    assert "state: not running" in rest and "done: 40/40" in rest
    assert "\x1b[1A" in rest, "the cursor goes back up"


def _python_path() -> dict[str, str]:
    return {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}


def _until_closed(terminal: int) -> str:
    found = b""
    try:
        while part := os.read(terminal, 4096):
            found += part
    except OSError:  # the other side is closed
        pass
    return found.decode()
