"""What a run will cost, held against the bill that a strict stand-in keeps."""

import os
import pty
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from distill import cli
from distill.core.errors import InputError
from distill.core.purpose import ANSWER, ON_SEEDS, SYNTHESIZE, Purpose
from distill.core.requests import PlannedRequest
from distill.core.workspace import Workspace
from distill.estimate import CostEstimate, plan
from distill.estimate.consent import WHOLE_BUDGET, Declined
from distill.estimate.finetuning import BASE, BASE_FEW_SHOT
from distill.estimate.probe import CALLS, estimate_run, probe_run
from distill.estimate.run_start import RunOptions
from distill.estimate.workload import AGAIN, EVALUATE
from distill.evaluate.systems import ASKED_AGAIN, gold_for
from distill.llm.complete import complete_requests, lazy_endpoint
from distill.llm.ledger import BudgetReached
from distill.llm.models import choose
from distill.rehearsal.provider import Settings
from distill.rehearsal.provider import StandIn as Provider
from distill.serve import ServerSettings
from distill.store import open_store
from distill.task.loading import load_task
from distill.task.prompts import answer_requests
from distill.task.run_context import Context
from tests.conftest import PERMISSION, PETS, WriteTask, jsonl, pet_rows, point_to
from tests.support.command import json_rows
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.provider import running
from tests.support.scripted_run import NO_STAGE
from tests.support.standin import StandIn

BUNDLED = Path(__file__).parents[2] / "prompts" / "classify"
OPENAI, ANTHROPIC = "openai:gpt-6-luna", "anthropic:claude-haiku-5-5"
HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
INPUTS = jsonl([{"input": f"the old cat number {number} sleeps"} for number in range(40)])
DEAR = '[prices."gpt-6-luna"]\ninput = 9000\noutput = 9000\nsure = true\n[budget]\nusd = 900000\n'
TARGET = Decimal("0.15")
UNTUNED = Purpose.of_system(OPENAI)
GOLD = {ON_SEEDS: (12, 0), EVALUATE: (15, 0), AGAIN: (15, 0)}  # to be asked, answered; and seeds

pytestmark = pytest.mark.usefixtures("scripted_backends")

Start = Callable[..., AbstractContextManager[Provider]]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a stand-in that answers from a file of seeds, and points the official clients to
    it."""

    @contextmanager
    def started(seeds: Path, **settings: Any) -> Iterator[Provider]:
        with running(Settings(seeds, **settings)) as standin:
            point_to(monkeypatch, standin.url)
            yield standin

    return started


@pytest.fixture
def provider(start: Start, tmp_path: Path) -> Iterator[Provider]:
    """One that knows the pets."""
    seeds = tmp_path / "provider.jsonl"
    seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
    with start(seeds) as standin:
        yield standin


def toml(more: str = "", teacher: str = OPENAI, votes: int = 1, shots: int = 3) -> str:
    generate = "[generate]\nrequests = 60\n"
    asked = f'[teacher]\nmodel = "{teacher}"\nfew_shot = {shots}\nvotes = {votes}\n'
    return f"{HEAD}{generate}{asked}{more}"


def left(found: CostEstimate) -> dict[Purpose, tuple[int, int]]:
    """Purpose → (requests to be paid, answered ones)."""
    return {step.purpose: (step.requests, step.answered) for step in found.steps}


def off_by(estimate: Decimal, bill: Decimal) -> Decimal:
    """An estimate's error as a share of the bill."""
    return abs(estimate - bill) / bill


@pytest.mark.slow("a bundled task has 900 requests")
@pytest.mark.parametrize("teacher", [OPENAI, ANTHROPIC])
def test_the_estimate_of_the_bundled_task_is_within_15_percent_of_its_bill(
    workspace: Workspace, start: Start, teacher: str
) -> None:
    shutil.copytree(BUNDLED, workspace.prompts / "classify")
    spec = workspace.prompts / "classify" / "task.toml"
    text = spec.read_text(encoding="utf-8").replace('model = "auto"', f'model = "{teacher}"')
    spec.write_text(text + PERMISSION, encoding="utf-8")
    with start(BUNDLED / "seeds.jsonl") as standin:
        estimate = estimate_run(workspace, "classify")
        assert standin.bill().requests == 0
        ask_gold(paid_run(workspace, "classify", RunOptions(until="curate")).context)
        bill = standin.bill()
    sys.stdout.write(f"{teacher}: estimated ${estimate.usd:.6f}, billed ${bill.usd:.6f}, ")
    sys.stdout.write(f"{estimate.usd / bill.usd:.3f} of it\n")
    assert off_by(estimate.usd, bill.usd) <= TARGET
    assert estimate.requests == bill.requests == 40 + 600 + 96 + 240 + ASKED_AGAIN
    assert bill.usd <= estimate.worst_usd


