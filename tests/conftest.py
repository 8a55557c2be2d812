"""What every test gets: no network, no keys, and a small task in a folder of its own."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from distill.core.progress import Progress
from distill.core.workspace import Workspace
from distill.llm.batches import runner
from distill.rehearsal.provider import Settings
from distill.rehearsal.provider import StandIn as Provider
from distill.task import Task
from distill.task.loading import load_task
from distill.task.run_context import Context
from distill.train.trainers import openai as openai_trainer
from tests.no_network import sitecustomize
from tests.support import runs, scripted
from tests.support.open_store import staying_open
from tests.support.provider import running
from tests.support.standin import StandIn

# The same hook for this process and, through PYTHONPATH, for every child.
sitecustomize.install()
# Each worker has one core: threads of torch and BLAS that wait for another core take its time.
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if IS_WORKER:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")
# A shell's background job ignores Ctrl-C, and so would the children that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["PYTHONPATH"] = str(Path(sitecustomize.__file__).parent)
for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
    os.environ.pop(key, None)

# Processor time, since the time on the clock depends on what else the machine does. A second is one
# of the machine on which `pace` took PACE_SECONDS.
MOST_CPU_SECONDS = 5.0
MOST_CPU_SECONDS_OF_SLOW = 30.0
LISTED_CPU_SECONDS = 3.0
PACE_SECONDS = 0.08
LOOK_AGAIN_SECONDS = 0.05
# What takes seconds to import: before the first test, so that no test has to answer for it.
HEAVY = (
    *("anthropic", "cleanlab", "matplotlib.figure", "openai", "scipy.stats"),
    *("sklearn.feature_extraction.text", "sklearn.linear_model", "sklearn.metrics"),
    *("sentence_transformers", "statsmodels.api", "torch", "transformers"),
)
PETS = {"cats": "about a cat", "dogs": "about a dog", "birds": "about a bird"}

PERMISSION = '\n[terms]\nconfirmed = "a stand-in answers"\n'

WriteTask = Callable[..., Task]


def cpu_seconds() -> float:
    """The processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def pytest_sessionstart(session: pytest.Session) -> None:
    """Import in a worker what takes long."""
    if IS_WORKER:
        for name in HEAVY:
            importlib.import_module(name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests with models out among workers (`--dist loadfile`)."""
    from tests.support.scheduling import OneServer

    return OneServer(config, log) if config.getvalue("dist") == "loadfile" else None


def pace() -> float:
    """The processor time, in seconds, of a fixed piece of work: the least of three."""

    def once() -> float:
        before = time.process_time()
        sorted(str(number) for number in range(500_000))
        return time.process_time() - before

    return min(once() for _ in range(3))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a quick test that takes too much processor time; alone, it imports everything itself."""
    before = cpu_seconds()
    yield
    took = cpu_seconds() - before
    if not IS_WORKER or any(item.get_closest_marker(name) for name in ("models", "nightly")):
        return
    is_slow = item.get_closest_marker("slow")
    item.user_properties.append(("cpu_seconds", 0.0 if is_slow else took))
    most = MOST_CPU_SECONDS_OF_SLOW if is_slow else MOST_CPU_SECONDS
    if took > most and (took := took / max(1.0, pace() / PACE_SECONDS)) > most:
        pytest.fail(
            f"{took:.1f} s of processor time, and a quick test may take {most:.0f}. Share what it "
            "sets up, stop its runs with `until=`, or mark it `nightly`, or `slow` with a reason.",
            pytrace=False,
        )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List the quick tests that come near the limit, most processor time first."""
    took = {
        report.nodeid: dict(report.user_properties).get("cpu_seconds", 0.0)
        for report in terminalreporter.stats.get("passed", [])
    }
    near = sorted((took, test) for test, took in took.items() if took > LISTED_CPU_SECONDS)
    for seconds, test in reversed(near):
        terminalreporter.write_line(f"{seconds:.1f} s of processor time: {test}")


def pet_rows(kind: str, count: int) -> list[dict[str, str]]:
    """`count` rows for each label, each with the word that tells it; gold reads otherwise."""
    seed, gold = "the {kind} {pet} number {n} of ours is hungry", "could you feed {pet} {n} please"
    text = gold if kind == "gold" else seed
    return [
        {"input": text.format(kind=kind, pet=label[:-1], n=number), "label": label}
        for label in PETS
        for number in range(count)
    ]


def jsonl(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def write_pets(prompts: Path, **changes: str) -> None:
    """The task `pets`; a change replaces a file's text, its name with _ for the dot."""
    texts = {
        "task_toml": 'name = "pets"\nkind = "classify"\n[labels]\n'
        + "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
        + "[generate]\nrequests = 30\nseeds_shown = 2\n[teacher]\nfew_shot = 3\n",
        "synthesize_md": "About {{ label }}:\n{% for seed in seeds %}\n- {{ seed.input }}\n"
        "{% endfor %}\n-\n",
        "answer_md": "{% for seed in seeds %}\n{{ seed.input }} -> {{ seed.answer }}\n"
        "{% endfor %}\n{{ input }} ->\n",
        "student_md": "Which pet?\n",
        "seeds_jsonl": jsonl(pet_rows("seed", 4)),
        "gold_jsonl": jsonl(pet_rows("gold", 5)),
    } | changes
    write_files(prompts / "pets", texts)


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Texts into a task's folder, by their files' names with _ for the dot. A task that says
    nothing of terms may learn from any teacher: providers are stand-ins here."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        stem, _, suffix = name.rpartition("_")
        more = PERMISSION if name == "task_toml" and "[terms]" not in text else ""
        (folder / f"{stem}.{suffix}").write_text(text + more, encoding="utf-8")


@pytest.fixture(autouse=True)
def look_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after batches and trainings all the time: a stand-in's take a part of a second."""
    for waiting in (runner, openai_trainer):
        monkeypatch.setattr(waiting, "FIRST_PAUSE_SECONDS", LOOK_AGAIN_SECONDS)
        monkeypatch.setattr(waiting, "LONGEST_PAUSE_SECONDS", LOOK_AGAIN_SECONDS)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Empty folders."""
    return Workspace(tmp_path / "prompts", tmp_path / "runs")


@pytest.fixture
def pets(workspace: Workspace) -> WriteTask:
    """Writes the task `pets`, with changes, and loads it."""

    def write(**changes: str) -> Task:
        write_pets(workspace.prompts, **changes)
        return load_task(workspace.prompts, "pets")

    return write


@pytest.fixture
def context(workspace: Workspace, pets: WriteTask) -> Context:
    """A context of the task `pets`, without a run in the store."""
    folder = workspace.run_folder("pets", "r1")
    progress = Progress(folder / "events.jsonl", lambda line: None)
    return Context(pets(), "r1", folder, workspace.database("pets"), progress)


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A strict OpenAI-shaped server on loopback that answers by rules."""
    with StandIn.started() as server:
        yield server


@pytest.fixture
def drawn_charts() -> None:
    """Requested by a test whose scripted runs draw their charts."""


@pytest.fixture
def whole_load() -> None:
    """Requested by a test whose scripted runs send every request of a load test."""


@pytest.fixture
def all_probes() -> None:
    """Requested by a test whose scripted runs ask every probe for side effects."""


@pytest.fixture
def scripted_backends(
    request: pytest.FixtureRequest,
    standin: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[StandIn]:
    """Every model is the stand-in, and the trainer copies its base: a run takes a second. Each
    report.json is checked against its schema.

    Charts, whole load tests and all probes are for those who request `drawn_charts`, `whole_load`
    and `all_probes`.
    """
    runs.compile_templates_once(monkeypatch)
    runs.fit_once(monkeypatch)
    runs.check_reports(monkeypatch)
    if "drawn_charts" not in request.fixturenames:
        runs.draw_no_charts(monkeypatch)
    if "whole_load" not in request.fixturenames:
        runs.load_lightly(monkeypatch)
    if "all_probes" not in request.fixturenames:
        runs.probe_lightly(monkeypatch)
    models = scripted.write_models(tmp_path / "models")
    monkeypatch.setenv("DISTILL_MODELS", str(models))
    scripted.replace_backends(monkeypatch, standin)
    with staying_open():
        yield standin


@contextmanager
def held_by_another_process(database: Path) -> Iterator[int]:
    """A store that a process, whose number it gives, has open."""
    code = f"""
import sys
from pathlib import Path
from distill.store import open_store
with open_store(Path({str(database)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        yield holder.pid
        holder.stdin.close()
        assert holder.wait() == 0


def point_to(monkeypatch: pytest.MonkeyPatch, url: str, key: str = "test") -> None:
    """Let both official clients look for their provider at a stand-in."""
    monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(variable, key)


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Both providers, who answer what the seeds say."""
    seeds = tmp_path / "provider.jsonl"
    seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
    with running(Settings(seeds)) as standin:
        point_to(monkeypatch, standin.url)
        yield standin
