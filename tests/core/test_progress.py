"""Progress: one line a step, and events that another process can read."""

import json
from pathlib import Path

import pytest

from distill.core.progress import Progress, shown


def events(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_step_is_one_line_and_its_events(tmp_path: Path) -> None:
    lines: list[str] = []
    progress = Progress(tmp_path / "run" / "events.jsonl", lines.append)
    with progress.step("generate", "answer", 3) as advance:
        advance(1)
        advance(2)
    assert len(lines) == 1 and lines[0].startswith("generate: answer 3 in ")
    found = events(progress.events)
    assert [event["event"] for event in found] == ["begin", "progress", "end"]
    assert (found[-1]["done"], found[-1]["total"]) == (3, 3)


def test_a_step_that_fails_says_so(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "events.jsonl", lambda line: None)
    with pytest.raises(ValueError), progress.step("train", "unsloth"):
        raise ValueError
    assert events(progress.events)[-1]["event"] == "failed"


def test_without_a_terminal_lines_go_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown(tmp_path / "events.jsonl") as progress:
        assert progress.bars is None
        progress.note("run", "hello")
    assert capsys.readouterr() == ("", "run: hello\n")


def test_on_a_terminal_there_are_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with shown(tmp_path / "events.jsonl") as progress:
        assert progress.bars is not None
        with progress.step("train", "unsloth", 2) as advance:
            advance(1)
            (bar,) = progress.bars.tasks
            assert (bar.description, bar.completed, bar.total) == ("train: unsloth", 1, 2)
        assert not progress.bars.tasks
