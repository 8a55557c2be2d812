"""The extras of the installation: a missing one is a message with the command that installs it."""

import sys
import tomllib
from collections.abc import Sequence
from importlib.metadata import Distribution
from pathlib import Path

import pytest

import distill
from distill.cli import main
from distill.core import extras
from distill.core.errors import InvalidInput
from distill.core.extras import MODULES, check_installed, install, missing
from distill.core.hardware import how_to_install
from tests.task.new.test_new import as_csv, labelled

PYPROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_each_extra_is_declared() -> None:
    assert set(PYPROJECT["optional-dependencies"]) == set(MODULES)


@pytest.mark.parametrize("extra", MODULES)
def test_the_setup_installs_all_extras(extra: extras.Extra) -> None:
    assert missing(extra) == []
    check_installed("this", extra)


def test_what_is_missing_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "peft" else name)
    with pytest.raises(InvalidInput) as caught:
        check_installed("a run", "local", "excel")
    assert caught.value.exit_code == 2
    said = f"a run needs packages that are not installed: peft: {install('local')}"
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("told", "command"),
    [
        (None, "pip install 'distillation-factory[local,excel]'"),
        ('{"url": "https://example.com/a.whl"}', "pip install 'distillation-factory[local,excel]'"),
        ('{"url": "file:///no/such/folder"}', "pip install 'distillation-factory[local,excel]'"),
        ('{"url": "file:///usr%2Flib"}', "pip install '/usr/lib[local,excel]'"),
    ],
)
def test_the_command_installs_from_where_the_tool_is_from(
    monkeypatch: pytest.MonkeyPatch, told: str | None, command: str
) -> None:
    class Installed(Distribution):
        def read_text(self, filename: str) -> str | None:
            assert filename == "direct_url.json"
            return told

        def locate_file(self, path: object) -> Path:
            raise AssertionError

    monkeypatch.setattr(extras, "distribution", lambda name: Installed())
    assert install("local", "excel") == command


def ended(monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]) -> object:
    monkeypatch.setattr(sys, "argv", ["distill", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code or 0


def test_a_file_that_needs_an_extra_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (tmp_path / "a.xlsx").write_text("x", encoding="utf-8")
    assert ended(monkeypatch, ["new", "tickets", "--from", "a.xlsx"]) == 2
    [line, _] = capfd.readouterr().err.splitlines()
    assert line.startswith("error: this needs packages that are not installed: openpyxl: pip")
    assert line.endswith("[excel]'")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["run", "tickets"], "a run needs packages that are not installed: torch, transformers,"),
        (["rehearse", "tickets"], "a rehearsal needs packages that are not installed: starlette,"),
    ],
)
def test_a_run_says_what_is_missing_before_it_begins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(as_csv(labelled()), encoding="utf-8")
    assert ended(monkeypatch, ["new", "tickets", "--from", "a.csv"]) == 0
    capfd.readouterr()
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert ended(monkeypatch, command) == 2
    assert says in capfd.readouterr().err
    assert not list(tmp_path.rglob("distill.duckdb"))


def test_outside_a_clone_a_server_comes_with_an_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "run `make setup`" in how_to_install("vllm")
    monkeypatch.setattr(distill, "__file__", str(tmp_path / "distill" / "__init__.py"))
    assert how_to_install("vllm").endswith(install("local"))
    assert how_to_install("unsloth").endswith(install("unsloth"))
