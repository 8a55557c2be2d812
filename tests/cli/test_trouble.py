"""The entries of docs/trouble.md: each is linked from the error of a command that really fails."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from distill.cli.trouble import PAGE, entries, link_of, more_on, table
from distill.core import extras
from distill.core.errors import DistillError
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.evaluate import parity
from distill.pipeline import run
from distill.serve import SERVERS, embedded_models, vllm
from distill.train.trainers import lora
from tests.cli.test_common_mistakes import ENTRIES, LABELS
from tests.cli.test_exit_codes import Refuses
from tests.conftest import WriteTask, jsonl, pet_rows, point_to
from tests.llm.test_paid_teacher import Start, providers
from tests.models.test_parity import served, trained
from tests.support.command import invoke, json_rows
from tests.support.runs import finished
from tests.test_links import anchors

ROOT = Path(__file__).parents[2]
HEAD = f'name = "pets"\nkind = "classify"\n{LABELS}'
PAID = f'{HEAD}[generate]\nrequests = 60\nseeds_shown = 2\n[teacher]\nmodel = "openai:gpt-6-luna"\n'
INPUTS = jsonl([{"input": f"the old cat number {number} sleeps"} for number in range(40)])

__all__ = ["providers"]


@dataclass(frozen=True)
class Setting:
    """What a failing command needs."""

    workspace: Workspace
    pets: WriteTask
    start: Start
    monkeypatch: pytest.MonkeyPatch
    folder: Path

    def run(self, *arguments: str) -> None:
        """Run a command in this process. Raises the error that ends it."""
        done = invoke(self.workspace, *arguments)
        if done.exception:
            raise done.exception

    def paid(self, more: str = "", **faults: float) -> None:
        """Run the task with a paid teacher at a stand-in that shows faults."""
        self.pets(task_toml=PAID + more, inputs_jsonl=INPUTS)
        with self.start(**faults):
            self.run("run", "pets", "--yes")


def no_space_for_models(at: Setting) -> None:
    (at.folder / "file").write_text("in the way", encoding="utf-8")
    at.monkeypatch.setenv("DISTILL_MODELS", str(at.folder / "file"))
    embedded_models.embedded(embedded_models.TEACHER)


def missing_extra(at: Setting) -> None:
    at.pets()
    at.monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "peft" else name)
    at.run("run", "pets")


def damaged_report(at: Setting) -> None:
    at.pets()
    done = run(at.workspace, "pets", RunOptions("generate"))
    done.context.folder.joinpath("report.json").write_text("{", encoding="utf-8")
    at.pets(student_md="Which pet is it?\n")
    at.run("report", "pets")


def another_folder(at: Setting) -> None:
    at.run("plan", "pets")


def seeds_too_close(at: Setting) -> None:
    rows = [row for row in pet_rows("seed", 4) if row["label"] != "cats"]
    close = {"input": "please feed cat 0, could you", "label": "cats"}
    at.pets(seeds_jsonl=jsonl([*rows, close]))
    at.run("run", "pets")


def examples_too_close(at: Setting) -> None:
    inputs = [{"input": f"{row['input']} now"} for row in pet_rows("gold", 5)]
    at.pets(task_toml=f"{HEAD}[leaks]\nmost_share = 0\n", inputs_jsonl=jsonl(inputs))
    at.run("run", "pets", "--until", "split")


def refused_key(at: Setting) -> None:
    at.pets(task_toml=PAID)
    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        point_to(at.monkeypatch, f"http://127.0.0.1:{server.server_port}", key="sk-wrong")
        try:
            at.run("run", "pets", "--yes")
        finally:
            server.shutdown()


def no_consent(at: Setting) -> None:
    at.pets(task_toml=PAID)
    at.monkeypatch.setenv("OPENAI_API_KEY", "sk-nobody")
    at.run("run", "pets")


def budget(at: Setting) -> None:
    at.paid("[budget]\nusd = 0.001\n")


def no_credit(at: Setting) -> None:
    at.paid(no_credit=1.0)


def terms(at: Setting) -> None:
    at.pets(task_toml=PAID.replace("openai:gpt-6-luna", "anthropic:claude-haiku-5-5") + "[terms]\n")
    at.monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-nobody")
    at.run("run", "pets", "--yes")


def locked(at: Setting) -> None:
    at.pets()
    with at.workspace.locked("pets"):
        at.run("run", "pets")


def useless_teacher(at: Setting) -> None:
    at.paid(nonsense=1.0)


def nothing_kept(at: Setting) -> None:
    few = "[generate]\nrequests = 6\nseeds_shown = 2\n[student]\nseed_repeats = 0\n"
    at.pets(task_toml=f"{HEAD}{few}[curate]\nmax_words = 1\n")
    at.run("run", "pets", "--until", "split")


def killed_trainer(at: Setting) -> None:
    """The interpreter of the trainer's environment kills itself, as the kernel would."""
    python = at.folder / "python"
    python.write_text("#!/bin/sh\nkill -9 $$\n", encoding="utf-8")
    python.chmod(0o755)
    at.monkeypatch.setattr(lora, "interpreter", lambda name: str(python))
    at.pets(task_toml=f'{HEAD}[student]\ntrainer = "peft"\n')
    at.run("run", "pets", "--until", "train")


