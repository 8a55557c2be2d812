"""Contrastive inputs: for which labels they are asked for, of which teacher, and at what price."""

from pathlib import Path

import pytest

from distill.core.errors import InputError
from distill.core.purpose import SYNTHESIZE
from distill.core.requests import Model
from distill.core.workspace import Workspace
from distill.estimate import plan
from distill.estimate.run_start import RunOptions
from distill.generate import check_teacher
from distill.generate.contrasts import confused_labels
from distill.generate.synthesis import synthesis_request
from distill.task import Task
from distill.text import embeddings
from tests.conftest import PETS, WriteTask, jsonl
from tests.support.paying import paid_run
from tests.support.scripted import Embedder
from tests.support.standin import StandIn

API, BASE = Model("m", None, "openai"), Model("m", Path("/m"), "completions")
HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
ON = HEAD + '[teacher]\nmodel = "openai:gpt-6-luna"\n[generate]\nrequests = 30\n'
ON += "contrastive = true\ninputs_per_request = 4\n"
# Two seeds of cats and dogs have the words of the other label; birds are as they are.
SEEDS = [
    *({"input": f"purr meow whiskers {n} {n}", "label": "cats"} for n in range(5)),
    *({"input": f"woof bark leash {n} {n}", "label": "dogs"} for n in range(5)),
    *({"input": f"tweet feather nest {n} {n}", "label": "birds"} for n in range(5)),
    {"input": "woof bark leash 8 8", "label": "cats"},
]
CONTRAST = "in which one fact is changed"


@pytest.fixture
def confused(pets: WriteTask, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr(embeddings, "_model", Embedder)
    return pets(task_toml=ON, seeds_jsonl=jsonl(SEEDS))


def wanted(task: Task, model: Model, label: str) -> list[str]:
    found = synthesis_request(task, model, (label, 0), (), confused_labels(task))
    return [line for line in found.messages[-1].content.splitlines() if CONTRAST in line]


def test_labels_that_a_model_of_the_seeds_takes_for_each_other_are_confused(
    confused: Task,
) -> None:
    assert confused_labels(confused) == {"cats": ("dogs",), "dogs": ("cats",)}


def test_every_second_input_of_a_confused_label_is_made_from_a_seed_of_the_other(
    confused: Task,
) -> None:
    lines = wanted(confused, API, "dogs")
    assert [line[:2] for line in lines] == ["2.", "4."]
    cats = {row["input"] for row in SEEDS if row["label"] == "cats"}
    for line in lines:
        said, _, seed = line.partition(": ")
        assert said.endswith(f"an input of cats {CONTRAST}, so that it is for dogs")
        assert seed in cats
    assert wanted(confused, API, "birds") == []


def test_without_the_switch_requests_and_hash_are_as_before(
    pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "_model", None)  # nothing is embedded
    off, default = (
        pets(task_toml=ON.replace("contrastive = true\n", line), seeds_jsonl=jsonl(SEEDS))
        for line in ("contrastive = false\n", "")
    )
    assert off.hash == default.hash
    assert confused_labels(off) == {}
    assert wanted(off, API, "dogs") == []


def test_a_served_teacher_is_refused(confused: Task) -> None:
    with pytest.raises(InputError, match=r"generate\.contrastive needs a teacher behind an API"):
        check_teacher(confused, BASE, detach=False)
    check_teacher(confused, API, detach=False)


def test_only_labels_are_confused(pets: WriteTask) -> None:
    toml = 'name = "pets"\nkind = "generate"\n[generate]\ncontrastive = true\n'
    with pytest.raises(InputError, match="only labels are confused"):
        pets(task_toml=toml)


@pytest.mark.usefixtures("provider")
def test_a_run_asks_for_them_and_its_plan_counts_them(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    estimate = plan(pets(task_toml=ON, seeds_jsonl=jsonl(SEEDS)))
    (planned,) = (step for step in estimate.steps if step.purpose == SYNTHESIZE)
    outcome = paid_run(workspace, "pets", RunOptions(until="generate"))
    with outcome.context.store() as store:
        asked = {
            (row.ask.subject, CONTRAST in row.ask.request.messages[1].content)
            for row in store.answered(outcome.run.id, SYNTHESIZE)
        }
        spent = store.spent(outcome.run.id)[SYNTHESIZE]
    assert asked == {("cats", True), ("dogs", True), ("birds", False)}
    assert 0 < spent <= planned.worst_usd
