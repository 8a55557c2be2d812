"""Tables: aligned in a pipe, readable on a narrow terminal, coloured on a terminal alone."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from distill.cli import tables
from distill.cli.output import show_rows
from distill.cli.tables import Row, blocks, show_record, show_sentence, show_table, width_of
from distill.core.workspace import Workspace
from tests.conftest import WriteTask
from tests.support.command import invoke
from tests.support.standin import StandIn

DISTILL = [sys.executable, "-c", "from distill.cli import main; main()"]
HEADER = ["check", "rows", "because"]
ROWS = [["form", "12", "too short"], ["duplicates", "7", "a copy of 猫"]]
COLOUR = "\x1b["

Columns = Callable[[int | None], None]


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> Columns:
    """Make standard output a terminal of a width, or a pipe for None."""

    def wide(count: int | None) -> None:
        monkeypatch.setenv("COLUMNS", str(count or 80))
        monkeypatch.setattr(tables, "terminal_columns", lambda: count)

    return wide


def on_a_terminal(workspace: Workspace, width: int, *arguments: str, **more: str) -> str:
    """What a real process prints on a terminal."""
    ours, theirs = pty.openpty()
    environment = dict(os.environ) | {"COLUMNS": str(width), "TERM": "xterm"} | more
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    command = [*DISTILL, *folders, *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=environment) as child:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        assert child.stderr is not None
        assert b"Traceback" not in child.stderr.read()
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def test_a_pipe_gets_the_whole_table(columns: Columns, capsys: pytest.CaptureFixture[str]) -> None:
    columns(None)
    show_table(HEADER, [*ROWS, ["judge", "1", "x" * 300]], colours={"judge": "red"})
    assert capsys.readouterr().out.splitlines() == [
        "check       rows  because",
        "form        12    too short",
        "duplicates  7     a copy of 猫",
        f"judge       1     {'x' * 300}",
    ]


def test_a_terminal_that_is_too_narrow_gets_records(
    columns: Columns, capsys: pytest.CaptureFixture[str]
) -> None:
    columns(30)
    show_table(HEADER, ROWS)
    assert capsys.readouterr().out.splitlines()[0].split() == HEADER, "it fits"
    columns(44)
    show_table(HEADER, [["judge", "1", "one two three four five six seven"]])
    assert capsys.readouterr().out.splitlines() == [
        *("check  rows  because", "judge  1     one two three four five six"),
        "             seven",
    ]
    columns(24)
    show_table(["what", "found", "why"], [["python", "3.11", ""], ["gpu", "none", "no card, x"]])
    assert capsys.readouterr().out.splitlines() == [
        *("python  found 3.11", "", "gpu", "  found none", "  why no card, x")
    ]
    columns(20)
    show_table(HEADER, [*ROWS, ["judge", "", "one two three four"]])
    assert capsys.readouterr().out.splitlines() == [
        *("form", "  rows 12", "  because too short", ""),
        *("duplicates", "  rows 7", "  because a copy of", "  猫", ""),
        *("judge", "  because one two", "  three four"),
    ]


@pytest.mark.parametrize("width", [1, 5, 20, 79])
def test_no_width_is_too_small(
    columns: Columns, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    columns(width)
    show_table(HEADER, ROWS)
    show_record({"a": "one two", "b": "", "c": "/a/path/of/some/length"})
    show_sentence("stop  task  ", "one two three four five", "red")
    shown = capsys.readouterr().out
    assert "/a/path/of/some/length" in shown, "a path can be copied"
    assert all(word in shown for word in ("stop", "three", "five", "duplicates", "猫"))


def test_wide_signs_take_two_columns() -> None:
    assert (width_of("cat"), width_of("猫"), width_of("e\u0301")) == (3, 2, 1)


def test_rows_with_other_keys_are_tables_of_their_own(
    columns: Columns, capsys: pytest.CaptureFixture[str]
) -> None:
    columns(None)
    few: list[Row] = [{"what": "a", "found": "b"}, {"what": "c", "found": None, "why": "d"}]
    assert [*blocks([*few, {"model": "m"}, few[0]])] == [few, [{"model": "m"}], [few[0]]]
    show_rows("doctor", few, as_json=False)
    assert capsys.readouterr().out == "what  found  why\na     b\nc            d\n"
    show_rows("status", few[:1], as_json=False)
    assert capsys.readouterr().out == "what: a\nfound: b\n"
    show_rows("leaks", [{"input": "x" * 161, "gold": "a"}] * 2, as_json=False)
    record = f"input: {'x' * 161}\ngold: a\n"
    assert capsys.readouterr().out == f"{record}\n{record}"
    show_rows("leaks", [], as_json=False)
    assert capsys.readouterr().out == "none\n"


@pytest.mark.slow("starts real processes")
def test_colours_are_for_a_terminal_without_no_color(workspace: Workspace, pets: WriteTask) -> None:
    task = pets()
    (task.folder / "gold.jsonl").write_text("", encoding="utf-8")
    assert COLOUR in on_a_terminal(workspace, 80, "check", "pets")
    plain = on_a_terminal(workspace, 80, "check", "pets", NO_COLOR="1")
    assert COLOUR not in plain and plain.startswith("stop  task")
    assert COLOUR not in invoke(workspace, "check", "pets").output


@pytest.mark.slow("starts real processes")
def test_a_terminal_of_20_columns(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    invoke(workspace, "run", "pets")
    for command in (["check", "pets"], ["runs"], ["drops", "pets"], ["report", "pets"], ["doctor"]):
        shown = re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal(workspace, 20, *command))
        assert shown.strip(), command
        if command[0] in ("check", "doctor"):
            long = [line for line in shown.splitlines() if len(line) > 20 and " " in line.strip()]
            assert not long, (command, long)


def test_quiet_shows_only_results_and_errors(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    told = invoke(workspace, "-q", "run", "pets", "--until", "split")
    assert (told.exit_code, told.stderr) == (0, "")
    told = invoke(workspace, "--quiet", "check", "pets")
    assert told.stderr == "" and told.stdout
    told = invoke(workspace, "-q", "run", "fish")
    assert told.exception is not None
    assert "next: " in invoke(workspace, "check", "pets").stderr, "the next command is not quiet"


def test_verbose_shows_seconds(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    invoke(workspace, "run", "pets", "--until", "generate")
    told = invoke(workspace, "-v", "run", "pets", "--until", "curate")
    assert "generate was finished before" in told.stderr
    assert re.search(r"^\d\d:\d\d:\d\d curate took \d+\.\d s, and", told.stderr, re.MULTILINE)
    assert "curate took" not in invoke(workspace, "run", "pets", "--until", "split").stderr


def test_quiet_and_verbose_exclude_each_other(workspace: Workspace) -> None:
    told = invoke(workspace, "-q", "-v", "tasks")
    assert told.exit_code == 2 and "exclude each other" in told.stderr


def test_the_docs_say_what_the_options_do() -> None:
    docs = Path("docs/cli.md").read_text(encoding="utf-8")
    assert "NO_COLOR" in docs and "--quiet" in docs and "--verbose" in docs
