"""A rehearsal is a whole run with a stand-in for the provider, apart from real runs, stamped."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from distill import pipeline
from distill.cli import cli
from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.rehearsal.rehearse import RehearsalOptions, parse_faults, rehearse
from distill.store import Run, open_store
from distill.store.rehearsals import clear, rehearsals_of
from tests.conftest import WriteTask
from tests.llm.test_paid_teacher import toml
from tests.support.command import json_rows
from tests.support.figures import figures
from tests.support.standin import StandIn
from tests.support.teachers import TEACHERS

FAULTS = {"429": 0.05, "500": 0.03, "cut": 0.03, "broken_json": 0.02, "refuse": 0.02}


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("drawn_charts")
@pytest.mark.usefixtures("no_keys")
@pytest.mark.parametrize(
    ("mode", "teacher"),
    [
        pytest.param("online", TEACHERS[0], marks=pytest.mark.nightly),
        ("online", TEACHERS[1]),
        ("batch", TEACHERS[0]),
        pytest.param("batch", TEACHERS[1], marks=pytest.mark.nightly),
    ],
)
def test_a_rehearsal_goes_the_whole_way_and_every_figure_is_stamped(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, teacher: str, mode: str
) -> None:
    pets()
    done = rehearse(workspace, "pets", RehearsalOptions(teacher, mode, FAULTS))
    assert done.agrees and done.bill.usd > 0
    assert (done.bill.batches > 0) == (mode == "batch")
    folder = done.outcome.context.folder
    found: Any = figures(folder)
    assert found["rehearsal"] is True
    assert found["headline"].startswith("REHEARSAL: ")
    assert found["teacher"] == {"model": teacher.partition(":")[2], "mode": mode}
    assert unstamped_rows((folder / "report.full.md").read_text(encoding="utf-8")) == []
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("REHEARSAL") > len(found["systems"])
    assert not workspace.database("pets").exists(), "a rehearsal leaves real runs alone"


def unstamped_rows(markdown: str) -> list[str]:
    """Rows of tables, heads and rules aside, that do not say what they are."""
    lines = markdown.splitlines()
    rows = [
        line
        for before, line in pairwise(lines)
        if line.startswith("|") and before.startswith("|") and not line.startswith("| ---")
    ]
    return [row for row in rows if not row.startswith("| REHEARSAL ")]


@pytest.mark.usefixtures("no_keys")
def test_a_rehearsal_starts_from_nothing_and_is_no_start_for_a_real_run(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets(task_toml=toml("anthropic:claude-haiku-5-5"))
    first = rehearse(workspace, "pets", RehearsalOptions(until="generate"))
    second = rehearse(workspace, "pets", RehearsalOptions(until="generate"))
    assert first.bill.asked == second.bill.asked, "the task's own teacher, and nothing of before"
    assert first.bill.usd == second.bill.usd > 0
    apart = Workspace(workspace.prompts, workspace.runs / "rehearsal")
    with pytest.raises(InputError, match="each rehearsal clears it"):
        pipeline.run(apart, "pets")
    apart.task_folder("pets").rename(workspace.task_folder("pets"))
    with pytest.raises(InputError, match="contains a rehearsal"):
        pipeline.run(workspace, "pets")


def real_store(folder: Path) -> None:
    """A store with a run, as a real one leaves it."""
    with open_store(folder / "distill.duckdb") as store:
        now = datetime.now(UTC)
        store.add_run(Run("r", "hash", {}, "", now, "openai:gpt-6-luna"), {})


def files_of_a_user(folder: Path) -> None:
    """Somebody's notes."""
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "one.txt").write_text("paid for", encoding="utf-8")


def other_database(folder: Path) -> None:
    """A file with the store's name that is none."""
    folder.mkdir(parents=True)
    (folder / "distill.duckdb").write_bytes(b"something else")


@pytest.mark.parametrize("fill", [real_store, files_of_a_user, other_database])
@pytest.mark.parametrize("linked", [False, True])
def test_a_rehearsal_clears_nothing_but_a_rehearsal(
    workspace: Workspace,
    pets: WriteTask,
    tmp_path: Path,
    fill: Callable[[Path], None],
    linked: bool,
) -> None:
    pets()
    folder = workspace.runs / "rehearsal" / "pets"
    place = tmp_path / "elsewhere" if linked else folder
    fill(place)
    if linked:
        folder.parent.mkdir(parents=True)
        folder.symlink_to(place)
    before = {path.relative_to(place): path.stat().st_size for path in place.rglob("*")}
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    result = CliRunner().invoke(cli, [*folders, "rehearse", "pets", "--until", "generate"])
    assert isinstance(result.exception, InputError)
    assert "is not the folder of a rehearsal" in str(result.exception)
    after = {path.relative_to(place): path.stat().st_size for path in place.rglob("*")}
    assert {name: size for name, size in after.items() if name.name != ".lock"} == before


