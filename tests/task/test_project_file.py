"""`distill.toml`: what holds for every task of a project; prices in other currencies; prices that
are more likely a slip than a bargain."""

from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from distill.cli import cli
from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.pricing.token_prices import token_price
from distill.task.loading import load_task
from tests.conftest import PETS, WriteTask
from tests.support.command import json_rows

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
LUNA = '[prices."gpt-6-luna"]\n'


def project(workspace: Workspace, text: str) -> Path:
    path = workspace.prompts.parent / "distill.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_project_says_what_its_tasks_do_not(workspace: Workspace, pets: WriteTask) -> None:
    project(
        workspace,
        f"{LUNA}input = 0.09\noutput = 0.4\n[machine]\nusd_per_hour = 0.5\n"
        "[traffic]\nrequests_per_day = 7\nutilisation = 0.3\n"
        "[people]\nhours = 2\nusd_per_hour = 9\n",
    )
    task = pets(task_toml=f"{HEAD}[traffic]\nrequests_per_day = 8\n")
    assert task.rates["gpt-6-luna"].input == Decimal("0.09")
    assert task.rates["gpt-6-luna"].source == "distill.toml"
    assert task.spec.machine.usd_per_hour == Decimal("0.5") and task.spec.people.usd == 18
    traffic = task.spec.traffic
    assert (traffic.requests_per_day, traffic.utilisation) == (8, 0.3), "key by key"
    own = pets(task_toml=f"{HEAD}{LUNA}input = 0.08\noutput = 0.4\n").rates["gpt-6-luna"]
    assert (own.input, own.source) == (Decimal("0.08"), "task.toml")


def test_without_the_file_a_task_is_the_one_it_was(workspace: Workspace, pets: WriteTask) -> None:
    before = pets(task_toml=HEAD).hash
    project(workspace, "[traffic]\nrequests_per_day = 7\n[people]\nhours = 2\nusd_per_hour = 9\n")
    assert pets(task_toml=HEAD).hash == before, "neither shapes an answer"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[price]\n",
            "unknown key 'price'; known here: machine, traffic, today, people, budget, prices",
        ),
        (f"{LUNA}input = 1\noutput = 2\ninptu = 3\n", "inptu'; known here: input, output, cached"),
        (f"{LUNA}input = -1\noutput = 2\n", "gpt-6-luna.input: Input should be greater than 0"),
        (f"{LUNA}input = nan\noutput = 2\n", "gpt-6-luna.input: Input should be a finite number"),
        (f"{LUNA}input = inf\noutput = 2\n", "gpt-6-luna.input: Input should be a finite number"),
        (
            "[people]\nhours = inf\nusd_per_hour = 1\n",
            "people.hours: Input should be a finite number",
        ),
        ("[machine\n", "not valid TOML"),
        ("[people]\nhours = 40\n", "set both hours and usd_per_hour"),
        ("[currencies]\nUSD = 0.5\n", "list other currencies, each with its worth in USD"),
    ],
)
def test_a_mistake_is_named_with_its_file(
    workspace: Workspace, pets: WriteTask, text: str, words: str
) -> None:
    path = project(workspace, text)
    with pytest.raises(InputError) as caught:
        pets()
    assert str(path) in str(caught.value) and words in str(caught.value)


def test_other_currencies_count_at_their_rate(workspace: Workspace, pets: WriteTask) -> None:
    own = f'{LUNA}input = 0.10\ncached = 0.01\noutput = 0.5\ncurrency = "EUR"\n'
    task = pets(task_toml=f"{HEAD}{own}[currencies]\nEUR = 1.08\n")
    found = task.rates["gpt-6-luna"]
    assert (found.input, found.cached, found.output) == tuple(
        map(Decimal, ("0.108", "0.0108", "0.54"))
    )
    with pytest.raises(
        InputError, match=r"exchange rate of EUR is unknown: set EUR = .* in \[curr"
    ):
        pets(task_toml=HEAD + own)
    project(workspace, "[currencies]\nEUR = 1.1\n")
    assert pets(task_toml=HEAD + own).rates["gpt-6-luna"].input == Decimal("0.11")


@pytest.mark.parametrize(
    ("input_", "asked"),
    [("9.99", False), ("10", True), ("0.00101", False), ("0.001", True)],
)
def test_a_price_a_hundred_times_off_is_questioned(
    pets: WriteTask, input_: str, asked: bool
) -> None:
    text = f"{HEAD}{LUNA}input = {input_}\noutput = 0.5\n"
    if not asked:
        assert pets(task_toml=text).rates["gpt-6-luna"].input == Decimal(input_)
        return
    with pytest.raises(InputError) as caught:
        pets(task_toml=text)
    assert f'prices."gpt-6-luna".input: ${input_} per 1M tokens is' in str(caught.value)
    assert "the $0.1 in genai-prices" in str(caught.value) and "sure = true" in str(caught.value)
    assert pets(task_toml=f"{text}sure = true\n").rates["gpt-6-luna"].input == Decimal(input_)


