"""No cent twice, none too many: the ledger against the bill that the provider itself keeps."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from distill.core.errors import DistillError, InputError
from distill.llm import rate_limit
from distill.llm.failures import KEY
from distill.llm.ledger import BudgetReached
from distill.llm.models import choose
from distill.rehearsal.provider import Bill, Settings, StandIn
from distill.store import open_store
from tests.conftest import jsonl, pet_rows, point_to
from tests.support import forked
from tests.support.provider import running, wait_for_bill
from tests.support.spending import (
    PURPOSE,
    RUN,
    ask,
    long_requests,
    requests,
    spend,
    spend_in_batches,
)
from tests.support.teachers import ANTHROPIC_NOW, BOTH, OPENAI_NOW, TEACHERS

PLENTY = Decimal(100)
SECRET = "sk-test-do-not-store-me"

Provider = Callable[..., AbstractContextManager[StandIn]]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "task" / "distill.duckdb"


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Starts a stand-in, told to misbehave, and points the official clients to it."""

    @contextmanager
    def start(**faults: float) -> Iterator[StandIn]:
        seeds = tmp_path / "seeds.jsonl"
        seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
        latency = faults.pop("latency", 0.0)
        with running(Settings(seeds, latency=latency, faults=faults)) as standin:
            point_to(monkeypatch, standin.url, SECRET)
            yield standin

    return start


def ledger(database: Path) -> tuple[Decimal, Decimal]:
    """(USD of the answers, USD that may have been billed without one)."""
    with open_store(database) as store:
        store.settle_lost()
        twice = store.possibly_paid_twice_usd(RUN)
        return store.committed_usd(RUN) - twice, twice


@BOTH
def test_the_ledger_is_the_bill_to_the_last_digit(
    database: Path, provider: Provider, teacher: str
) -> None:
    with provider() as standin:
        assert len(spend(database, teacher, 300, PLENTY)) == 300
        bill = standin.bill()
    assert ledger(database) == (bill.usd, Decimal(0))
    assert bill.requests == 300 and set(bill.asked.values()) == {1}


@OPENAI_NOW
def test_whatever_goes_wrong_on_the_way_is_accounted_for(
    database: Path, provider: Provider, teacher: str
) -> None:
    faults = {"429": 0.05, "500": 0.05, "529": 0.02, "cut": 0.03, "cut_before": 0.02}
    faults |= {"broken_json": 0.02, "html": 0.02}
    with provider(**faults) as standin:
        assert len(spend(database, teacher, 300, PLENTY)) == 300
        bill = standin.bill()
    paid, twice = ledger(database)
    assert paid < bill.usd <= paid + twice
    assert bill.requests > 300, "some answers were lost after they were billed"


def test_a_project_whose_tier_is_the_fast_one_is_asked_in_the_standard_one(
    database: Path, provider: Provider
) -> None:
    """Else every answer costs twice what is booked, and twice what is reserved."""
    with provider(fast_project=1) as standin:
        assert len(spend(database, TEACHERS[0], 60, PLENTY)) == 60
        assert ledger(database) == (standin.bill().usd, Decimal(0))


def test_an_answer_in_a_dearer_tier_is_booked_by_it_and_stops_the_run(
    database: Path, provider: Provider
) -> None:
    with provider(priority=0.1) as standin:
        with pytest.raises(
            DistillError, match="in service tier 'priority', not in the requested 'default'"
        ):
            spend(database, TEACHERS[0], 600, PLENTY)
        bill = standin.bill()
    assert ledger(database) == (bill.usd, Decimal(0))
    assert 0 < bill.requests < 600
    with provider() as standin:
        assert len(spend(database, TEACHERS[0], 600, PLENTY)) == 600 - bill.requests
        assert ledger(database) == (bill.usd + standin.bill().usd, Decimal(0))


def test_so_it_is_in_batches(database: Path, provider: Provider) -> None:
    with provider(priority=0.1) as standin:
        with pytest.raises(DistillError, match="in service tier 'priority'"):
            spend_in_batches(database, TEACHERS[0], 60, PLENTY)
        bill = standin.bill()
    assert ledger(database) == (bill.usd, Decimal(0))
    with open_store(database) as store:
        assert store.count_unanswered(RUN, PURPOSE) == 0, "what came is stored"


@ANTHROPIC_NOW
def test_no_bill_passes_the_budget(database: Path, provider: Provider, teacher: str) -> None:
    budget = Decimal("0.002")
    with provider(cut=0.1, latency=0.02) as standin:
        with pytest.raises(BudgetReached, match=r"of \$0\.002 are spent or may have been billed"):
            spend(database, teacher, 500, budget)
        first = standin.bill()
        assert 0 < first.usd <= budget
        with pytest.raises(BudgetReached):
            spend(database, teacher, 500, budget)
        assert standin.bill().usd <= budget
        with open_store(database) as store:
            left = store.count_unanswered(RUN, PURPOSE)
        assert 0 < left < 500
        assert len(spend(database, teacher, 500, PLENTY)) == left, "nothing is asked again"


