"""Batches: no cent twice, none too many, nothing lost, against a strict provider on loopback."""

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from distill.core.errors import DistillError, InputError
from distill.core.workspace import Workspace
from distill.estimate.consent import WHOLE_BUDGET
from distill.estimate.probe import probe_run
from distill.estimate.run_start import RunOptions
from distill.llm.batches import BatchApi, runner
from distill.llm.ledger import BudgetReached
from distill.llm.models import provider as provider_named
from distill.rehearsal.provider import Bill, Settings, StandIn
from distill.store import open_store
from distill.store.batches import attempts_out, known_jobs, open_batches
from distill.train.cancel import cancel
from tests.conftest import WriteTask, jsonl, pet_rows, point_to
from tests.llm.test_ledger import ledger
from tests.llm.test_paid_teacher import toml
from tests.support import forked
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.provider import running, wait_for_bill
from tests.support.spending import PURPOSE, RUN, spend, spend_in_batches
from tests.support.standin import StandIn as ServerStandIn
from tests.support.teachers import ANTHROPIC_NOW, BOTH, OPENAI_NOW, TEACHERS

PLENTY = Decimal(100)
LOOKED = 10  # of 200 requests, before the first batch

Start = Callable[..., AbstractContextManager[StandIn]]


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for hours at a provider does not here."""
    monkeypatch.setattr(runner, "LOST_ANSWER_SECONDS", 0.05)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "task" / "distill.duckdb"


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts both providers, with the faults that they are told to show."""

    @contextmanager
    def start(*, batch_seconds: float = 0.2, **faults: float) -> Iterator[StandIn]:
        seeds = tmp_path / "provider.jsonl"
        seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
        with running(Settings(seeds, batch_seconds=batch_seconds, faults=faults)) as standin:
            point_to(monkeypatch, standin.url)
            yield standin

    return start


def batches_of(source: str) -> BatchApi:
    """Return the batches of a provider."""
    found = provider_named(source).BATCHES
    assert found is not None
    return found


def patch_batches(monkeypatch: pytest.MonkeyPatch, source: str, **functions: Any) -> None:
    """Give a provider's batches other functions."""
    changed = replace(batches_of(source), **functions)
    monkeypatch.setattr(provider_named(source), "BATCHES", changed)


def die(*arguments: Any, **options: Any) -> None:
    raise KeyboardInterrupt


def unanswered(database: Path) -> int:
    with open_store(database) as store:
        return store.count_unanswered(RUN, PURPOSE)


@BOTH
def test_a_batch_costs_half_and_the_ledger_is_the_bill(
    database: Path, provider: Start, teacher: str, tmp_path: Path
) -> None:
    with provider() as standin:
        spend_in_batches(database, teacher, 200, PLENTY)
        bill = standin.bill()
    assert ledger(database) == (bill.usd, Decimal(0))
    assert (bill.requests, bill.batches, unanswered(database)) == (200, 1, 0)
    with provider() as standin:
        spend(tmp_path / "online" / "distill.duckdb", teacher, 200, PLENTY)
        assert bill.usd * 2 == standin.bill().usd


@BOTH
def test_only_what_has_no_answer_goes_into_another_batch(
    database: Path, provider: Start, teacher: str
) -> None:
    with provider(expire=0.15, batch_error=0.05) as standin:
        spend_in_batches(database, teacher, 60, PLENTY)
        bill = standin.bill()
    assert (bill.requests, set(bill.asked.values())) == (60, {1})
    assert bill.batches > 1
    assert ledger(database) == (bill.usd, Decimal(0))


@BOTH
def test_what_no_batch_ever_answers_ends_in_an_error(
    database: Path, provider: Start, teacher: str
) -> None:
    with provider(batch_error=1.0) as standin:
        with pytest.raises(DistillError, match="5 batches returned no answer to a request"):
            spend_in_batches(database, teacher, 5, PLENTY)
        assert (standin.bill().usd, standin.bill().batches) == (Decimal(0), 5)
    assert ledger(database) == (Decimal(0), Decimal(0))


