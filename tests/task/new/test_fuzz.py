"""A thousand broken files by a seed: each is one message with the file, or a whole valid task."""

import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from distill.cli import main
from distill.task.loading import load_task
from tests.conftest import write_pets
from tests.support.broken_files import BrokenFile, broken_log, broken_table

LONGEST = 800  # characters of a message
LOCK = "runs/pets/.lock"
# What is wrong at one place of a text file, whose message must name the line.
OF_A_LINE = re.compile(r"not valid JSON|a quote |NUL byte|not UTF-8|cells, but")
PLACE = re.compile(r"\.\w+:\d+|, (object|item|row) \d+|not valid JSON: (Exceeds|maximum)")

Make = Callable[[int, Path], BrokenFile]
Outcomes = Callable[[Make, list[str], Iterable[int]], Counter[int]]


@pytest.fixture
def outcomes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Outcomes:
    """Runs a command on the file of each seed, and returns its exit codes."""

    def code_of(make: Make, command: list[str], seed: int) -> int:
        work = tmp_path / "work"
        shutil.rmtree(work, ignore_errors=True)
        (work / "from").mkdir(parents=True)
        monkeypatch.chdir(work)
        if command[1] == "pets":
            write_pets(work / "prompts")
        before = files(work)
        broken = make(seed, work / "from")
        query = ["--query", broken.query] if broken.query else []
        given = [*command, f"from/{broken.path.name}", *query]
        monkeypatch.setattr(sys, "argv", ["distill", *given])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        told, code = capfd.readouterr(), ended.value.code or 0
        left = {at: data for at, data in files(work).items() if not at.startswith("from/")}
        left.pop(LOCK, None)
        if code == 0:
            load_task(work / "prompts", command[1])
            assert not [at for at in left if "/." in at], "a temporary file is left"
            return 0
        assert (code, told.out) == (2, ""), told.err
        check_message(told.err, broken)
        assert left == before, "something was written"
        return 2

    def codes(make: Make, command: list[str], seeds: Iterable[int]) -> Counter[int]:
        found = Counter[int]()
        for seed in seeds:
            try:
                found[code_of(make, command, seed)] += 1
            except BaseException as error:
                error.add_note(f"with seed {seed}: {make(seed, tmp_path / 'again')}")
                raise
        return found

    (tmp_path / "again").mkdir()
    return codes


def files(folder: Path) -> Mapping[str, bytes]:
    """Each file below a folder, with its bytes."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def check_message(told: str, broken: BrokenFile) -> None:
    """Check that a message is one line with the file, and with the line where there is one."""
    line, *more = told.splitlines()
    assert all(one.startswith("More: docs/trouble.md#") for one in more) and len(more) < 2, told
    assert line.startswith("error: ") and line.isprintable() and len(line) <= LONGEST, line
    assert broken.path.name in line or broken.path.is_dir(), line
    if OF_A_LINE.search(line) and broken.path.suffix in (".csv", ".tsv", ".jsonl", ".json"):
        assert PLACE.search(line), line


def new(outcomes: Outcomes, seeds: range) -> Counter[int]:
    return outcomes(broken_table, ["new", "tickets", "--from"], seeds)


@pytest.mark.parametrize("part", range(5))
def test_a_broken_table_is_one_message_or_a_task(outcomes: Outcomes, part: int) -> None:
    assert new(outcomes, range(12 * part, 12 * (part + 1))).total() == 12


@pytest.mark.parametrize("part", range(2))
def test_a_broken_log_is_one_message_or_an_import(outcomes: Outcomes, part: int) -> None:
    seeds = range(20 * part, 20 * (part + 1))
    assert outcomes(broken_log, ["import", "pets"], seeds).total() == 20


@pytest.mark.parametrize("flags", [[], ["--new-labels"]], ids=["", "new labels"])
def test_a_broken_table_adds_rows_or_changes_nothing(outcomes: Outcomes, flags: list[str]) -> None:
    command = ["new", "pets", "--add", *flags, "--from"]
    assert outcomes(broken_table, command, range(100, 112)).total() == 12


@pytest.mark.nightly
def test_a_thousand_broken_tables(outcomes: Outcomes) -> None:
    found = new(outcomes, range(1000))
    assert found[0] >= 100 and found[2] >= 500, "the seeds make both"


@pytest.mark.nightly
def test_a_thousand_broken_logs(outcomes: Outcomes) -> None:
    found = outcomes(broken_log, ["import", "pets"], range(1000))
    assert found[0] >= 100 and found[2] >= 300, "the seeds make both"