def test_two_hundred_long_answers_at_a_time_keep_to_the_budget(
    database: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "FIRST_WINDOW", 200)
    teacher, budget = TEACHERS[0], Decimal("0.06")
    rows = long_requests(choose(teacher).model, 1000)
    with provider(latency=1.0, cut=0.01) as standin:
        with pytest.raises(BudgetReached):
            ask(database, teacher, rows, budget, in_flight=200)
        bill = standin.bill()
    paid, twice = ledger(database)
    assert bill.most_at_once > 50
    assert paid <= bill.usd <= paid + twice <= budget
    assert bill.usd > budget * Decimal("0.9"), "what is reserved comes free again"


def test_a_run_killed_at_any_moment_pays_nothing_unseen(database: Path, provider: Provider) -> None:
    teacher, count, kills = TEACHERS[0], 600, 5
    draw = random.Random(0)
    arguments = [str(database), teacher, str(count), "100"]
    with provider(latency=0.05) as standin:
        for _ in range(kills):
            before = standin.bill().requests
            child = forked.start("tests.support.spending", arguments)
            wanted = before + draw.randrange(1, count // kills)

            def is_struck(bill: Bill, wanted: int = wanted) -> bool:
                return bill.requests >= wanted

            wait_for_bill(standin, is_struck, child)
            child.send_signal(signal.SIGKILL)
            child.wait()
            paid, twice = ledger(database)
            assert paid <= standin.bill().usd <= paid + twice
        assert forked.run("tests.support.spending", arguments) == 0
        bill = standin.bill()
    paid, twice = ledger(database)
    assert paid <= bill.usd <= paid + twice
    with open_store(database) as store:
        assert store.count_unanswered(RUN, PURPOSE) == 0
        again = store.rows(
            """SELECT request_id FROM attempt JOIN outcome ON attempt_id = attempt.id
               WHERE result = 'answered' GROUP BY request_id HAVING COUNT(*) > 1"""
        )
    assert again == [], "no stored answer is asked again"


def test_ctrl_c_waits_for_what_is_being_paid_for(database: Path, provider: Provider) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.support.spending",
        str(database),
        TEACHERS[0],
        "2000",
        "100",
    ]
    with provider(latency=0.3) as standin:
        child = subprocess.Popen(command, stderr=subprocess.PIPE, env=dict(os.environ))
        wait_for_bill(standin, lambda bill: bill.requests >= 100, child)
        child.send_signal(signal.SIGINT)
        child.communicate()
        bill = standin.bill()
    assert 100 <= bill.requests < 2000
    assert ledger(database) == (bill.usd, Decimal(0))


def test_refusals_and_cut_off_answers_are_paid_and_kept_as_what_they_are(
    database: Path, provider: Provider
) -> None:
    with provider(refuse=0.2, length=0.2, content_filter=0.1) as standin:
        came = spend(database, TEACHERS[0], 100, PLENTY)
        bill = standin.bill()
    assert {row.problem for row in came} == {"", "refused", "cut off", "content filter"}
    assert ledger(database) == (bill.usd, Decimal(0))


@BOTH
def test_a_key_is_shown_nowhere(
    database: Path, provider: Provider, teacher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with provider():
        spend(database, teacher, 20, PLENTY)
        name = "OPENAI_API_KEY" if "openai" in teacher else "ANTHROPIC_API_KEY"
        monkeypatch.delenv(name)
        with pytest.raises(InputError, match=f"needs a key: set {name}"):
            spend(database, teacher, 21, PLENTY)
    stored = b"".join(file.read_bytes() for file in database.parent.iterdir() if file.is_file())
    assert SECRET.encode() not in stored
    assert KEY.search(stored.decode("latin-1")) is None


def test_a_model_that_is_not_there_costs_nothing(database: Path, provider: Provider) -> None:
    with provider() as standin:
        with pytest.raises(InputError, match=r"price of gpt-nobody \(openai\) is not known"):
            spend(database, "openai:gpt-nobody", 5, PLENTY)
        with pytest.raises(InputError, match=r"no such model for this key"):
            spend(database, "openai:gpt-6-astra", 5, PLENTY)
        assert standin.bill().requests == 0


def test_no_credit_stops_at_once(database: Path, provider: Provider) -> None:
    with provider(no_credit=1) as standin:
        with pytest.raises(DistillError, match="no credit left"):
            spend(database, TEACHERS[0], 200, PLENTY)
        assert standin.bill().refused < 200
    assert ledger(database) == (Decimal(0), Decimal(0))


def test_requests_differ() -> None:
    from distill.core.requests import Model

    assert len({row.id for row in requests(Model("m", None, "openai"), 50)}) == 50
