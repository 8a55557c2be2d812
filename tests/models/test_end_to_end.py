"""Real models, real servers, real training: the whole way, and the same way with kill -9 in it.

Few rows, so that it takes minutes; nothing is simulated.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from distill.core.errors import ChildError, DistillError
from distill.core.purpose import Purpose
from distill.core.requests import CompletedRequest, Model, PlannedRequest
from distill.core.students import Student
from distill.core.workspace import Workspace
from distill.evaluate import parity
from distill.evaluate.parity import ReferenceAnswers
from distill.llm.client import complete_all
from distill.serve import ServerSettings, vllm
from distill.serve.embedded_models import STUDENT, embedded
from distill.store import open_store
from distill.task.spec import StudentSpec
from distill.train.trainers import unsloth
from distill.train.trainers.base import TrainJob
from distill.train.trainers.recipes import recipe_for
from tests.core.test_processes import wait_until_gone
from tests.support.books import Books
from tests.support.figures import timeless

pytestmark = [pytest.mark.models, pytest.mark.timeout(1500)]

BUNDLED = Path(__file__).parents[2] / "prompts" / "classify"
DISTILL = "from distill.cli import main; main()"
LOOK_AGAIN_SECONDS = 0.2


def every(path: Path, step: int) -> str:
    """A file's header and every `step`-th of its rows."""
    header, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return header + "".join(rows[::step])


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled task with few rows, as the task `tiny`."""
    folder = tmp_path_factory.mktemp("prompts") / "tiny"
    shutil.copytree(BUNDLED, folder)
    for name, step in (("seeds", 4), ("gold", 20), ("inputs", 50)):
        path = folder / f"{name}.jsonl"
        path.write_text(every(path, step), encoding="utf-8")
    text = (folder / "task.toml").read_text(encoding="utf-8").replace("classify", "tiny", 1)
    text = re.sub(r"requests = \d+", "requests = 16", text)
    # So fast that the few rows teach it labels: of a student that still hesitates between all sorts
    # of words the smallest rounding changes the answer.
    text = re.sub(r"epochs = \d+", "epochs = 1\nlearning_rate = 2e-3", text)
    text += "\n[evaluate]\nspeed_requests = 20\n"
    (folder / "task.toml").write_text(text, encoding="utf-8")
    return folder.parent


@dataclass
class Cli:
    """Real processes of the command line, marked so that their whole families can be found."""

    prompts: Path
    runs: Path
    mark: str

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        folders = ["--prompts", str(self.prompts), "--runs", str(self.runs)]
        return subprocess.Popen(
            [sys.executable, "-c", DISTILL, *folders, *arguments],
            env={**os.environ, "DISTILL_TEST": self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """(exit code, output)"""
        with self.start(*arguments) as child:
            output, _ = child.communicate()
        return child.returncode, output

    @property
    def latest(self) -> Path:
        return self.runs / "tiny" / "latest"

    def report(self) -> Any:
        return json.loads((self.latest / "report.json").read_text(encoding="utf-8"))

    def student(self) -> Student:
        with open_store(self.runs / "tiny" / "distill.duckdb") as store:
            student = store.student(self.latest.resolve().name)
        assert student is not None
        return student

    def parity_answers(self) -> list[CompletedRequest]:
        """The answers that the latest run's own parity check was made of."""
        with open_store(self.runs / "tiny" / "distill.duckdb") as store:
            return store.answered(self.latest.resolve().name, Purpose.of_system("parity"))

    def events(self) -> list[Mapping[str, object]]:
        """What the latest run has told; empty before the first."""
        file = self.latest / "events.jsonl"
        return list(lines(file)) if file.exists() else []

    def wait_for(self, child: subprocess.Popen[str], wanted: Mapping[str, str], told: int) -> None:
        """Until such an event has come after as many as were told before."""
        while not any(wanted.items() <= event.items() for event in self.events()[told:]):
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=LOOK_AGAIN_SECONDS)
                raise AssertionError(child.stdout and child.stdout.read())

    def end_in(self, stage: str, step: str, how: signal.Signals) -> tuple[int, str]:
        """Start a run, send it a signal in the step, once that has done something, and see all its
        children gone. Gives its exit code and output."""
        told = len(self.events())
        child = self.start("run", "tiny")
        self.wait_for(child, {"stage": stage, "step": step, "event": "progress"}, told)
        child.send_signal(how)
        output, _ = child.communicate()
        self.wait_until_gone()
        return child.returncode, output

    def wait_until_gone(self) -> None:
        """Until no process of the family runs; the test's timeout is the limit."""
        while family := self.family():
            wait_until_gone(family[:1])

    def family(self) -> list[int]:
        """PIDs of everything that was started from here and still runs."""
        mark = f"DISTILL_TEST={self.mark}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes():
                    found.append(int(process.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found

    def completions(self) -> dict[str, tuple[str, datetime]]:
        """Request → (answer, when it came)."""
        with open_store(Workspace(self.prompts, self.runs).database("tiny")) as store:
            rows = store.rows("SELECT request_id, text, finished FROM completion")
        return {request: (text, at) for request, text, at in rows}


def lines(events: Path) -> Iterator[Mapping[str, object]]:
    """Whole lines of an events file that is being written."""
    for line in events.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)


@pytest.fixture(scope="module")
def undisturbed(prompts: Path, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A run that nothing happened to."""
    cli = Cli(prompts, tmp_path_factory.mktemp("undisturbed"), uuid.uuid4().hex)
    code, output = cli.run("run", "tiny")
    assert code == 0, output
    return cli


def test_the_whole_way(undisturbed: Cli) -> None:
    report = undisturbed.report()
    systems = {system["name"]: system for system in report["systems"]}
    assert list(systems)[:4] == ["teacher", "student", "base", "base_few_shot"]
    assert {system["n"] for system in systems.values()} == {report["data"]["gold"]}
    assert all(systems[name]["valid_rate"] == 1.0 for name in systems)
    assert systems["student"]["prompt_tokens_mean"] < systems["teacher"]["prompt_tokens_mean"]
    data = report["data"]
    assert data["completed"] == data["kept"] + sum(data["dropped"].values())
    assert report["student"]["trained_tokens"] > 1000
    losses = [loss["loss"] for loss in report["student"]["losses"] if "loss" in loss]
    assert losses
    assert report["parity"]["n"] > 10 and report["parity"]["agreement"] >= 0.98
    assert Decimal(report["spend"]["total_usd"]) > 0


def test_the_student_is_an_adapter_and_merged_weights(undisturbed: Cli) -> None:
    student = undisturbed.latest / "student"
    assert (student / "adapter" / "adapter_model.safetensors").exists()
    assert (student / "merged" / "model.safetensors").exists()
    assert (student / "merged" / "tokenizer.json").exists()
    pickled = [path for path in student.rglob("*") if path.suffix in {".bin", ".pt", ".pkl"}]
    assert pickled == []


def end_at_nothing(weights: Path) -> None:
    """The end of an answer is forgotten."""
    for name in ("config.json", "generation_config.json"):
        values = json.loads((weights / name).read_text(encoding="utf-8"))
        values["eos_token_id"] = 0
        (weights / name).write_text(json.dumps(values), encoding="utf-8")
    settings = weights / "tokenizer_config.json"
    values = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(json.dumps(values | {"eos_token": "<|endoftext|>"}), encoding="utf-8")


def forget_the_adapter(weights: Path) -> None:
    """The base in the place of what was merged."""
    shutil.copy(embedded(STUDENT)[1] / "model.safetensors", weights / "model.safetensors")


def begin_twice(weights: Path) -> None:
    """The server begins a prompt with a token that the trainer left out."""
    template = weights / "chat_template.jinja"
    template.write_text("{{ bos_token }}" + template.read_text("utf-8"), encoding="utf-8")


def ask_otherwise(weights: Path) -> None:
    """The served template has other words."""
    template = weights / "chat_template.jinja"
    text = template.read_text(encoding="utf-8")
    template.write_text(text.replace("assistant\n", "assistant:\n"), encoding="utf-8")
    assert template.read_text(encoding="utf-8") != text


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (end_at_nothing, "do not end"),
        (forget_the_adapter, "the saved weights differ from the trained ones"),
        (begin_twice, "adds a BOS token"),
        (ask_otherwise, "chat template in its folder differs"),
    ],
)
def test_a_student_that_is_served_wrongly_is_seen(
    undisturbed: Cli, tmp_path: Path, fault: Callable[[Path], None], seen: str
) -> None:
    student, weights = undisturbed.student(), tmp_path / "merged"
    trained = parity.trained_answers(student)
    assert trained is not None and len(trained.rows) > 10
    shutil.copytree(student.folder / "merged", weights)
    fault(weights)
    if fault is begin_twice:  # with the same words on both sides the template tells nothing
        template = (weights / "chat_template.jinja").read_bytes()
        trained = replace(trained, template=hashlib.sha256(template).hexdigest())
    if fault is ask_otherwise:  # which needs no server to show: every answer is right
        answers = undisturbed.parity_answers()
    else:
        answers = served(trained, weights, tmp_path / "vllm.log")
    with pytest.raises(DistillError, match=f"does not match the trained one: .*{seen}"):
        parity.gate(trained, answers, weights, 0.98)


def served(trained: ReferenceAnswers, weights: Path, log: Path) -> list[CompletedRequest]:
    """What vLLM makes of the trainer's prompts."""
    model = Model("student@x", weights, "chat")
    requests = parity.requests(trained, model)
    books = Books(requests)
    with vllm.serve(model, ServerSettings(8, Decimal(1), log)) as endpoint:
        complete_all(endpoint, books)
    found = {row.request_id: row for row in books.completions}
    return [
        CompletedRequest(
            PlannedRequest(Purpose.of_system("parity"), "", request), found[request.id]
        )
        for request in requests
    ]


def test_nothing_is_left_running(undisturbed: Cli) -> None:
    assert undisturbed.family() == []


@pytest.mark.nightly
def test_kill_9_in_every_stage_and_ctrl_c_change_nothing_but_time(
    undisturbed: Cli, prompts: Path, tmp_path: Path
) -> None:
    """In every stage that works with models; test_kills.py kills the writes that end the others."""
    cli = Cli(prompts, tmp_path, uuid.uuid4().hex)
    code, output = cli.end_in("generate", "synthesize", signal.SIGKILL)
    before = cli.completions()
    assert (code, bool(before)) == (-signal.SIGKILL, True), output
    code, output = cli.end_in("train", "unsloth", signal.SIGINT)
    assert code == 130, output
    assert "Traceback" not in output
    for stage, step in (("train", "unsloth"), ("evaluate", "teacher")):
        code, output = cli.end_in(stage, step, signal.SIGKILL)
        assert code == -signal.SIGKILL, output
    before |= cli.completions()
    code, output = cli.run("run", "tiny")
    assert code == 0, output
    after = cli.completions()
    assert before.items() <= after.items(), "a stored answer was asked for again"
    assert len([path for path in (tmp_path / "tiny").iterdir() if path.is_dir()]) == 2
    assert timeless(cli.report()) == timeless(undisturbed.report())


def test_serve_answers_those_with_the_key_and_ends_with_ctrl_c(
    undisturbed: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "only-for-this-test")
    child = undisturbed.start("serve", "tiny", "--host", "0.0.0.0")
    assert child.stdout is not None
    printed = []
    for line in child.stdout:
        printed.append(line)
        if line.startswith("curl "):
            break
    found = re.match(r"curl (\S+) .* -d '(.*)'$", printed[-1])
    assert found is not None, "".join(printed)
    url, body = found[1], found[2].replace("'\\''", "'").encode()
    assert '-H "Authorization: Bearer $VLLM_API_KEY"' in printed[-1]
    assert "only-for-this-test" not in "".join(printed)
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError, match="401"), urllib.request.urlopen(asked):
        pass
    asked.add_header("Authorization", "Bearer only-for-this-test")
    with urllib.request.urlopen(asked) as response:
        answer = json.load(response)["choices"][0]["message"]["content"]
    assert answer in json.loads(body)["structured_outputs"]["choice"]
    child.send_signal(signal.SIGINT)
    assert child.wait() == 130
    child.stdout.close()
    undisturbed.wait_until_gone()


def test_a_server_that_dies_shows_its_log(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    model = Model("broken", tmp_path / "model", "chat")
    settings = ServerSettings(1, Decimal(1), tmp_path / "vllm.log")
    with (
        pytest.raises(ChildError, match=r"the vLLM server ended with code 1\.") as caught,
        vllm.serve(model, settings),
    ):
        pass
    assert "vllm.log" in str(caught.value)
    assert len(str(caught.value).splitlines()) > 5


def test_a_trainer_that_dies_shows_its_log(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("", encoding="utf-8")
    rows = tmp_path / "rows.jsonl"
    out, log = tmp_path / "out", tmp_path / "train.log"
    job = TrainJob(
        str(tmp_path / "no"),
        rows,
        rows,
        rows,
        out,
        log,
        asdict(recipe_for(StudentSpec().model_dump(), 1, labelled=True)),
        "",
    )
    with pytest.raises(ChildError, match=r"the trainer \(unsloth\) ended with code 1\."):
        unsloth.train(job, lambda steps: None)