def served_otherwise(at: Setting) -> None:
    (at.folder / "chat_template.jinja").write_text("another", encoding="utf-8")
    parity.gate(trained(), served(trained()), at.folder, 0.98)


def full_disk(at: Setting) -> None:
    """A limit of file sizes makes DuckDB's writes fail as a full disk does."""
    code = f"""
import resource
from pathlib import Path
from distill.store import open_store
path = Path({str(at.folder / "distill.duckdb")!r})
with open_store(path) as store:
    store.finish_stage("r", "kept", 1.0)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
with open_store(path) as store:
    for number in range(100):
        store.finish_stage("r", "x" * 200_000 + str(number), 1.0)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 1
    raise DistillError(done.stderr)


def taken_port(at: Setting) -> None:
    at.pets()
    finished(at.workspace, "pets", RunOptions("train"))
    at.monkeypatch.setitem(SERVERS, "vllm", vllm)
    with socket.create_server(("127.0.0.1", 0)) as server:
        at.run("serve", "pets", "--port", str(server.getsockname()[1]))


FAILING: dict[str, Callable[[Setting], None]] = {
    "unpack": no_space_for_models,
    "missing-extra": missing_extra,
    "damaged-report": damaged_report,
    "no-folder": another_folder,
    "seeds-too-close": seeds_too_close,
    "examples-too-close": examples_too_close,
    "key-not-accepted": refused_key,
    "no-consent": no_consent,
    "budget": budget,
    "no-credit": no_credit,
    "terms": terms,
    "locked": locked,
    "no-usable-answer": useless_teacher,
    "no-example": nothing_kept,
    "trainer-killed": killed_trainer,
    "parity": served_otherwise,
    "disk-full": full_disk,
    "port-taken": taken_port,
}


def test_each_entry_has_a_command_that_fails() -> None:
    of_setup = ["no-python"]
    assert sorted([*ENTRIES, *FAILING, *of_setup]) == sorted(entry.id for entry in entries())
    mistakes = {entry.id: len(ENTRIES.get(entry.id, ("one",))) for entry in entries()}
    assert mistakes == {entry.id: len(entry.messages) for entry in entries()}


@pytest.fixture
def setting(
    workspace: Workspace,
    pets: WriteTask,
    providers: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Setting:
    """The folders of a test, and providers that a failing command starts."""
    return Setting(workspace, pets, providers, monkeypatch, tmp_path)


@pytest.mark.parametrize("entry", FAILING)
@pytest.mark.usefixtures("scripted_backends")
def test_the_error_links_to_its_entry(setting: Setting, entry: str) -> None:
    with pytest.raises(DistillError) as failed:
        FAILING[entry](setting)
    assert link_of(str(failed.value)) == f"{PAGE}#{entry}", failed.value


def test_each_link_leads_to_a_row_of_the_page() -> None:
    page = ROOT / PAGE
    assert {entry.id for entry in entries()} <= anchors(page)
    for section in dict.fromkeys(entry.section for entry in entries()):
        assert table(section) in page.read_text(encoding="utf-8")


def test_setup_says_so_without_python() -> None:
    """Every candidate fails: no name of a Python is found on this path."""
    script = (ROOT / "scripts" / "setup").read_text(encoding="utf-8")
    search = re.search(r"^find_python.*?^}", script, re.MULTILINE | re.DOTALL)
    assert search
    command = ["/bin/bash", "-c", f"{search[0]}\nfind_python"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": ""})
    assert done.returncode == 2
    assert link_of(done.stderr) == f"{PAGE}#no-python"


def test_an_error_ends_with_its_links(workspace: Workspace, pets: WriteTask) -> None:
    folder = pets().folder
    (folder / "gold.jsonl").write_text('{"input": "a cow", "label": "cow"}\n', encoding="utf-8")
    (folder / "inputs.jsonl").write_text('{"text": "a cow"}\n', encoding="utf-8")
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    code = "from distill.cli import main; main()"
    command = [sys.executable, "-c", code, *folders, "plan", "pets", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    both = {f"{PAGE}#unknown-label", f"{PAGE}#missing-key"}
    (more,) = done.stderr.splitlines()[-1:]
    assert {*more.removeprefix("More: ").split(", ")} == both
    assert {row["docs"] for row in json_rows(done.stdout, "error")} == both


def test_an_error_without_an_entry_has_no_link() -> None:
    assert more_on(["the moon is full"]) == "" and link_of("the moon is full") is None
    assert more_on(["x needs a key", "the moon is full", "y needs a key"]) == (
        f"More: {PAGE}#needs-a-key"
    )


def test_a_check_that_stops_ends_with_its_links(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=PAID)
    done = invoke(workspace, "check", "pets")
    assert done.exit_code == 2
    assert f"More: {PAGE}#needs-a-key" in done.stderr.splitlines()
