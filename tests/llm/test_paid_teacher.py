"""The whole way with a teacher that sends bills: the provider is a strict stand-in on loopback."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.estimate.probe import estimate_run
from distill.estimate.run_start import RunOptions
from distill.llm.ledger import BudgetReached, UnusableAnswers
from distill.llm.models import automatic, choose
from distill.pricing.terms import StudentKind
from distill.rehearsal.provider import Settings
from distill.rehearsal.provider import StandIn as Provider
from distill.serve import ServerSettings
from distill.store import open_store
from tests.conftest import PETS, WriteTask, jsonl, pet_rows, point_to
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.provider import running
from tests.support.standin import StandIn
from tests.support.teachers import BOTH, OPENAI_NOW

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
GENERATE = "[generate]\nrequests = 60\ninputs_per_request = 5\n"


def toml(teacher: str, more: str = "") -> str:
    return f'{HEAD}{GENERATE}[teacher]\nmodel = "{teacher}"\nfew_shot = 3\n{more}'


Start = Callable[..., AbstractContextManager[Provider]]


@pytest.fixture
def providers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts both providers, with the faults that they are told to show."""

    @contextmanager
    def start(**faults: float) -> Iterator[Provider]:
        seeds = tmp_path / "provider.jsonl"
        seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
        with running(Settings(seeds, faults=faults)) as standin:
            point_to(monkeypatch, standin.url)
            yield standin

    return start


@pytest.fixture
def provider(providers: Start) -> Iterator[Provider]:
    """Both providers, in good health."""
    with providers() as standin:
        yield standin


@pytest.mark.usefixtures("drawn_charts")
@OPENAI_NOW
def test_a_run_with_a_paid_teacher_reports_its_bill(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    provider: Provider,
    teacher: str,
) -> None:
    pets(task_toml=toml(teacher))
    outcome = paid_run(workspace, "pets")
    bill = provider.bill()
    found: Any = figures(outcome.context.folder)
    assert found["teacher"]["model"] == teacher.partition(":")[2]
    data = found["data"]
    assert data["completed"] > 12, "one request makes several inputs"
    assert data["kept"] > 0, data
    assert data["kept"] + sum(data["dropped"].values()) == data["completed"]
    with outcome.context.store() as store:
        assert store.committed_usd(outcome.run.id) == bill.usd
    spend = found["spend"]
    assert (spend["budget_usd"], spend["possibly_paid_twice_usd"]) == ("5", "0")
    systems = {system["name"]: system for system in found["systems"]}
    assert systems["teacher"]["valid_rate"] == 1.0
    assert systems["teacher"]["completion_tokens_mean"] > 0
    again = paid_run(workspace, "pets", RunOptions(new=True))
    assert provider.bill() == bill, "another run of the same task asks for nothing"
    assert again.run.id != outcome.run.id


def test_a_run_stops_at_its_budget_and_goes_on_with_a_higher_one(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=toml("openai:gpt-6-luna", "[budget]\nusd = 0.001\n"))
    says = r"A higher limit buys \d+ more answers, about \$0\.00\d\d .*\n.*Raise budget\.usd"
    with pytest.raises(BudgetReached, match=says):
        paid_run(workspace, "pets")
    stopped = provider.bill()
    assert 0 < stopped.usd <= Decimal("0.001")
    pets(task_toml=toml("openai:gpt-6-luna", "[budget]\nusd = 1\n"))
    outcome = paid_run(workspace, "pets")
    assert outcome.run.why == "the first run of the task", "a budget does not make another run"
    assert set(provider.bill().asked.values()) == {1}


