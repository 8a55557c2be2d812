"""A plan and a check load no model, before the first run and after it. "At most" is a maximum."""

import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from distill.core.requests import Model
from distill.core.workspace import Workspace
from distill.estimate import CostEstimate, plan
from distill.estimate.run_start import RunOptions
from distill.estimate.task_check import check_task
from distill.llm.tokens import worst_case
from distill.store import Store, open_store
from distill.task import Task
from distill.task.bundled import BUNDLED
from distill.task.leak_gate import leaking_seeds
from distill.task.loading import load_task
from distill.task.prompts import longest_seeds, random_seeds, requests_with
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.llm.test_paid_teacher import Start, providers
from tests.support.command import json_rows
from tests.support.open_store import close_stores
from tests.support.paying import paid_run
from tests.support.runs import finished
from tests.support.seeds import for_seeds
from tests.support.standin import StandIn

__all__ = ["providers"]
ROOT = Path(__file__).parents[2]
SEEDS = pet_rows("seed", 4)
TASKS = BUNDLED
TEACHER = "openai:gpt-6.1-terra"
HEAVY = ("torch", "transformers", "sentence_transformers", "sklearn", "vllm")
API = Model("gpt-6.1-terra", None, "openai")
LABELS = "[labels]\n" + "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
PAID = f'name = "pets"\nkind = "classify"\n{LABELS}[teacher]\nmodel = "{TEACHER}"\n'
PAID += "few_shot = 3\nvotes = 2\n[generate]\nrequests = 30\nseeds_shown = 2\n"
# The seed means the same as the gold row, and shares neither its letters nor its words.
ASKED, AGAIN = "how do I reset the password of my cat flap?", "resetting the cat flap's passcode"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    """A store without an answer. A plan with it shows the nearest seeds, as the run does."""
    with open_store(tmp_path / "empty.duckdb") as store:
        yield store


def named(task: Task) -> Task:
    """A task with a paid teacher."""
    return task.with_teacher(model=TEACHER)


def bounded(quick: CostEstimate, exact: CostEstimate) -> None:
    """Nothing of the quick plan is below the exact one."""
    assert [step.purpose for step in quick.steps] == [step.purpose for step in exact.steps]
    for ours, theirs in zip(quick.steps, exact.steps, strict=True):
        assert ours.requests >= theirs.requests, ours.purpose
        assert ours.worst_usd >= theirs.worst_usd, ours.purpose
        assert ours.worst_usd >= ours.usd, ours.purpose


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("command", ["plan", "check"])
def test_before_a_run_no_model_is_loaded(tmp_path: Path, task: str, command: str) -> None:
    code = f"""
import sys
from click.testing import CliRunner
from distill.cli import cli
done = CliRunner().invoke(cli, ["--runs", {str(tmp_path / "runs")!r}, {command!r}, {task!r}])
assert done.exit_code == 0, done.output
print(sorted(set({HEAVY}) & set(sys.modules)))
"""
    keys = {"OPENAI_API_KEY": "a key"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=dict(**keys, PYTHONPATH=str(ROOT / "tests" / "no_network")),
    )
    assert done.stdout == "[]\n"
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow("the exact plan finds the nearest of a bundled task's seeds")
@pytest.mark.parametrize("name", TASKS)
def test_a_bundled_task_costs_no_more_than_at_most(name: str, empty: Store) -> None:
    task = named(load_task(ROOT / "prompts", name))
    quick, exact = plan(task), plan(task, empty)
    bounded(quick, exact)
    assert quick.requests == exact.requests
    assert quick.worst_usd <= exact.worst_usd * 7 / 5, "a maximum that still says something"
    assert abs(quick.usd / exact.usd - 1) < 0.05


def test_a_seed_that_only_means_the_same_as_gold_is_counted(pets: WriteTask, empty: Store) -> None:
    leak = [{"input": AGAIN, "label": "cats"}]
    gold = [*pet_rows("gold", 5), {"input": ASKED, "label": "cats"}]
    task = pets(
        task_toml=f"{PAID}[leaks]\nsemantic = 0.7\n",
        seeds_jsonl=jsonl([*pet_rows("seed", 4), *leak]),
        gold_jsonl=jsonl(gold),
    )
    assert [(seed.input, leak.kind) for seed, leak in leaking_seeds(task)] == [(AGAIN, "semantic")]
    assert leaking_seeds(task, meanings=False) == []
    quick, exact = plan(task), plan(task, empty)
    bounded(quick, exact)
    assert quick.requests == exact.requests + 1, "the request about this seed"
    assert "no seed only means the same as a gold row: the run leaves such seeds out" in (
        quick.assumptions
    )
    assert not [said for said in exact.assumptions if "seed only means" in said]