@BOTH
def test_strangers_and_twins_among_the_lines_are_left_out(
    database: Path, provider: Start, teacher: str
) -> None:
    with provider(unknown_id=2, twice=3) as standin:
        notes = spend_in_batches(database, teacher, 20, PLENTY)
        bill = standin.bill()
    assert "2 result lines have unknown ids and are ignored" in notes
    assert "3 result lines are duplicates and are ignored" in notes
    assert ledger(database) == (bill.usd, Decimal(0))


@BOTH
@pytest.mark.parametrize("sent", [True, False])
def test_a_batch_whose_id_was_never_written_down_is_not_made_twice(
    database: Path, provider: Start, teacher: str, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = teacher.partition(":")[0]
    create = batches_of(source).create

    def die(*arguments: Any, **options: Any) -> None:
        if sent:
            create(*arguments, **options)
        raise KeyboardInterrupt

    with provider() as standin:
        patch_batches(monkeypatch, source, create=die)
        with pytest.raises(KeyboardInterrupt):
            spend_in_batches(database, teacher, 30, PLENTY)
        patch_batches(monkeypatch, source, create=create)
        with open_store(database) as store:
            assert [batch.job_id for batch in open_batches(store)] == [None]
        spend_in_batches(database, teacher, 30, PLENTY)
        bill = standin.bill()
    assert (bill.batches, bill.requests) == (1, 30)
    assert ledger(database) == (bill.usd, Decimal(0))


def test_a_file_that_was_uploaded_is_not_uploaded_again(
    database: Path, provider: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openai.resources.batches import Batches

    create = Batches.create

    with provider() as standin:
        monkeypatch.setattr(Batches, "create", die)
        with pytest.raises(KeyboardInterrupt):
            spend_in_batches(database, TEACHERS[0], 30, PLENTY)
        monkeypatch.setattr(Batches, "create", create)
        spend_in_batches(database, TEACHERS[0], 30, PLENTY)
        bill = standin.bill()
    assert (bill.files, bill.batches, bill.requests) == (1, 1, 30)


@BOTH
def test_a_creation_whose_answer_is_lost_is_looked_for(
    database: Path, provider: Start, teacher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = teacher.partition(":")[0]
    create = batches_of(source).create

    def lose(*arguments: Any, **options: Any) -> None:
        import httpx2

        create(*arguments, **options)
        raise httpx2.ReadError("the answer is lost")

    with provider() as standin:
        patch_batches(monkeypatch, source, create=lose)
        spend_in_batches(database, teacher, 30, PLENTY)
        assert (standin.bill().batches, standin.bill().requests) == (1, 30)


def batch_of_another(client: Any, size: int) -> Any:
    """A batch that another program has under way at Anthropic, with the same key."""
    params = {"model": "claude-haiku-5-5", "max_tokens": 9}
    params |= {"messages": [{"role": "user", "content": "Which pet?"}]}
    requests = [{"custom_id": f"theirs-{n}", "params": params} for n in range(size)]
    return client.messages.batches.create(requests=requests)


def test_a_batch_of_another_program_is_not_taken_for_ours_in_the_end(
    database: Path, provider: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anthropic's batches take no tag: while one of the same size is under way, it may be ours."""
    from anthropic import Anthropic

    source = "anthropic"
    create = batches_of(source).create

    with provider() as standin:
        patch_batches(monkeypatch, source, create=die)
        with pytest.raises(KeyboardInterrupt):
            spend_in_batches(database, TEACHERS[1], 2, PLENTY)
        patch_batches(monkeypatch, source, create=create)
        with Anthropic() as client:
            foreign = batch_of_another(client, 2)
        taken, find = [foreign.id], batches_of(source).find

        def mistake(client: Anthropic, *arguments: Any) -> Any:
            return (
                batches_of(source).status(client, taken.pop())
                if taken
                else find(client, *arguments)
            )

        patch_batches(monkeypatch, source, find=mistake)
        spend_in_batches(database, TEACHERS[1], 2, PLENTY)
        assert (standin.bill().batches, standin.bill().requests) == (2, 4)
    with open_store(database) as store:
        assert foreign.id in known_jobs(store)
    assert unanswered(database) == 0


@pytest.mark.slow("so many batches as a budget carries, twice")
@OPENAI_NOW
def test_the_budget_holds_with_batches_out(database: Path, provider: Start, teacher: str) -> None:
    budget = Decimal("0.002")
    with provider() as standin:
        with pytest.raises(BudgetReached):
            spend_in_batches(database, teacher, 500, budget)
        bill = standin.bill()
        assert 0 < bill.usd <= budget
        assert bill.batches > 1, "what batches did not cost of what they could went into others"
        with pytest.raises(BudgetReached):
            spend_in_batches(database, teacher, 500, budget)
        assert standin.bill().usd <= budget
    assert 0 < unanswered(database) < 500


@ANTHROPIC_NOW
def test_the_budget_holds_with_a_look_before_the_first_batch(
    workspace: Workspace, pets: WriteTask, provider: Start, teacher: str
) -> None:
    texts = [{"input": f"the old cat number {number} sleeps"} for number in range(300)]
    only = batch_toml(teacher).replace("requests = 60", 'requests = 0\nsources = ["inputs"]')
    pets(task_toml=f"{only}\n[budget]\nusd = 0.0015\n", inputs_jsonl=jsonl(texts))
    with provider() as standin:
        with pytest.raises(BudgetReached):
            paid_run(workspace, "pets", RunOptions(until="generate"))
        bill = standin.bill()
    assert bill.batches >= 1 and Decimal("0.001") < bill.usd <= Decimal("0.0015"), bill.usd


def test_cancel_does_not_stop_a_batch_that_may_be_anothers(
    workspace: Workspace, pets: WriteTask, provider: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours was written down and never sent; another program's has its size and is under way."""
    from anthropic import Anthropic

    source = "anthropic"
    create = batches_of(source).create
    database = workspace.database("pets")
    pets(task_toml=batch_toml(TEACHERS[1]))
    with provider(batch_seconds=2) as standin:
        patch_batches(monkeypatch, source, create=die)
        with pytest.raises(KeyboardInterrupt):
            paid_run(workspace, "pets", RunOptions("generate", detach=True))
        patch_batches(monkeypatch, source, create=create)
        with open_store(database) as store:
            (batch,) = open_batches(store)
            size = len(attempts_out(store, batch))
        with Anthropic() as client:
            foreign = batch_of_another(client, size)
            cancel(workspace, "pets")
            after = client.messages.batches.retrieve(foreign.id)
        assert after.cancel_initiated_at is None and after.request_counts.succeeded == size
        assert standin.bill().batches == 1, "ours was never sent"
    with open_store(database) as store:
        assert open_batches(store) == []


@BOTH
def test_a_probe_asks_nothing_that_is_out(
    workspace: Workspace, pets: WriteTask, provider: Start, teacher: str
) -> None:
    texts = [{"input": f"the old cat number {number} sleeps"} for number in range(40)]
    only = batch_toml(teacher).replace("requests = 60", 'requests = 0\nsources = ["inputs"]')
    pets(task_toml=only, inputs_jsonl=jsonl(texts))
    with provider(batch_seconds=20) as standin:
        paid_run(workspace, "pets", RunOptions(until="generate", detach=True))
        asked = standin.bill()
        probe_run(workspace, "pets", lambda calls, most: None, WHOLE_BUDGET)
        assert set(standin.bill().asked.values()) == {1}
        assert sum(standin.bill().asked.values()) >= sum(asked.asked.values())


@BOTH
def test_a_budget_counts_what_another_process_has_out(
    database: Path, provider: Start, teacher: str
) -> None:
    budget = Decimal("0.002")
    with provider(batch_seconds=60) as standin:
        spend_in_batches(database, teacher, 500, budget, wait=False)
        first = standin.bill().batches
        spend_in_batches(database, teacher, 500, budget, wait=False)
        assert standin.bill().batches == first, "all of the budget is reserved"


@BOTH
def test_a_batch_of_another_account_says_how_to_give_it_up(
    database: Path, provider: Start, teacher: str
) -> None:
    with provider(batch_seconds=60):
        spend_in_batches(database, teacher, 20, PLENTY, wait=False)
    with (
        provider(),
        pytest.raises(DistillError, match=r"no such batch: .* up with `distill cancel"),
    ):
        spend_in_batches(database, teacher, 20, PLENTY)


def test_where_too_much_waits_smaller_batches_follow(database: Path, provider: Start) -> None:
    with provider(queue=30) as standin:
        notes = spend_in_batches(database, TEACHERS[0], 100, PLENTY)
        bill = standin.bill()
    assert any("the provider's queue is full" in note for note in notes)
    assert (bill.requests, set(bill.asked.values())) == (100, {1})
    assert ledger(database) == (bill.usd, Decimal(0))


@BOTH
def test_killed_at_any_moment_nothing_is_submitted_twice(
    database: Path, provider: Start, teacher: str
) -> None:
    count, draw = 120, random.Random(0)
    arguments = [str(database), teacher, str(count), "100", "batches"]
    with provider(expire=0.1, batch_seconds=0.5) as standin:
        for _ in range(4):
            child = forked.start("tests.support.spending", arguments)
            before, more = standin.bill(), draw.randrange(1, count // 4)

            def is_struck(bill: Bill, before: Bill = before, more: int = more) -> bool:
                """Once a batch more is made, or some lines of one are answered."""
                made = bill.batches > before.batches and draw.random() < 0.5
                return made or bill.requests > before.requests + more

            wait_for_bill(standin, is_struck, child)
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert forked.run("tests.support.spending", arguments) == 0
        bill = standin.bill()
    assert (bill.requests, set(bill.asked.values())) == (count, {1})
    assert set(bill.batches_by_key.values()) <= {1}
    assert set(bill.uploads_by_content.values()) <= {1}
    assert ledger(database) == (bill.usd, Decimal(0))


# the whole way


def batch_toml(teacher: str, mode: str = "batch", more: str = "") -> str:
    return toml(teacher, f'mode = "{mode}"\n{more}')


@BOTH
def test_a_run_in_batches_reports_its_bill(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: ServerStandIn,
    provider: Start,
    teacher: str,
) -> None:
    pets(task_toml=batch_toml(teacher))
    with provider() as standin:
        outcome = paid_run(workspace, "pets")
        bill = standin.bill()
        found: Any = figures(outcome.context.folder)
        assert found["teacher"]["mode"] == "batch"
        assert bill.batches == 2, "one of syntheses, one of answers"
        with outcome.context.store() as store:
            assert store.committed_usd(outcome.run.id) == bill.usd
        pets(task_toml=batch_toml(teacher, "online"))
        again = paid_run(workspace, "pets")
        assert again.run.id == outcome.run.id, "the way of the requests makes no other run"
        assert standin.bill() == bill


@BOTH
def test_detached_runs_leave_and_pick_up(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: ServerStandIn,
    provider: Start,
    teacher: str,
) -> None:
    pets(task_toml=batch_toml(teacher, "auto"))
    with provider() as standin:
        outcome = paid_run(workspace, "pets", RunOptions(detach=True))
        assert "requests are pending in batches" in outcome.waiting
        assert outcome.stages_run == ()
        while outcome.waiting:
            outcome = paid_run(workspace, "pets", RunOptions(detach=True))
        bill = standin.bill()
    assert outcome.stages_run[0] == "generate"
    assert bill.batches == 2
    with outcome.context.store() as store:
        assert store.committed_usd(outcome.run.id) == bill.usd
    found: Any = figures(outcome.context.folder)
    assert found["teacher"]["mode"] == "batch"


def test_an_edited_task_takes_what_an_older_run_has_out(
    workspace: Workspace, pets: WriteTask, scripted_backends: ServerStandIn, provider: Start
) -> None:
    pets(task_toml=batch_toml(TEACHERS[0]))
    with provider(batch_seconds=1.0) as standin:
        old = paid_run(workspace, "pets", RunOptions(detach=True))
        pets(task_toml=batch_toml(TEACHERS[0], more="[student]\nepochs = 1\n"))
        new = paid_run(workspace, "pets")
        bill = standin.bill()
    assert new.run.id != old.run.id
    assert (bill.batches, set(bill.asked.values())) == (2, {1})


def test_a_batch_that_was_never_sent_is_dropped_when_the_task_turns_to_online(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: ServerStandIn,
    provider: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = "openai"
    create = batches_of(source).create

    pets(task_toml=batch_toml(TEACHERS[0]))
    with provider() as standin:
        patch_batches(monkeypatch, source, create=die)
        with pytest.raises(KeyboardInterrupt):
            paid_run(workspace, "pets", RunOptions("generate"))
        patch_batches(monkeypatch, source, create=create)
        pets(task_toml=batch_toml(TEACHERS[0], "online"))
        outcome = paid_run(workspace, "pets", RunOptions("generate"))
        bill = standin.bill()
    assert (bill.batches, set(bill.asked.values())) == (0, {1})
    with outcome.context.store() as store:
        assert open_batches(store) == []
        assert store.committed_usd(outcome.run.id) == bill.usd


@BOTH
def test_cancel_keeps_what_was_answered_and_the_next_run_asks_the_rest(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: ServerStandIn,
    provider: Start,
    teacher: str,
) -> None:
    texts = [{"input": f"the old cat number {number} sleeps"} for number in range(200)]
    only = batch_toml(teacher).replace("requests = 60", 'requests = 0\nsources = ["inputs"]')
    pets(task_toml=only, inputs_jsonl=jsonl(texts))
    with provider(batch_seconds=20.0) as standin:
        outcome = paid_run(workspace, "pets", RunOptions(until="generate", detach=True))
        wait_for_bill(standin, lambda bill: bill.requests >= LOOKED + 5)
        done = cancel(workspace, "pets")
        bill = standin.bill()
        assert done.batches == 1
        assert 5 <= done.answers == bill.requests - LOOKED < 190
        with outcome.context.store() as store:
            assert store.committed_usd(outcome.run.id) == bill.usd
            assert open_batches(store) == []
        again = paid_run(workspace, "pets", RunOptions(until="generate", detach=True))
        assert f"{190 - done.answers} requests are pending" in again.waiting
        assert cancel(workspace, "pets", forget=True).batches == 1
        with outcome.context.store() as store:
            assert store.possibly_paid_twice_usd(outcome.run.id) > 0


def test_batches_are_asked_for_of_who_has_them(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: ServerStandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    pets(task_toml=batch_toml("embedded"))
    with pytest.raises(
        InputError, match=r'teacher\.mode = "batch" needs a teacher with a batch API'
    ):
        paid_run(workspace, "pets")
    pets(task_toml=batch_toml("embedded", "auto"))
    with pytest.raises(InputError, match="--detach needs a teacher with a batch API"):
        paid_run(workspace, "pets", RunOptions(detach=True))
    pets(task_toml=batch_toml(TEACHERS[0], "online"))
    with pytest.raises(InputError, match=r'needs batches: set teacher\.mode to "batch" or "auto"'):
        paid_run(workspace, "pets", RunOptions(detach=True))
    assert not workspace.database("pets").exists(), "no run was begun"


def test_nothing_to_cancel(
    workspace: Workspace, pets: WriteTask, scripted_backends: ServerStandIn
) -> None:
    pets()
    with pytest.raises(InputError, match="has no run"):
        cancel(workspace, "pets")
    paid_run(workspace, "pets", RunOptions(until="generate"))
    assert cancel(workspace, "pets").batches == 0
