"""A provider that is added is a module and a row: everything else finds it by itself."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from distill.core.errors import InputError
from distill.core.model_ref import SOURCES, Source
from distill.core.workspace import Workspace
from distill.estimate import plan
from distill.estimate.run_start import RunOptions
from distill.llm.doctor import diagnose
from distill.llm.ledger import BudgetReached
from distill.pipeline import run
from distill.rehearsal.provider import Settings, StandIn
from distill.task.loading import load_task
from tests.conftest import WriteTask, jsonl, pet_rows
from tests.llm.test_paid_teacher import toml
from tests.support.paying import paid_run
from tests.support.provider import running

# The prices of gpt-6-luna, by which the stand-in bills.
PRICES = """
[terms]
confirmed = "a test"
[prices."acme:gpt-6-luna"]
input = 0.1
cached = 0.01
cache_write = 0.125
output = 0.5
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Acme, which the stand-in plays."""
    row = Source("tests.support.acme", "acme:<id>", "ACME_API_KEY", "ACME_BASE_URL", "gpt-6-luna")
    monkeypatch.setitem(SOURCES, "acme", row)
    seeds = tmp_path / "provider.jsonl"
    seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
    with running(Settings(seeds, batch_seconds=0.05)) as standin:
        monkeypatch.setenv("ACME_BASE_URL", f"{standin.url}/v1")
        monkeypatch.setenv("ACME_API_KEY", "a-key")
        yield standin


@pytest.mark.parametrize("mode", ["online", "batch"])
def test_a_run_pays_it_through_the_ledger(
    workspace: Workspace, pets: WriteTask, acme: StandIn, mode: str
) -> None:
    pets(task_toml=toml("acme:gpt-6-luna", f'mode = "{mode}"\n{PRICES}'))
    estimate = plan(load_task(workspace.prompts, "pets"))
    assert estimate.batches and estimate.price is not None and estimate.requests > 60
    done = paid_run(workspace, "pets", RunOptions("generate"))
    bill = acme.bill()
    with done.context.store() as store:
        assert store.committed_usd(done.run.id) == bill.usd > 0
    assert (bill.batches > 0) is (mode == "batch")
    paid_run(workspace, "pets", RunOptions("generate"))
    assert acme.bill().usd == bill.usd, "nothing is asked twice"


def test_its_budget_holds(workspace: Workspace, pets: WriteTask, acme: StandIn) -> None:
    pets(task_toml=toml("acme:gpt-6-luna", PRICES + "[budget]\nusd = 0.001\n"))
    with pytest.raises(BudgetReached):
        paid_run(workspace, "pets", RunOptions("generate"))
    assert 0 < acme.bill().usd <= Decimal("0.001")


def test_its_key_and_its_name_are_known(
    workspace: Workspace, pets: WriteTask, acme: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {row["what"]: row for row in diagnose()}
    assert found["ACME_API_KEY"]["found"] == "set" and "terms of acme:gpt-6-luna, classify" in found
    with pytest.raises(InputError, match=r"known: auto, embedded, .*, acme:<id>"):
        pets(task_toml=toml("other:model"))
    pets(task_toml=toml("acme:gpt-6-luna", PRICES))
    monkeypatch.delenv("ACME_API_KEY")
    with pytest.raises(InputError, match="acme:gpt-6-luna needs a key: set ACME_API_KEY"):
        run(workspace, "pets", RunOptions("generate"))
    assert not acme.bill().asked, "nothing was sent"
