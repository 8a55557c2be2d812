"""`distill import`: a screen that says what was found, or one JSON object."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from distill.cli import cli
from distill.core.errors import InputError
from tests.conftest import jsonl, write_pets
from tests.task.logs.samples import MODEL, SYSTEM
from tests.task.logs.test_importing import bad_log

LINES = 16


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the task `pets` and a log, as the working folder."""
    monkeypatch.chdir(tmp_path)
    write_pets(tmp_path / "prompts")
    (tmp_path / "calls").write_text(jsonl(bad_log()), encoding="utf-8")
    return tmp_path


def distill(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_one_screen_says_what_was_found(there: Path) -> None:
    shown = distill("import", "pets", "calls")
    assert shown.exit_code == 0, shown.output
    lines = dict(line.split("  ", 1) for line in shown.stdout.splitlines())
    found = {name.strip(): said.strip() for name, said in lines.items() if name.strip()}
    assert found["calls"] == "7, 2026-11-29 to 2026-11-29"
    assert found["not used"] == "1 streamed, without the text, 1 failed, 1 tool call"
    assert found["secrets"] == "2 AWS Access Key" and found["masked"] == "2 email, 2 secret"
    assert found["models"] == f"openai:{MODEL} 7"
    assert found["system prompt"] == f'"{SYSTEM}" (7 calls)'
    assert found["added"] == "2 inputs to prompts/pets/inputs.jsonl"
    assert found["today"].startswith("$0.0102 for 1,000 calls, at list prices: 60 and 2 tokens of")
    assert "next: distill check pets" in shown.stderr
    assert len(shown.output.splitlines()) <= LINES


def test_the_figures_are_one_object(there: Path) -> None:
    shown = json.loads(distill("import", "pets", "calls", "--json").stdout)["rows"][0]
    assert (shown["calls"], shown["distinct"], shown["inputs"]) == (7, 6, 2)
    assert shown["secrets"] == {"AWS Access Key": 2}
    assert shown["today"]["usd_per_1k"] == "0.010200" and shown["today"]["written"] is True


def test_logs_of_several_files_are_one(there: Path) -> None:
    (there / "more").write_text(jsonl([bad_log()[0]]), encoding="utf-8")
    shown = json.loads(distill("import", "pets", "calls", "more", "--json").stdout)["rows"][0]
    assert (shown["calls"], shown["distinct"], shown["inputs"]) == (8, 6, 2)


def test_a_missing_log_is_one_message_and_exit_code_2(there: Path) -> None:
    shown = distill("import", "pets", "cals")
    assert isinstance(shown.exception, InputError) and shown.exception.exit_code == 2
    assert "cals is not a file" in str(shown.exception)
    assert not (there / "prompts" / "pets" / "inputs.jsonl").exists()


def test_a_teacher_that_does_the_job_today_is_no_section(there: Path) -> None:
    path = there / "prompts" / "pets" / "task.toml"
    model = f'[teacher]\nmodel = "openai:{MODEL}"'
    before = path.read_text(encoding="utf-8").replace("[teacher]", model)
    path.write_text(before, encoding="utf-8")
    shown = distill("import", "pets", "calls")
    assert (
        "not written as [today]: it is the teacher, whose tokens the run measures" in shown.stdout
    )
    assert path.read_text(encoding="utf-8") == before