@pytest.mark.parametrize("name", ["gpt-6-luna", "openai:gpt-6-luna"])
def test_a_price_is_questioned_under_either_name(pets: WriteTask, name: str) -> None:
    text = f'{HEAD}[prices."{name}"]\ninput = 10000\noutput = 50000\n'
    with pytest.raises(InputError) as caught:
        pets(task_toml=text)
    assert f'prices."{name}".input: $10000 per 1M tokens is' in str(caught.value)
    assert pets(task_toml=f"{text}sure = true\n").rates[name].input == 10_000


def test_a_name_of_another_provider_is_not_held_against_it(pets: WriteTask) -> None:
    text = f'{HEAD}[prices."anthropic:gpt-6-luna"]\ninput = 10000\noutput = 50000\n'
    assert pets(task_toml=text).rates


@pytest.mark.parametrize(("kind", "usd"), [("cached", "1"), ("cache_write", "12.5")])
def test_a_price_of_the_cache_a_hundred_times_off_is_questioned(
    pets: WriteTask, kind: str, usd: str
) -> None:
    text = f"{HEAD}{LUNA}input = 0.1\noutput = 0.5\n{kind} = "
    with pytest.raises(InputError) as caught:
        pets(task_toml=f"{text}{usd}\n")
    assert f'prices."gpt-6-luna".{kind}: ${usd} per 1M tokens is' in str(caught.value)
    assert pets(task_toml=f"{text}0\n").rates, "nothing for the cache is what may be agreed"


def test_a_price_without_a_cache_price_keeps_its_tasks_hash(pets: WriteTask) -> None:
    """As of c2e9cbf, which counted cached tokens in full."""
    own = f'{LUNA}input = 0.10\noutput = 0.5\ncurrency = "EUR"\n[currencies]\nEUR = 1.08\n'
    assert pets(task_toml=f"{HEAD}{own}").parts["task.toml"] == "615ad393df1a7827f1175e56da9d57f2"


def test_another_rate_is_another_price_and_another_run(pets: WriteTask) -> None:
    own = f'{LUNA}input = 0.10\noutput = 0.5\ncurrency = "EUR"\n'
    first, again, other = (
        pets(task_toml=f"{HEAD}{own}[currencies]\nEUR = {rate}\n").hash
        for rate in ("1.08", "1.08", "1.09")
    )
    assert first == again != other
    plain = pets(task_toml=f"{HEAD}{LUNA}input = 0.10\noutput = 0.5\n").hash
    assert (
        plain
        == pets(
            task_toml=f"{HEAD}{LUNA}input = 0.10\noutput = 0.5\n[currencies]\nEUR = 1.08\n"
        ).hash
    ), "a rate that nothing is priced in changes nothing"


def test_what_the_library_prices_by_the_minute_is_not_known_by_the_token(pets: WriteTask) -> None:
    assert pets(task_toml=f'{HEAD}[prices."whisper-1"]\ninput = 1\noutput = 1\n').rates
    with pytest.raises(InputError, match="the price of whisper-1"):
        token_price("openai", "whisper-1", {})


def test_a_model_that_nobody_knows_may_cost_anything(pets: WriteTask) -> None:
    assert pets(task_toml=f'{HEAD}[prices."our-own"]\ninput = 9000\noutput = 9000\n').rates


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        ("399", "100 times the $3.99 of the dearest"),
        ("0.00085", "1/100 of the $0.085 of the cheapest"),
    ],
)
def test_an_absurd_machine_is_questioned(pets: WriteTask, usd: str, words: str) -> None:
    text = f"{HEAD}[machine]\nusd_per_hour = {usd}\n"
    with pytest.raises(InputError) as caught:
        pets(task_toml=text)
    assert words in str(caught.value)
    assert pets(task_toml=f"{text}sure = true\n").spec.machine.usd_per_hour == Decimal(usd)


def test_the_prices_that_are_shown_are_those_that_are_used(
    workspace: Workspace, pets: WriteTask
) -> None:
    project(
        workspace,
        f'{LUNA}input = 1\noutput = 2\ncurrency = "EUR"\nsource = "contract of October"\n'
        "[currencies]\nEUR = 2\n",
    )
    pets()
    found = CliRunner().invoke(
        cli, ["--prompts", str(workspace.prompts), "prices", "gpt-6-luna", "--json"]
    )
    at_once, batch = json_rows(found.output, "prices")
    assert at_once["usd_per_1m_input"] == "2"
    for row in (at_once, batch):
        assert row["from"].startswith("contract of October; cached and cache_write in proportion")
    assert Decimal(batch["usd_per_1m_output"]) == 2
    assert load_task(workspace.prompts, "pets").rates["gpt-6-luna"].source == "contract of October"
