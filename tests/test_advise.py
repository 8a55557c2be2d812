"""`distill advise`: whether a run is worth beginning."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from distill.advise import Finding, _money, advise, verdict_of
from distill.cli import cli
from distill.plan import plan
from distill.stats import gold_that_settles
from distill.wanted import EVALUATE
from distill.workspace import Workspace
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.test_texts import write as write_texts

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
HEAD += '[teacher]\nmodel = "openai:gpt-6.1-terra"\nfew_shot = 3\n[generate]\nrequests = 12\n'


def found(workspace: Workspace, about: str) -> Finding:
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
    assert money.word == "careful" and "all gold is answered already" in money.because


def test_a_label_with_two_seeds_is_named(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=HEAD, seeds_jsonl=jsonl(pet_rows("seed", 2)))
    seeds = found(workspace, "seeds")
    assert seeds.word == "no go" and "fewer than 3 for cats, dogs, birds" in seeds.because


def test_too_little_gold_is_said_before(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=HEAD)
    gold = found(workspace, "gold")
    assert gold.word == "careful"
    assert "a margin of 2.0 points takes about 1,963" in gold.because


@pytest.mark.parametrize(("margin", "rows"), [(0.02, 1546), (0.05, 248)])
def test_the_gold_that_settles_a_margin(margin: float, rows: int) -> None:
    """By hand: 0.1 × ((1.6449 + 0.8416) ÷ margin)²."""
    assert gold_that_settles(0.1, margin=margin, confidence=0.95) == rows


def test_texts_are_one_group(workspace: Workspace) -> None:
    write_texts(workspace)
    assert advise(workspace, "counts")[0].word == "go"


def test_the_command_and_its_json(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=HEAD)
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    told = CliRunner().invoke(cli, [*folders, "advise", "pets"])
    assert told.exit_code == 0 and told.stdout.startswith("advice: ")
    rows = json.loads(CliRunner().invoke(cli, [*folders, "advise", "pets", "--json"]).stdout)
    assert [row.get("about") for row in rows] == [None, "seeds", "gold", "money"]
    missing = CliRunner().invoke(cli, [*folders, "advise", "fish"])
    assert missing.exit_code != 0
