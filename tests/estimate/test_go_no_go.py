"""`distill advise`: whether a run is worth beginning."""

import re
from dataclasses import replace
from datetime import date

import pytest
from click.testing import CliRunner

import distill.estimate
import distill.estimate.go_no_go
from distill.cli import cli
from distill.core.sample_size import sample_size_for_margin
from distill.core.workspace import Workspace
from distill.estimate import plan
from distill.estimate.go_no_go import AdviceFinding, _money, advise, verdict_of
from distill.estimate.workload import EVALUATE
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.support.command import json_rows
from tests.task.test_texts import write as write_texts

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
HEAD += '[teacher]\nmodel = "openai:gpt-6.1-terra"\nfew_shot = 3\n[generate]\nrequests = 12\n'


@pytest.fixture(autouse=True)
def on_a_day_of_november(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (distill.estimate.go_no_go, distill.estimate):
        monkeypatch.setattr(place, "today", lambda: date(2026, 11, 28))


def found(workspace: Workspace, about: str) -> AdviceFinding:
    (one,) = (finding for finding in advise(workspace, "pets") if finding.about == about)
    return one


def test_a_task_with_traffic_is_worth_it(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=f"{HEAD}[traffic]\nrequests_per_day = 10000000\n[evaluate]\nmargin = 0.3\n")
    findings = advise(workspace, "pets")
    assert [finding.word for finding in findings] == ["go", "go", "go"]
    assert verdict_of(findings) == "go"
    assert "paid back after 1 days at the earliest" in found(workspace, "money").because


def test_without_traffic_a_machine_costs_more_than_the_teacher(
    workspace: Workspace, pets: WriteTask
) -> None:
    pets(task_toml=f"{HEAD}[traffic]\nrequests_per_day = 100\n")
    money = found(workspace, "money")
    assert money.word == "no go" and "never pays for itself" in money.because
    assert "at 100 requests, one machine $2.40" in money.because
    assert verdict_of(advise(workspace, "pets")) == "no go"


def test_a_teacher_without_a_bill_saves_no_money(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=HEAD.replace("openai:gpt-6.1-terra", "embedded"))
    assert found(workspace, "money").word == "careful"


def test_a_teacher_that_has_answered_all_gold_still_sends_bills(
    workspace: Workspace, pets: WriteTask
) -> None:
    task = pets(task_toml=HEAD)
    estimate = plan(task)
    steps = tuple(
        replace(step, requests=0, answered=15) if step.purpose == EVALUATE else step
        for step in estimate.steps
    )
    (money,) = _money(task, replace(estimate, steps=steps))
    assert money.word == "careful" and "all gold is already answered" in money.because


PEOPLE = "[people]\nhours = 1\nusd_per_hour = 200\n"
AT_OPENAI = "[student]\ntrainer = 'openai'\n"


def test_a_student_at_openai_needs_no_machine(workspace: Workspace, pets: WriteTask) -> None:
    """Saved at 4,000 requests a day, where one machine costs more than the teacher."""
    traffic = "[traffic]\nrequests_per_day = 4000\n"
    pets(task_toml=f"{HEAD}{AT_OPENAI}{traffic}")
    money = found(workspace, "money")
    assert money.word == "go" and "machine" not in money.because
    assert "paid back after" in money.because and "ends on 2027-01-14" in money.because
    pets(task_toml=f"{HEAD}{traffic}")
    local = found(workspace, "money")
    assert local.word == "no go" and "one machine $2.40" in local.because


def test_no_student_is_trained_where_nobody_may_any_more(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distill.estimate.go_no_go, "today", lambda: date(2027, 1, 6))
    pets(task_toml=f"{HEAD}{AT_OPENAI}")
    money = found(workspace, "money")
    assert (
        money.word == "no go"
        and "accepted no new fine-tuning jobs since 2027-01-06" in money.because
    )


def test_a_student_that_ends_before_it_has_paid_is_no_go(
    workspace: Workspace, pets: WriteTask
) -> None:
    """Hours of people count: $6,000 take more than any traffic here gives back in time."""
    people = "[people]\nhours = 100\nusd_per_hour = 60\n"
    pets(task_toml=f"{HEAD}{AT_OPENAI}{people}[traffic]\nrequests_per_day = 4000\n")
    money = found(workspace, "money")
    assert money.word == "no go" and "people $6,000.00" in money.because


def test_a_teacher_that_ends_first_is_named(workspace: Workspace, pets: WriteTask) -> None:
    head = HEAD.replace("gpt-6.1-terra", "gpt-5-mini-2025-08-07").replace(
        "few_shot = 3", "few_shot = 0"
    )
    dear = '[prices."gpt-5-mini-2025-08-07"]\ninput = 10\noutput = 10\n'
    for asked, word in ((1_000_000, "go"), (2600, "careful"), (1500, "no go")):
        pets(task_toml=f"{head}{AT_OPENAI}{dear}{PEOPLE}[traffic]\nrequests_per_day = {asked}\n")
        money = found(workspace, "money")
        assert money.word == word, money.because
        assert ("but the teacher ends on 2026-12-11" in money.because) is (word != "go")


# Teacher → whether it sends bills, and more of its task.
TEACHERS = {
    "embedded": (False, ""),
    "openai:gpt-6-luna": (True, ""),
    "openai:gpt-6.1-terra": (True, ""),
    "anthropic:claude-opus-5-5": (True, ""),
    "http://somewhere/v1#mine": (True, '[prices."mine"]\ninput = 1\noutput = 5\ncached = 1\n'),
    "http://127.0.0.1:1/v1#mine": (False, ""),
}
A_DAY = re.compile(
    r"the run pays for itself after about .*: this takes ([\d,]+) a day until its model ends"
)


@pytest.mark.parametrize("trainer", ["openai", "peft"])
@pytest.mark.parametrize("teacher", TEACHERS)
def test_advice_and_plan_say_the_same(
    workspace: Workspace, pets: WriteTask, teacher: str, trainer: str
) -> None:
    bills, more = TEACHERS[teacher]
    head = HEAD.replace("openai:gpt-6.1-terra", teacher)
    words: dict[int, str] = {}
    for asked in (1, 30, 100, 1000, 100_000, 100_000_000):
        rest = f"[student]\ntrainer = '{trainer}'\n[traffic]\nrequests_per_day = {asked}\n"
        task = pets(task_toml=f"{head}{more}{rest}")
        (money,) = _money(task, plan(task))
        told = " ".join(plan(task).assumptions)
        words[asked] = money.word
        needed = A_DAY.search(told)
        assert bool(needed) <= (bills and trainer == "openai")
        if needed:
            assert (money.word == "go") is (asked >= int(needed[1].replace(",", "")))
            assert "one machine" not in money.because
        if "never pays for itself" in told:
            assert money.word == "no go" and "never pays for itself" in money.because
        if not bills:
            assert money.word == "careful" and "is not billed" in money.because
            assert "never pays" not in told
    assert not bills or "no go" in words.values()
    if teacher in ("openai:gpt-6.1-terra", "anthropic:claude-opus-5-5"):
        assert words[100_000_000] == "go"


def test_a_teacher_of_ours_is_a_machine_that_a_student_at_openai_does_without(
    workspace: Workspace, pets: WriteTask
) -> None:
    head = HEAD.replace("openai:gpt-6.1-terra", "embedded")
    for asked, more in ((1000, False), (1_000_000, True)):
        pets(task_toml=f"{head}{AT_OPENAI}[traffic]\nrequests_per_day = {asked}\n")
        money = found(workspace, "money")
        assert (
            money.word == "careful" and "a machine costs $2.40 a day, the student" in money.because
        )
        assert ("it saves money only if the teacher needs" in money.because) is more


def test_gold_among_the_inputs_hides_no_price(workspace: Workspace, pets: WriteTask) -> None:
    """It is asked about with the inputs, once."""
    gold = jsonl([{"input": row["input"]} for row in pet_rows("gold", 5)])
    pets(task_toml=f"{HEAD}[traffic]\nrequests_per_day = 100\n", inputs_jsonl=gold)
    money = found(workspace, "money")
    assert money.word == "no go" and "one machine $2.40" in money.because


def test_a_label_with_two_seeds_is_named(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=HEAD, seeds_jsonl=jsonl(pet_rows("seed", 2)))
    seeds = found(workspace, "seeds")
    assert seeds.word == "no go" and "fewer than 3 for cats, dogs, birds" in seeds.because


def test_too_little_gold_is_said_before(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=HEAD)
    gold = found(workspace, "gold")
    assert gold.word == "careful"
    assert "a margin of 2.0 points needs about 1,963" in gold.because


@pytest.mark.parametrize(("margin", "rows"), [(0.02, 1546), (0.05, 248)])
def test_the_gold_that_settles_a_margin(margin: float, rows: int) -> None:
    """By hand: 0.1 × ((1.6449 + 0.8416) ÷ margin)²."""
    assert sample_size_for_margin(margin, confidence=0.95) == rows


def test_texts_are_one_group(workspace: Workspace) -> None:
    write_texts(workspace)
    assert advise(workspace, "counts")[0].word == "go"


def test_the_command_and_its_json(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=HEAD)
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    told = CliRunner().invoke(cli, [*folders, "advise", "pets"])
    assert told.exit_code == 0 and told.stdout.startswith("advice: ")
    as_json = CliRunner().invoke(cli, [*folders, "advise", "pets", "--json"])
    rows = json_rows(as_json.stdout, "advice")
    assert [row.get("about") for row in rows] == [None, "seeds", "gold", "money"]
    missing = CliRunner().invoke(cli, [*folders, "advise", "fish"])
    assert missing.exit_code != 0
