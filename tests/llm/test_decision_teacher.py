"""The whole way with a decision model as teacher and as rival: a strict stand-in on loopback."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distill.core.conversation import encode
from distill.core.errors import InputError
from distill.core.requests import Message
from distill.core.workspace import Workspace
from distill.estimate import plan
from distill.estimate.run_start import RunOptions
from distill.llm.models import choose
from distill.llm.providers.decisions import body
from distill.rehearsal.provider import Settings
from distill.rehearsal.provider import StandIn as Provider
from distill.rehearsal.rehearse import RehearsalOptions, rehearse
from distill.task.loading import load_task
from distill.task.prompts import answer_requests
from tests.conftest import PETS, WriteTask, jsonl, pet_rows, point_to
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.provider import running
from tests.support.standin import StandIn

LUNA = "decisions:gpt-6-luna"
HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
INPUTS = '[generate]\nsources = ["inputs"]\n'
PRICE = '[prices."jev-1.14.0"]\ninput = 0.042\noutput = 0\n'
ROWS = [{"input": row["input"].replace("hungry", "thirsty")} for row in pet_rows("given", 12)]


def toml(teacher: str, more: str = "") -> str:
    return f'{HEAD}{INPUTS}[teacher]\nmodel = "{teacher}"\nfew_shot = 3\n{more}'


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    seeds = tmp_path / "provider.jsonl"
    seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
    with running(Settings(seeds, faults={"refuse": 0.05})) as standin:
        point_to(monkeypatch, standin.url)
        monkeypatch.setenv("DISTILL_TEACHER_KEY", "test")
        yield standin


def test_a_run_has_it_as_teacher_and_as_rival(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    jev = f"{provider.url}/v1#systemone:jev-1.14.0"
    more = f'[evaluate]\nbaselines = ["{jev}"]\n{PRICE}'
    pets(task_toml=toml(LUNA, more), inputs_jsonl=jsonl(ROWS))
    planned = plan(load_task(workspace.prompts, "pets"))
    assert planned.expected_usd > 0 and not planned.in_batches
    outcome = paid_run(workspace, "pets")
    bill = provider.bill()
    assert bill.usd <= planned.worst_usd
    found: Any = figures(outcome.context.folder)
    assert found["teacher"] == {"model": LUNA, "mode": "online"}
    with outcome.context.store() as store:
        assert store.committed_usd(outcome.run.id) == bill.usd
        (sure,) = store.rows(
            """SELECT count(*) FROM prediction JOIN choice_probability USING (request_id)
               WHERE system = ? AND run_id = ?""",
            jev,
            outcome.run.id,
        )
    rows = {row["name"]: row for row in found["systems"]}
    gold = len(pet_rows("gold", 5))
    assert sure == (gold,), "the probability of each label stands with each answer"
    for name in ("teacher", jev):
        row = rows[name]
        assert row["ci_low"] < row["value"] <= row["ci_high"] and row["value"] > 0.6
        assert row["completion_tokens_mean"] <= 1
        rate = 0.1 if name == "teacher" else 0.042
        expected = row["prompt_tokens_mean"] * rate / 1000
        assert float(row["usd_per_1k_requests"]) == pytest.approx(expected, rel=0.02)
    markdown = (outcome.context.folder / "report.full.md").read_text(encoding="utf-8")
    assert "systemone:jev-1.14.0" in markdown
    paid_run(workspace, "pets", RunOptions(new=True))
    assert provider.bill() == bill, "another run of the same task asks for nothing"


def test_it_labels_nothing_before_the_permission(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=toml(LUNA, "[terms]\n"), inputs_jsonl=jsonl(ROWS))
    with pytest.raises(InputError, match=r"OpenAI \(Decisions API\)"):
        paid_run(workspace, "pets")
    assert provider.bill().requests == 0
    more = f'[evaluate]\nbaselines = ["{LUNA}"]\n[terms]\n'
    pets(task_toml=toml("embedded", more), inputs_jsonl=jsonl(ROWS))
    paid_run(workspace, "pets", RunOptions(until="generate"))


@pytest.mark.usefixtures("scripted_backends")
def test_it_can_be_rehearsed(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    faults = {"429": 0.05, "cut": 0.03, "broken_json": 0.02, "refuse": 0.05}
    more = '[evaluate]\nbaselines = ["openai:gpt-6-luna"]\n'
    pets(task_toml=toml(LUNA, more), inputs_jsonl=jsonl(ROWS))
    done = rehearse(workspace, "pets", RehearsalOptions(faults=faults))
    assert done.agrees and done.bill.usd > 0 and not done.instead
    found: Any = figures(done.outcome.context.folder)
    assert found["rehearsal"] is True and found["teacher"]["model"] == LUNA


def test_a_rehearsal_of_a_task_that_it_cannot_teach_names_the_key(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    with pytest.raises(InputError, match=r"which writes no inputs: set generate\.sources"):
        rehearse(workspace, "pets", RehearsalOptions(teacher=LUNA))


def test_a_conversation_is_asked_about_with_its_roles(pets: WriteTask) -> None:
    turns = [Message("user", "hello"), Message("assistant", "hi"), Message("user", "my dog")]
    task = replace(pets(), has_conversations=True)
    (request,) = answer_requests(task, choose(LUNA).model, [encode(turns)], shots=3)
    (asked,) = body(request)["input"]
    assert [line.strip() for line in asked["content"].splitlines() if line] == [
        "User: hello",
        "Assistant: hi",
        "User: my dog",
    ]
