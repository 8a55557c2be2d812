"""A judge in batches: a look at the full price before the first batch, and none after it."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from distill.core.purpose import JUDGED
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.llm.complete import LEAST_LOOK
from distill.rehearsal.provider import Settings
from distill.rehearsal.provider import StandIn as Provider
from distill.task.run_context import Context
from tests.conftest import PETS, WriteTask, jsonl, point_to
from tests.generate.test_rounds import HEAD, rounds
from tests.support.paying import paid_run
from tests.support.provider import running
from tests.support.standin import StandIn

TASK = HEAD.replace("[curate]\n", '[curate]\njudge = 3\njudge_model = "openai:gpt-6-luna"\n')
TASK += '[teacher]\nmodel = "openai:gpt-6-luna"\nmode = "batch"\n'
TASK += "[generate]\nrequests = 400\nexamples = 40\ninputs_per_request = 5\n"
UNTIL_CURATE = RunOptions(until="curate")


@pytest.fixture(autouse=True)
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    seeds = tmp_path / "provider.jsonl"
    words, draw = [f"w{number}" for number in range(300)], random.Random(0)
    rows = [
        {"input": " ".join([label[:-1], *draw.sample(words, 12)]), "label": label}
        for label in PETS
        for _ in range(20)
    ]
    seeds.write_text(jsonl(rows), encoding="utf-8")
    with running(Settings(seeds, batch_seconds=0.1)) as standin:
        point_to(monkeypatch, standin.url)
        yield standin


def judged(context: Context) -> tuple[int, int]:
    """How many of the judge's answers were paid at once, and how many in batches."""
    sql = """SELECT COUNT(DISTINCT attempt.id) FROM attempt JOIN ask USING (run_id, request_id)
             WHERE starts_with(purpose, ?) AND attempt.id {} (SELECT attempt_id FROM batch_attempt)
          """
    with context.store() as store:
        at_once, batched = (
            int(store.rows(sql.format(which), f"{JUDGED}.")[0][0]) for which in ("NOT IN", "IN")
        )
    return at_once, batched


def test_the_look_before_the_first_batch_is_bought_once_for_all_rounds(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=TASK)
    outcome = paid_run(workspace, "pets", UNTIL_CURATE)
    assert len(rounds(outcome.context.folder)) >= 2
    at_once, batched = judged(outcome.context)
    with outcome.context.store() as store:
        sets = store.rows(
            "SELECT DISTINCT purpose FROM ask WHERE starts_with(purpose, ?)", str(JUDGED)
        )
        bill = provider.bill()
        assert store.committed_usd(outcome.run.id) == bill.usd, "the stand-in says the same"
    assert len(sets) >= 2, "each round judges a set of its own"
    assert set(bill.asked.values()) == {1}
    assert at_once == LEAST_LOOK < batched