def test_what_a_user_put_beside_a_rehearsal_is_not_deleted(workspace: Workspace) -> None:
    apart = rehearsals_of(workspace)
    clear(apart, "pets")
    for name in ("notes.txt", "20261129-021440-90da.bak", "a-run"):
        notes = apart.task_folder("pets") / name
        notes.write_text("mine", encoding="utf-8")
        with pytest.raises(
            InputError, match=f"contains {name}, which no rehearsal writes.*nothing was deleted"
        ):
            clear(apart, "pets")
        assert notes.read_text(encoding="utf-8") == "mine"
        notes.unlink()
    clear(apart, "pets")


def test_a_rehearsal_that_was_cut_off_while_it_was_cleared_is_cleared_again(
    workspace: Workspace,
) -> None:
    apart = rehearsals_of(workspace)
    clear(apart, "pets")
    run = apart.task_folder("pets") / "20261129-021440-90da"
    run.mkdir()
    clear(apart, "pets")
    assert not run.exists()
    apart.database("pets").unlink()
    clear(apart, "pets")  # an empty folder with its lock
    with open_store(apart.database("pets")) as store:
        assert store.is_rehearsal()


@pytest.mark.usefixtures("no_keys")
def test_the_command_shows_the_bill(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    options = ["--until", "generate", "--faults", "cut=0.05, 500=0.05", "--json"]
    result = CliRunner().invoke(cli, [*folders, "rehearse", "pets", *options])
    assert result.exit_code == 0, result.output
    [row] = json_rows(result.stdout, "rehearsal")
    assert row["REHEARSAL"] == "pets"
    billed = float(row["billed_usd"])
    assert float(row["answers_usd"]) < billed, "answers that were cut off are billed"
    assert billed <= float(row["answers_usd"]) + float(row["possibly_paid_twice_usd"])


def test_what_cannot_be_rehearsed_is_an_input_error(
    workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    pets()
    with pytest.raises(InputError, match="the stand-in simulates openai:<id>, anthropic"):
        rehearse(workspace, "pets", RehearsalOptions(teacher="http://127.0.0.1:1/v1#m"))
    with pytest.raises(InputError, match="--faults: unknown fault 'rain'; the known ones are 429"):
        parse_faults("rain=1")
    with pytest.raises(InputError, match="--faults: fault cut must be a share from 0 to 1"):
        parse_faults("cut=2")


@pytest.mark.usefixtures("no_keys")
def test_auto_rehearses_whom_the_run_would_ask(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pets()
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    done = rehearse(workspace, "pets", RehearsalOptions(until="generate"))
    assert (done.outcome.run.teacher, done.instead) == ("openai:gpt-6.1-terra", "")


@pytest.mark.usefixtures("no_keys")
def test_a_provider_that_forbids_training_is_no_teacher_of_auto_in_a_rehearsal(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pets()
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    done = rehearse(workspace, "pets", RehearsalOptions(until="generate"))
    assert done.outcome.run.teacher == "openai:gpt-6.1-terra"
    assert "the run's teacher would be embedded" in done.instead


@pytest.mark.usefixtures("no_keys")
@pytest.mark.parametrize("own", ["auto", "embedded", "http://127.0.0.1:9/v1#some-model"])
def test_a_teacher_that_is_not_played_is_replaced_by_no_cheaper_one_and_said(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, own: str
) -> None:
    pets(task_toml=toml(own))
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    command = [*folders, "rehearse", "pets", "--until", "generate", "--json"]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    [row] = json_rows(result.stdout, "rehearsal")
    assert row["teacher"] == "openai:gpt-6.1-terra"
    named = "embedded" if own == "auto" else own
    assert row["why"].startswith(f"the run's teacher would be {named}, which the stand-in cannot")
    apart = Workspace(workspace.prompts, workspace.runs / "rehearsal")
    with open_store(apart.database("pets")) as store:
        paid = store.rows(
            """SELECT completion.usd = prompt_tokens * 0.000001 + completion_tokens * 0.000005
               FROM completion
               WHERE cached_tokens + cache_written_tokens = 0"""
        )
    assert paid and all(is_terras for (is_terras,) in paid), "at its own price"
