"""A judge of systems that sends bills: planned, paid through the ledger, and asked once."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.estimate import curve_plan, plan
from distill.estimate.finetuning import TrainingCost
from distill.estimate.run_start import RunOptions
from distill.llm.ledger import BudgetReached
from distill.rehearsal.provider import Settings
from distill.rehearsal.provider import StandIn as Provider
from tests.conftest import jsonl, point_to
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.provider import running
from tests.support.standin import StandIn
from tests.task.test_texts import GOLD, PREFERENCES, SEEDS, TASK, write

JUDGE = "openai:gpt-6-luna"
PAID = TASK.replace("few_shot = 2", 'few_shot = 2\nmodel = "embedded"')
PAID += f'[evaluate]\njudge_model = "{JUDGE}"\n'
PURPOSE = "evaluate:judge"


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Whom the judge is asked of; its verdicts are arbitrary."""
    seeds = tmp_path / "provider.jsonl"
    seeds.write_text(jsonl(SEEDS), encoding="utf-8")
    with running(Settings(seeds)) as standin:
        point_to(monkeypatch, standin.url)
        yield standin


def test_it_is_paid_once_and_shown(
    workspace: Workspace, scripted_backends: StandIn, provider: Provider
) -> None:
    write(workspace, task_toml=PAID, preferences_jsonl=jsonl(PREFERENCES))
    outcome = paid_run(workspace, "counts")
    found, bill = figures(outcome.context.folder), provider.bill()
    # The student's one mistake, 19 answers of "nearest", 19 controls, and what people compared,
    # each in both orders.
    assert bill.requests == 2 * (1 + 19 + 19 + len(PREFERENCES))
    with outcome.context.store() as store:
        assert store.committed_usd(outcome.run.id) == bill.usd > 0
    assert Decimal(found["spend"]["judge_usd"]) == bill.usd
    assert found["judge"]["model"] == JUDGE and not found["judge"]["is_teacher"]
    paid_run(workspace, "counts", RunOptions(new=True))
    assert provider.bill().requests == bill.requests


def test_the_plan_counts_it_with_its_batches(workspace: Workspace, provider: Provider) -> None:
    task = write(workspace, task_toml=PAID, preferences_jsonl=jsonl(PREFERENCES))
    (step,) = plan(task).steps
    assert (str(step.purpose), step.model) == (PURPOSE, "gpt-6-luna")
    # Student, base (with and without seeds), nearest, the teacher again, and the control, all of
    # them against the teacher; and the pairs of people.
    assert step.requests == 2 * (6 * len(GOLD) + len(PREFERENCES))
    assert step.batch_usd == step.usd / 2, "it can wait"


def test_a_key_that_is_missing_is_missed_before_anything_is_asked(
    workspace: Workspace, scripted_backends: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(workspace, task_toml=PAID)
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        paid_run(workspace, "counts")
    assert scripted_backends.total == 0


def test_a_budget_that_does_not_carry_it_loses_nothing(
    workspace: Workspace, scripted_backends: StandIn, provider: Provider
) -> None:
    """What was judged stays; a higher budget goes on from there, in the same run."""
    small = PAID + '[budget]\nusd = "0.0005"\n'
    write(workspace, task_toml=small)
    with pytest.raises(BudgetReached, match="Every paid answer is stored"):
        paid_run(workspace, "counts")
    before = provider.bill().requests
    assert 0 < before < 2 * (1 + 19 + 19)
    asked = scripted_backends.total
    write(workspace, task_toml=PAID)
    outcome = paid_run(workspace, "counts")
    assert provider.bill().requests == 2 * (1 + 19 + 19)
    assert scripted_backends.total == asked, "no system is asked again"
    with outcome.context.store() as store:
        assert store.committed_usd(outcome.run.id) == provider.bill().usd


def test_a_learning_curve_says_what_its_judge_will_cost(
    workspace: Workspace, scripted_backends: StandIn, provider: Provider
) -> None:
    write(workspace, task_toml=PAID)
    outcome = paid_run(workspace, "counts")
    with outcome.context.store() as store:
        trainings = TrainingCost(Decimal(0), Decimal(0))
        cost = curve_plan(outcome.context.task, store, outcome.run.id, trainings)
    (step,) = cost.steps
    assert step.requests == 2 * 2 * len(GOLD), "two students more, each pair in both orders"
    assert cost.expected_usd == step.usd > 0