def test_a_price_of_the_task_wins(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    own = '[prices."gpt-6-luna"]\ninput = 1\noutput = 3\n'
    pets(task_toml=toml("openai:gpt-6-luna", own))
    outcome = paid_run(workspace, "pets", RunOptions(until="generate"))
    with outcome.context.store() as store:
        rows = store.rows("SELECT prompt_tokens, completion_tokens, usd FROM completion")
    assert rows
    for prompt, completion, usd in rows:
        assert usd == (prompt * 1 + completion * 3) / Decimal(1_000_000)


def test_any_server_of_that_shape_is_a_teacher(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISTILL_TEACHER_KEY", "test")
    name = f"{provider.url}/v1#gpt-4.1-mini-2025-04-14"
    pets(task_toml=toml(name))
    outcome = paid_run(workspace, "pets")
    assert figures(outcome.context.folder)["teacher"]["model"] == name
    assert provider.bill().requests > 0


@pytest.mark.parametrize(
    ("teacher", "says"),
    [
        ("openai", "known: auto, embedded, openai:<id>"),
        ("nobody:x", "known: auto, embedded, openai:<id>"),
        ("embedded:x", "known: auto, embedded, openai:<id>"),
        ("http://[::1/v1#m", "Invalid IPv6 URL"),
        ("http://host/v1", "must be <url>#<model>"),
        ("http://user:secret@host/v1#m", "must not have a user or password"),
        ("https://api.somewhere.example/v1#m", r"price of m \(url\) is not known"),
        ("vllm:nowhere/nothing", "neither a folder with a model"),
    ],
)
def test_a_teacher_that_cannot_be_used_is_an_input_error(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, teacher: str, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        pets(task_toml=toml(teacher))
        paid_run(workspace, "pets", RunOptions(until="generate"))


@BOTH
def test_the_look_at_a_model_on_loopback_asks_no_proxy(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, teacher: str
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for proxy in ("http://127.0.0.1:9", "socks5://127.0.0.1:9"):
        monkeypatch.setenv("ALL_PROXY", proxy)
        with choose(teacher).serve(ServerSettings(1, Decimal(0), tmp_path / "log")) as endpoint:
            assert endpoint.model.name == teacher.partition(":")[2]


def test_later_rounds_of_synthesis_are_told_what_is_covered(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=toml("openai:gpt-6-luna").replace("requests = 60", "requests = 90"))
    outcome = paid_run(workspace, "pets", RunOptions("generate"))
    with outcome.context.store() as store:
        rows = store.rows("SELECT purpose, messages FROM ask JOIN request ON id = request_id")
        made = {row.input for row in store.candidates(outcome.run.id) if row.source == "synthesis"}
    told = {purpose: "written before" in messages for purpose, messages in rows}
    assert (told["generate:synthesize"], told["generate:synthesize.2"]) == (False, True)
    second = [messages for purpose, messages in rows if purpose == "generate:synthesize.2"]
    assert all(any(text[:20] in messages for text in made) for messages in second)


def test_reasons_are_stored_and_not_learnt(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=toml("anthropic:claude-haiku-5-5", "rationale = true\n"))
    outcome = paid_run(workspace, "pets")
    with outcome.context.store() as store:
        rows = store.rows(
            """SELECT text FROM completion JOIN ask USING (request_id)
               WHERE purpose = 'generate:answer'"""
        )
        learnt = {row.answer for row in store.examples(outcome.run.id)}
    assert all(json.loads(text)["rationale"] for (text,) in rows)
    assert learnt <= set(PETS)
    pets(task_toml=toml("embedded", "rationale = true\n"))
    with pytest.raises(InputError, match="rationale needs a teacher behind an API"):
        paid_run(workspace, "pets")


def test_auto_takes_the_first_key_that_is_set() -> None:
    keys, labels = {"OPENAI_API_KEY": "set"}, StudentKind("classify", "auto")
    nothing = "neither OPENAI_API_KEY nor ANTHROPIC_API_KEY is set"
    assert automatic({}, labels) == ("embedded", nothing)
    assert automatic(keys, labels) == ("openai:gpt-6.1-terra", "OPENAI_API_KEY is set")
    assert automatic({"OPENAI_API_KEY": ""}, labels) == ("embedded", nothing)


def test_a_run_keeps_the_teacher_that_auto_was_when_it_began(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pets(task_toml=toml("auto"))
    outcome = paid_run(workspace, "pets", RunOptions("generate"))
    assert outcome.run.teacher == "openai:gpt-6.1-terra"
    told = (outcome.context.folder / "events.jsonl").read_text("utf-8")
    teacher = told.index("gpt-6.1-terra (auto: OPENAI_API_KEY is set)")
    assert teacher < told.index("about $") < told.index("synthesize")
    before = provider.bill().requests
    assert before > 0
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(InputError, match=r"openai:gpt-6\.1-terra needs a key: set OPENAI_API_KEY"):
        paid_run(workspace, "pets")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert estimate_run(workspace, "pets").teacher == "gpt-6.1-terra"
    fresh = paid_run(workspace, "pets", RunOptions("generate", new=True))
    assert (fresh.run.teacher, provider.bill().requests) == ("embedded", before)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    report = paid_run(workspace, "pets").context.folder / "report.json"
    assert json.loads(report.read_text("utf-8"))["teacher"]["model"].startswith("gemma-3-270m")
    assert provider.bill().requests == before


@pytest.mark.parametrize("fault", ["nonsense", "refuse", "length"])
def test_a_teacher_of_no_use_is_stopped_before_it_burns_the_budget(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    providers: Start,
    fault: str,
) -> None:
    inputs = jsonl([{"input": f"the old cat number {number} sleeps"} for number in range(300)])
    only = toml("openai:gpt-6-luna").replace("requests = 60", 'requests = 0\nsources = ["inputs"]')
    pets(task_toml=only, inputs_jsonl=inputs)
    with providers(**{fault: 1.0}) as provider:
        with pytest.raises(UnusableAnswers, match="none of the first 20 answers can be used"):
            paid_run(workspace, "pets")
        assert provider.bill().requests == 20
        bill = provider.bill().usd
    with open_store(workspace.database("pets")) as store:
        assert store.rows("SELECT SUM(usd) FROM completion") == [(bill,)]