@for_seeds(range(30))
def test_no_prompt_is_longer_than_that_with_the_longest_seeds(seed: int) -> None:
    """Quotes and letters of several bytes are longer in JSON than they look."""
    draw = random.Random(seed)
    task = named(load_task(ROOT / "prompts", "classify"))
    signs = 'ab "\\\n\té漢🙂'

    def text() -> str:
        return "x" + "".join(draw.choices(signs, k=draw.randrange(40)))

    rows = tuple(replace(row, input=text()) for row in task.seeds[:20])
    task, shots = replace(task, seeds=rows), draw.randrange(1, 25)
    inputs = [text() for _ in range(5)]
    some, most = (
        requests_with(task, API, inputs, chosen(task, inputs, shots, 0))
        for chosen in (random_seeds, longest_seeds)
    )
    for one, bound in zip(some, most, strict=True):
        assert worst_case(API, one) <= worst_case(API, bound)


def test_random_seeds_are_those_of_the_input(pets: WriteTask) -> None:
    task = pets()
    inputs = [task.seeds[0].input, "another", "another"]
    own, one, again = random_seeds(task, inputs, 3, 0)
    assert one == again and len(own) == len(one) == 3
    assert task.seeds[0] not in own
    assert len({row.id for row in one}) == 3
    assert random_seeds(task, ["another"], 3, 1) != [one], "another vote, other seeds"
    (all_seeds,) = random_seeds(task, ["another"], 64, 0)
    assert {*all_seeds} == {*task.seeds}
    assert (
        random_seeds(replace(task, seeds=()), ["another"], 3, 0)
        == random_seeds(task, ["x"], 0, 0)
        == [[]]
    )


def test_a_check_says_whether_meanings_were_compared(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()

    def said() -> str:
        (row,) = (row for row in check_task(workspace, "pets").rows if row.about == "leaks")
        return row.message

    assert said() == (
        "no seed is too close to gold in letters or words; the run and `distill leaks pets` "
        "compare meanings, too"
    )
    finished(workspace, "pets")
    assert said() == "no seed is too close to gold"


@pytest.mark.slow("plans and checks in processes of their own")
def test_after_a_run_no_model_is_loaded_either(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, providers: Start
) -> None:
    """The run has kept the embeddings of seeds, gold and inputs, and stored answers are found."""
    seeds = [{"input": f"{row['input']} since noon", "label": row["label"]} for row in SEEDS]
    inputs = jsonl([{"input": f"the old cat number {n} sleeps ça et là"} for n in range(5)])
    pets(task_toml=PAID, seeds_jsonl=jsonl(seeds), inputs_jsonl=inputs)
    with providers():
        paid_run(workspace, "pets", RunOptions("generate"))
    close_stores()
    (planned,) = json_rows(without_models(workspace, "plan", "pets", "--json"), "plan")
    answered = {step["purpose"]: step["answered"] for step in planned["steps"]}
    assert answered["generate:answer"] > 5 and answered["generate:synthesize"] > 0
    checked = json_rows(without_models(workspace, "check", "pets", "--json"), "check")
    assert "no seed is too close to gold" in [row["message"] for row in checked]
    leaking = json_rows(without_models(workspace, "leaks", "pets", "--json"), "leaks")
    assert {row["source"] for row in leaking} == {"gold"}


def without_models(workspace: Workspace, *arguments: str) -> str:
    """What a command prints in a process of its own, which must import nothing heavy."""
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    code = f"""
import sys
from click.testing import CliRunner
from distill.cli import cli
done = CliRunner().invoke(cli, {[*folders, *arguments]!r})
assert done.exit_code in (0, 2), (done.output, done.exception)  # 2: a check that stops
assert not set({HEAVY}) & set(sys.modules), sorted(set({HEAVY}) & set(sys.modules))
print(done.stdout)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"OPENAI_API_KEY": "a key", "PYTHONPATH": str(ROOT / "tests" / "no_network")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
