"""Commands in a locale without UTF-8: every text is printed, typed and read."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from distill.cli.streams import SIGNS, prepare_streams, typed
from distill.core.workspace import Workspace
from tests.conftest import PETS, WriteTask, jsonl, pet_rows

DISTILL = [sys.executable, "-c", "from distill.cli import main; main()"]
ASCII = [
    {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "ascii"},
]
LATIN = {"PYTHONIOENCODING": "latin-1"}
CATS = "猫 – café"
LABELS = {CATS: "about a cat"} | {name: PETS[name] for name in ("dogs", "birds")}


def process(
    workspace: Workspace, locale: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[bytes]:
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    return subprocess.run(
        [*DISTILL, *folders, *arguments],
        capture_output=True,
        check=False,
        env=dict(os.environ) | locale,
    )


def write_foreign(pets: WriteTask) -> None:
    """A task whose label and rows are not ASCII."""

    def rows(name: str, count: int) -> str:
        found = pet_rows(name, count)
        return jsonl([row | {"label": CATS} if row["label"] == "cats" else row for row in found])

    labels = "[labels]\n" + "".join(f'"{name}" = "{said}"\n' for name, said in LABELS.items())
    toml = f'name = "pets"\nkind = "classify"\n{labels}'
    pets(task_toml=toml, seeds_jsonl=rows("seed", 4), gold_jsonl=rows("gold", 5))


@pytest.mark.slow("starts real processes")
@pytest.mark.parametrize("locale", ASCII, ids=["locale", "encoding"])
def test_no_command_fails_on_a_sign(
    workspace: Workspace, pets: WriteTask, locale: dict[str, str]
) -> None:
    write_foreign(pets)
    for command in (["check", "pets"], ["tasks"], ["leaks", "pets"], ["--help"]):
        done = process(workspace, locale, *command)
        assert done.returncode == 0, (command, done.stderr)
        assert b"Traceback" not in done.stderr
        (done.stdout + done.stderr).decode("utf-8")
    (workspace.prompts / "pets" / "gold.jsonl").write_text(
        json.dumps({"input": "a cat", "label": CATS[:-1]}), encoding="utf-8"
    )
    done = process(workspace, locale, "run", "pets")
    assert done.returncode == 2
    said = f"unknown label '{CATS[:-1]}'; did you mean {CATS}?"
    assert said in done.stderr.decode("utf-8"), "Click takes ASCII for UTF-8"


def test_what_an_encoding_has_is_shown(workspace: Workspace, pets: WriteTask) -> None:
    write_foreign(pets)
    (workspace.prompts / "pets" / "gold.jsonl").write_text("", encoding="utf-8")
    (workspace.prompts / "pets" / "seeds.jsonl").write_text(
        json.dumps({"input": "a dog", "label": "dogs"}), encoding="utf-8"
    )
    done = process(workspace, LATIN, "tasks")
    assert "no seed for \\u732b - café".encode("latin-1") in done.stdout


def test_what_is_typed_is_utf_8_in_any_locale(workspace: Workspace, tmp_path: Path) -> None:
    assert typed("caf\udcc3\udca9") == typed("café") == "café"
    assert typed("\udcff") == "\ufffd"
    done = process(workspace, ASCII[0], "run", "café")
    assert done.returncode == 2 and b"Traceback" not in done.stderr


def test_our_own_signs_are_readable_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii"))
    prepare_streams()
    print("".join(SIGNS) + "é猫\udcff")  # noqa: T201
    sys.stdout.flush()
    assert shown.getvalue().decode().rstrip() == "".join(SIGNS.values()) + "\\xe9\\u732b\\udcff"