def ask_gold(context: Context) -> None:
    """The paid part of evaluation, twice over, without the student that comes before it."""
    task, teacher = context.task, choose(context.task.spec.teacher.model)
    settings = ServerSettings(task.spec.evaluate.in_flight, Decimal(1), context.log("teacher"))
    reach = partial(teacher.serve, settings)
    with (
        context.store() as store,
        lazy_endpoint(teacher.model, reach, "evaluate", context.progress) as endpoint,
    ):
        for vote, purpose in enumerate((EVALUATE, AGAIN)):
            rows = gold_for(purpose.step, task.gold)
            gold = [row.input for row in rows]
            shots = task.spec.teacher.few_shot
            requests = answer_requests(task, teacher.model, gold, shots=shots, vote=vote)
            asks = [
                PlannedRequest(purpose, text, row) for text, row in zip(gold, requests, strict=True)
            ]
            assert len(complete_requests(context, store, asks, endpoint)) == len(gold)


def test_the_report_shows_the_estimate_beside_the_bill(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    pets(task_toml=toml(), inputs_jsonl=INPUTS)
    estimate = estimate_run(workspace, "pets").usd
    folder = paid_run(workspace, "pets").context.folder
    spend = figures(folder)["spend"]
    assert Decimal(spend["estimate_usd"]) == round(estimate, 8)
    assert Decimal(spend["billed_usd"]) == round(provider.bill().usd, 8)
    page = (folder / "report.full.md").read_text(encoding="utf-8")
    assert f"| estimated before the first paid call | {spend['estimate_usd']} |" in page
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert f">${spend['estimate_usd']}<" in html


@pytest.mark.parametrize("teacher", [OPENAI, ANTHROPIC])
def test_what_the_provider_caches_is_in_the_estimate(
    workspace: Workspace,
    pets: WriteTask,
    provider: Provider,
    teacher: str,
) -> None:
    """Instructions that are long enough to be cached, and read from there by all but the first."""
    long = {"answer.system_md": "Mind what it eats, where it sleeps and whose it is. " * 120}
    words = random.Random(0)
    about = ("cat", "dog", "bird", "garden", "sleeps", "hungry", "number", "tonight", "of", "ours")
    inputs = [{"input": " ".join(words.choices(about, k=150))} for _ in range(600)]
    spec = toml(teacher=teacher).replace("requests = 60", "requests = 0")
    pets(task_toml=spec, inputs_jsonl=jsonl(inputs), **long)
    estimate = estimate_run(workspace, "pets").up_to(["generate"])
    paid_run(workspace, "pets", RunOptions(until="generate"))
    bill = provider.bill().usd
    cached = sum(step.cached_tokens for step in estimate.steps)
    assert cached > sum(step.prompt_tokens for step in estimate.steps) / 2
    sys.stdout.write(f"{teacher}, cached: {estimate.usd / bill:.3f} of the bill\n")
    assert off_by(estimate.usd, bill) <= TARGET


def test_a_plan_asks_nothing_and_leaves_nothing(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    pets(task_toml=toml(), inputs_jsonl=INPUTS)
    found = estimate_run(workspace, "pets")
    # 60 new inputs, 5 a request; they and the 40 given ones are answered; then gold.
    assert left(found) == {SYNTHESIZE: (12, 0), ANSWER: (100, 0)} | GOLD
    assert 0 < found.usd < found.worst_usd
    assert provider.bill().requests == 0
    assert not workspace.runs.exists()


def test_what_serves_two_purposes_is_paid_once(workspace: Workspace, pets: WriteTask) -> None:
    """Gold that is also an input, a baseline that is the teacher, a base that is shown no seeds."""
    gold = [{"input": row["input"]} for row in pet_rows("gold", 5)[:4]]
    same = f"[evaluate]\nbaselines = ['{OPENAI}']\n[student]\ntrainer = 'openai'\n"
    plain = toml(same, shots=0).replace("requests = 60", "requests = 0")
    pets(task_toml=plain, inputs_jsonl=jsonl(gold))
    found = estimate_run(workspace, "pets")
    asked = {purpose: count for purpose, (count, _) in left(found).items()}
    assert (asked[ANSWER], asked[EVALUATE], asked[UNTUNED]) == (0, 15, 0)
    assert (asked[BASE], asked[BASE_FEW_SHOT]) == (15, 0)
    by_purpose = {step.purpose: step for step in found.steps}
    assert by_purpose[BASE_FEW_SHOT].usd == by_purpose[UNTUNED].usd == 0


def test_every_vote_is_paid(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=toml(votes=3), inputs_jsonl=INPUTS)
    assert left(estimate_run(workspace, "pets"))[ANSWER] == (300, 0)


def test_what_is_answered_is_not_paid_again(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    pets(task_toml=toml(), inputs_jsonl=INPUTS)
    paid_run(workspace, "pets", RunOptions(until="generate"))
    halfway = estimate_run(workspace, "pets")
    asked = provider.bill().requests
    assert left(halfway) == {SYNTHESIZE: (0, 12), ANSWER: (0, asked - 12)} | GOLD
    assert halfway.spent_usd == provider.bill().usd
    paid_run(workspace, "pets")
    done = estimate_run(workspace, "pets")
    assert (done.requests, done.usd) == (0, Decimal(0))
    assert off_by(halfway.usd + halfway.spent_usd, provider.bill().usd) < Decimal("0.05")


def test_a_run_that_was_stopped_knows_what_is_left(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    pets(task_toml=toml("[budget]\nusd = 0.002\n"), inputs_jsonl=INPUTS)
    before = estimate_run(workspace, "pets")
    stop = before.stops()
    assert stop is not None and stop[0].purpose == ANSWER
    with pytest.raises(BudgetReached):
        paid_run(workspace, "pets")
    after = estimate_run(workspace, "pets")
    paid = left(after)[ANSWER][1]
    assert abs(paid - stop[1]) <= TARGET * paid
    with open_store(workspace.database("pets")) as store:
        asked = store.rows(
            "SELECT COUNT(DISTINCT request_id) FROM ask WHERE purpose = ?", str(ANSWER)
        )
    assert [(sum(left(after)[ANSWER]),)] == asked
    with open_store(workspace.database("pets")) as store:
        (run,) = store.runs()
        assert store.estimate_usd(run.id) == before.usd, "the first one stays"


@pytest.mark.parametrize("inputs", [INPUTS, ""])
def test_a_probe_measures_with_what_the_run_would_ask_first(
    workspace: Workspace,
    pets: WriteTask,
    provider: Provider,
    inputs: str,
) -> None:
    pets(task_toml=toml(), inputs_jsonl=inputs)
    before = estimate_run(workspace, "pets")
    said: list[tuple[int, Decimal]] = []

    def say(calls: int, most: Decimal) -> None:
        said.append((calls, most))

    found = probe_run(workspace, "pets", say, WHOLE_BUDGET)
    probed = provider.bill()
    assert probed.requests == sum(calls for calls, _ in said) == CALLS
    assert probed.usd <= sum(most for _, most in said)
    assert left(found)[SYNTHESIZE] == (9, 3)
    assert left(found)[ANSWER][1] == 2
    assert found.spent_usd == probed.usd
    outcome = paid_run(workspace, "pets")
    bill = provider.bill()
    assert set(bill.asked.values()) == {1}, "nothing is asked twice"
    assert off_by(found.spent_usd + found.usd, bill.usd) < TARGET
    with outcome.context.store() as store:
        assert [run.id for run in store.runs()] == [outcome.run.id], "the probe's run goes on"
        assert store.committed_usd(outcome.run.id) == bill.usd
        assert store.estimate_usd(outcome.run.id) == before.usd
    assert probe_run(workspace, "pets", say, WHOLE_BUDGET).requests == 0
    assert provider.bill() == bill, "nothing is left to be measured"


def test_batches_cost_half_where_they_are_used(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=toml(), inputs_jsonl=INPUTS)
    found = estimate_run(workspace, "pets")
    batched = {step.purpose: step.batch_usd for step in found.steps}
    online = {step.purpose: step.usd for step in found.steps}
    halved = {purpose: online[purpose] / 2 for purpose in (SYNTHESIZE, ANSWER, ON_SEEDS)}
    assert batched == {**halved, EVALUATE: None, AGAIN: None}
    assert found.batch_usd == sum(halved.values()) + online[EVALUATE] + online[AGAIN]


@pytest.mark.parametrize(
    "teacher", ["auto", "embedded", "vllm:some/model", "http://127.0.0.1:9/v1#model"]
)
def test_a_teacher_without_a_bill_costs_nothing(
    workspace: Workspace, pets: WriteTask, teacher: str
) -> None:
    pets(task_toml=toml(teacher=teacher))
    found = estimate_run(workspace, "pets")
    assert (found.price, found.steps, found.usd) == (None, (), Decimal(0))
    assert "Nothing is billed" in shown(workspace, "plan", "pets").stdout


def test_a_server_with_a_price_is_planned_without_batches(
    workspace: Workspace, pets: WriteTask
) -> None:
    prices = '[prices."m"]\ninput = 1\noutput = 2\n'
    pets(task_toml=toml(prices, teacher="https://models.example/v1#m"))
    found = estimate_run(workspace, "pets")
    assert found.usd > 0 and not found.batches
    assert {step.batch_usd for step in found.steps} == {None}
    assert found.price is not None and found.price.source == "task.toml"


def test_a_model_that_thinks_is_paid_for_it(workspace: Workspace, pets: WriteTask) -> None:
    def answer_tokens(teacher: str) -> int:
        pets(task_toml=toml(teacher=teacher))
        return estimate_run(workspace, "pets").steps[0].completion_tokens

    assert answer_tokens("openai:gpt-6.1-sol") == answer_tokens(OPENAI) + 12 * 100


def test_no_price_no_plan(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=toml(teacher="openai:gpt-nobody"))
    with pytest.raises(InputError, match=r"price of gpt-nobody \(openai\) is not known"):
        estimate_run(workspace, "pets")


def test_a_plan_needs_no_key_and_a_probe_does(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=toml())
    assert estimate_run(workspace, "pets").usd > 0
    with pytest.raises(InputError, match="set OPENAI_API_KEY"):
        probe_run(workspace, "pets", lambda calls, most: None, WHOLE_BUDGET)


def test_seeds_that_may_not_be_shown_are_not_in_the_plan(pets: WriteTask) -> None:
    """A plan with seeds that are too close to gold is the one of the task without them."""
    close = [{"input": f"please could you feed cat {n}", "label": "cats"} for n in range(3)]
    without = plan(pets(task_toml=toml()))
    found = plan(pets(task_toml=toml(), seeds_jsonl=jsonl([*pet_rows("seed", 4), *close])))
    assert found.steps == without.steps


def shown(workspace: Workspace, *arguments: str, answer: str = "") -> Result:
    """What a command prints, and how it ended."""
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    return CliRunner().invoke(cli.cli, [*folders, *arguments], input=answer)


def test_the_table_says_what_the_budget_carries(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    pets(task_toml=toml(), inputs_jsonl=INPUTS)
    output = shown(workspace, "plan", "pets").stdout
    assert [line.split()[0] for line in output.splitlines()[:7]] == [
        *("step", *map(str, (SYNTHESIZE, ANSWER, ON_SEEDS, EVALUATE, AGAIN)), "all")
    ]
    assert "budget.usd is $5.00: enough, even for the maximum bill." in output
    assert "genai-prices" in output and "within 24 h" in output
    pets(task_toml=toml("[budget]\nusd = 0.002\n"), inputs_jsonl=INPUTS)
    output = shown(workspace, "plan", "pets").stdout
    assert "not enough: the run stops in generate:answer with about" in output
    pets(task_toml=toml("[budget]\nusd = 0.02\n"), inputs_jsonl=INPUTS)
    output = shown(workspace, "plan", "pets").stdout
    assert "enough for the expected bill, but not for the maximum" in output
    assert provider.bill().requests == 0


def test_a_budget_is_held_against_the_price_of_the_runs_own_way(
    workspace: Workspace, pets: WriteTask
) -> None:
    found = plan(pets(task_toml=toml(), inputs_jsonl=INPUTS))
    tight = replace(found, budget_usd=(found.usd + found.batch_usd) / 2)
    assert tight.stops() is not None
    assert replace(tight, in_batches=True).stops() is None


def test_what_a_finished_generation_did_not_ask_is_not_to_be_paid(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    """Enough was kept before all was asked that `generate.requests` allows."""
    pets(task_toml=toml().replace("requests = 60", "requests = 600\nexamples = 24"))
    paid_run(workspace, "pets", RunOptions(until="generate"))
    found = left(estimate_run(workspace, "pets"))
    assert (found[SYNTHESIZE][0], found[ANSWER][0]) == (0, 0)
    assert 0 < found[SYNTHESIZE][1] < 600
    assert found[EVALUATE] == GOLD[EVALUATE]


def test_a_plan_as_json(workspace: Workspace, pets: WriteTask, provider: Provider) -> None:
    pets(task_toml=toml(), inputs_jsonl=INPUTS)
    [found] = json_rows(shown(workspace, "plan", "pets", "--json").stdout, "plan")
    assert (found["billed"], found["requests"], found["stops"]) == (True, 154, None)
    assert Decimal(found["usd"]) == sum(Decimal(step["usd"]) for step in found["steps"])
    result = shown(workspace, "plan", "pets", "--probe", "--yes", "--json")
    assert json_rows(result.stdout, "plan")[0]["requests"] == 149
    assert "probe: 5 paid calls, at most $" in result.stderr


def test_who_is_not_there_is_told_and_not_asked(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    pets(task_toml=toml(DEAR))
    result = shown(workspace, "generate", "pets", "--yes")
    assert result.exit_code == 0
    assert "plan: about $" in result.stderr and "72 requests to gpt-6-luna" in result.stderr
    assert "Continue?" not in result.stderr


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is there to answer."""
    monkeypatch.setattr("distill.cli.group.interactive", lambda: True)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("answer", ["\n", "n\n", "y\n"])
def test_who_is_there_is_asked_before_more_than_ten_cents_are_spent(
    workspace: Workspace, pets: WriteTask, provider: Provider, answer: str
) -> None:
    pets(task_toml=toml(DEAR))
    result = shown(workspace, "generate", "pets", answer=answer)
    assert "Continue? [y/N]" in result.stderr
    agreed = answer == "y\n"
    assert (provider.bill().requests > 0) == agreed
    assert isinstance(result.exception, Declined) != agreed


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("more", "option"), [("", "--json"), (DEAR, "--yes")])
def test_less_than_ten_cents_are_not_asked_about_and_yes_asks_nothing(
    workspace: Workspace, pets: WriteTask, provider: Provider, more: str, option: str
) -> None:
    pets(task_toml=toml(more))
    result = shown(workspace, "generate", "pets", option)
    assert result.exit_code == 0 and "Continue?" not in result.stderr
    assert provider.bill().requests > 0


def test_a_terminal_that_declines_ends_with_1_and_nothing_spent(
    workspace: Workspace, pets: WriteTask, provider: Provider, scripted_backends: StandIn
) -> None:
    pets(task_toml=toml(DEAR, shots=0))
    ours, theirs = pty.openpty()
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    command = [sys.executable, "-m", "tests.support.scripted_run", scripted_backends.url, NO_STAGE]
    child = subprocess.Popen(
        [*command, *folders, "run", "pets"],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    os.write(ours, b"\n")
    _, errors = child.communicate()
    for end in (ours, theirs):
        os.close(end)
    assert child.returncode == 1
    assert "Continue? [y/N]" in errors and "nothing was sent" in errors
    assert provider.bill().requests == 0


def test_a_plan_without_a_store_is_that_of_a_first_run(
    workspace: Workspace, pets: WriteTask
) -> None:
    pets(task_toml=toml())
    assert plan(load_task(workspace.prompts, "pets")) == estimate_run(workspace, "pets")
