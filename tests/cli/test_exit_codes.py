"""Each exit code, of real processes."""

import re
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from distill import pipeline
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.rehearsal.provider import Settings
from tests.conftest import PETS, WriteTask, jsonl, pet_rows, point_to
from tests.support.command import json_rows
from tests.support.provider import running
from tests.support.runs import finished
from tests.support.scripted_run import NO_STAGE
from tests.support.standin import StandIn

ROOT = Path(__file__).parents[2]
LABELS = "[labels]\n" + "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
PAID = f'name = "pets"\nkind = "classify"\n{LABELS}[teacher]\nmodel = "openai:gpt-6-luna"\n'
PAID += "[generate]\nrequests = 12\nseeds_shown = 2\n"

Process = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow("starts real processes")


@pytest.fixture
def process(workspace: Workspace, scripted_backends: StandIn) -> Process:
    """A real process without a terminal, whose local models are scripted."""

    def started(*arguments: str) -> subprocess.CompletedProcess[str]:
        folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
        command = [sys.executable, "-m", "tests.support.scripted_run", scripted_backends.url]
        return subprocess.run(
            [*command, NO_STAGE, *folders, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )

    return started


def test_0_done(pets: WriteTask, process: Process) -> None:
    pets()
    assert process("tasks").returncode == 0


def test_1_failed_and_3_another_verdict(
    workspace: Workspace, pets: WriteTask, process: Process
) -> None:
    pets()
    finished(workspace, "pets", RunOptions("split"))
    done = process("report", "pets")
    assert (done.returncode, "is not finished" in done.stderr) == (1, True)
    pipeline.run(workspace, "pets")
    assert process("report", "pets", "--exit-code").returncode == 3
    assert process("report", "pets").returncode == 0


def test_2_usage_input_and_consent(
    workspace: Workspace, pets: WriteTask, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    pets(task_toml=PAID)
    assert process("run").returncode == 2
    assert process("run", "fish").returncode == 2
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nobody")
    done = process("run", "pets")
    assert (done.returncode, "a key in the environment is not consent" in done.stderr) == (2, True)
    assert not workspace.database("pets").exists()


def test_4_a_missing_key(workspace: Workspace, pets: WriteTask, process: Process) -> None:
    pets(task_toml=PAID)
    done = process("run", "pets", "--yes", "--json")
    assert done.returncode == 4
    [row] = json_rows(done.stdout, "error")
    assert (row["key"], row["message"]) == ("OPENAI_API_KEY", "openai:gpt-6-luna needs a key")
    assert "set OPENAI_API_KEY in the environment" in row["fix"]
    assert not workspace.database("pets").exists(), "the run's row is written after the check"


class Refuses(BaseHTTPRequestHandler):
    """A provider that accepts no key."""

    def do_GET(self) -> None:
        body = b'{"error": {"message": "Incorrect API key provided"}}'
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


def test_4_a_key_that_is_not_accepted(
    workspace: Workspace, pets: WriteTask, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    pets(task_toml=PAID)
    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        point_to(monkeypatch, f"http://127.0.0.1:{server.server_port}", key="sk-wrong")
        done = process("run", "pets", "--yes")
        server.shutdown()
    assert (done.returncode, done.stdout) == (4, "")
    assert "the key in OPENAI_API_KEY is not accepted" in done.stderr
    assert not workspace.database("pets").exists()


def test_75_batches_are_pending(
    workspace: Workspace,
    pets: WriteTask,
    process: Process,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pets(task_toml=PAID)
    seeds = tmp_path / "provider.jsonl"
    seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
    with running(Settings(seeds, batch_seconds=600.0)) as provider:
        point_to(monkeypatch, provider.url)
        first = process("run", "pets", "--detach", "--yes")
        again = process("run", "pets", "--until", "generate", "--detach", "--yes", "--json")
    assert first.returncode == 75, first.stderr
    assert "requests are pending in batches" in first.stdout
    assert again.returncode == 75, again.stderr
    [row] = json_rows(again.stdout, "run")
    assert "requests are pending in batches" in row["waiting"] and row["stages"] == []


def test_the_docs_have_each_code_once() -> None:
    docs = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    table = docs.partition("## Exit codes")[2].partition("##")[0]
    assert re.findall(r"^\| (\d+) \|", table, re.M) == ["0", "1", "2", "3", "4", "75", "130"]
