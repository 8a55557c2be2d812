"""The judge: asked of survivors only, through the ledger, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from distill.core.dataset import Candidate
from distill.core.errors import InputError
from distill.core.purpose import JUDGED
from distill.core.requests import Model
from distill.core.workspace import Workspace
from distill.estimate import plan
from distill.estimate.run_start import RunOptions
from distill.rehearsal.provider import Settings
from distill.rehearsal.provider import StandIn as Provider
from distill.task.prompts import RUBRICS, judge_request
from tests.conftest import PETS, WriteTask, jsonl, pet_rows, point_to
from tests.support.paying import paid_run
from tests.support.provider import running
from tests.support.standin import StandIn

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
HEAD += '[teacher]\nmodel = "embedded"\n[generate]\nrequests = 30\nseeds_shown = 2\n'
HEAD += "[curate]\njudge = 4\n"
API = Model("m", None, "openai")
UNTIL_CURATE = RunOptions(until="curate")


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    seeds = tmp_path / "provider.jsonl"
    seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
    with running(Settings(seeds, batch_seconds=0.2)) as standin:
        point_to(monkeypatch, standin.url)
        yield standin


def test_scores_stand_in_another_order_for_every_input(pets: WriteTask) -> None:
    task = pets()
    rows = [Candidate(f"text {n}", None, ("cats",), "inputs", "o") for n in range(20)]
    prompts = [judge_request(task, API, row).messages[-1].content for row in rows]
    orders = [
        tuple(sorted(RUBRICS["classify"], key=lambda score: prompt.index(f"- {score}: ")))
        for prompt in prompts
    ]
    assert len(set(orders)) > 10
    assert {order[0] for order in orders} == set(RUBRICS["classify"])
    assert prompts[0] == judge_request(task, API, rows[0]).messages[-1].content
    assert judge_request(task, API, rows[0]).sampling.choices == ("1", "2", "3", "4", "5")


def test_a_tasks_own_rubric_is_used(pets: WriteTask) -> None:
    task = pets(judge_md="Is {{ input }} right with {{ answer }}? {{ rubric | length }}")
    row = Candidate("a text", None, ("cats",), "inputs", "o")
    assert judge_request(task, API, row).messages[-1].content == "Is a text right with cats? 5"


def test_another_model_than_the_teacher_judges_survivors_once(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    task = pets(task_toml=HEAD + 'judge_model = "openai:gpt-6-luna"\n')
    (step,) = plan(task).steps
    assert (step.purpose, step.requests) == (JUDGED, 15)
    outcome = paid_run(workspace, "pets", UNTIL_CURATE)
    with outcome.context.store() as store:
        spent = store.spent(outcome.run.id)
        drops = store.drops(outcome.run.id)
        kept = [row for row in store.examples(outcome.run.id) if row.source != "seeds"]
        assert store.committed_usd(outcome.run.id) == provider.bill().usd == spent[JUDGED]
    judged = len(kept) + sum(drop.check == "judge" for drop in drops)
    assert provider.bill().requests == judged < 30
    assert {drop.check for drop in drops} >= {"judge", "form"}
    again = paid_run(workspace, "pets", RunOptions(until="curate", new=True))
    assert provider.bill().requests == judged
    with again.context.store() as store:
        assert [row for row in store.examples(again.run.id) if row.source != "seeds"] == kept


def test_a_judges_key_is_missed_before_anything_is_asked(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    pets(task_toml=HEAD + 'judge_model = "openai:gpt-6-luna"\n')
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        paid_run(workspace, "pets", UNTIL_CURATE)
    assert scripted_backends.total == 0


def test_a_judge_elsewhere_has_its_own_batches(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the teacher's batches at one provider the judge's are at another, and are told apart."""
    teacher, judge = "openai:gpt-6-luna", "anthropic:claude-haiku-5-5"
    batched = HEAD.replace("requests = 30", "requests = 300").replace(
        'model = "embedded"', f'model = "{teacher}"\nmode = "batch"'
    )
    pets(task_toml=batched + f'judge_model = "{judge}"\n')
    outcome = paid_run(workspace, "pets", UNTIL_CURATE)
    with outcome.context.store() as store:
        rows = store.rows("SELECT purpose, teacher FROM batch")
        assert store.committed_usd(outcome.run.id) == provider.bill().usd
    sent = {(purpose.partition(".")[0], asked) for purpose, asked in rows}
    assert sent == {
        *(("generate:synthesize", teacher), ("generate:answer", teacher)),
        ("curate:judge", judge),
    }
