"""Near misses: which label a request for inputs of `other` is near to, and what it shows."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from distill.core.dataset import Candidate
from distill.core.purpose import SYNTHESIZE
from distill.core.requests import Model
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.generate.synthesis import synthesis_request
from distill.rehearsal.provider import Settings
from tests.conftest import WriteTask, jsonl, point_to
from tests.support.out_of_scope import FILES, HEAD, OTHER, SEEDS
from tests.support.paying import paid_run
from tests.support.provider import running
from tests.support.runs import finished
from tests.support.standin import StandIn

API = Model("m", None, "openai")
BASE = Model("m", Path("/m"), "completions")
PET_NAMES = ("cats", "dogs", "birds")
DEFAULT = {name: text for name, text in FILES.items() if name != "near_miss_md"}
UNTIL_CURATE = RunOptions(until="curate")


def test_a_small_teacher_goes_on_with_a_list_after_one_of_a_label(pets: WriteTask) -> None:
    task = pets(**DEFAULT)
    seen = Counter[str]()
    for number in range(9):
        lines = synthesis_request(task, BASE, (OTHER, number)).messages[0].content.splitlines()
        (near,) = (label for label in PET_NAMES if f"{label} (about a {label[:-1]}):" in lines)
        assert sum(f"the seed {near[:-1]} number" in line for line in lines) == 2
        assert lines.index("Like these, but nothing (about no pet at all):") == len(lines) - 4
        assert all("nothing here number" in line for line in lines[-3:-1]) and lines[-1] == "-"
        seen[near] += 1
    assert seen == dict.fromkeys(PET_NAMES, 3), "spread over all labels"


def test_a_teacher_behind_an_api_writes_near_misses_of_several_labels(pets: WriteTask) -> None:
    task = pets(**DEFAULT | {"task_toml": HEAD + "[generate]\ninputs_per_request = 5\n"})
    nears = Counter[str]()
    for number in range(3):
        request = synthesis_request(task, API, (OTHER, number), ["covered before"])
        asked = request.messages[1].content
        assert asked.startswith("About nothing:\n- nothing here number")
        assert "- covered before\n" in asked
        wanted = [line for line in asked.splitlines() if ". nearly " in line]
        assert len(wanted) == request.sampling.inputs == 5
        for line in wanted:
            near = line.split(". nearly ")[1].split(",")[0]
            assert f"like: the seed {near[:-1]} number" in line
            assert "tone: " in line and "difficulty" not in line
            nears[near] += 1
        assert asked.endswith("Write 5 new inputs for nothing.")
    assert nears == dict.fromkeys(PET_NAMES, 5), "spread over all labels"


def test_more_requests_leave_earlier_ones_as_they_are(pets: WriteTask) -> None:
    few, many = (
        pets(**DEFAULT | {"task_toml": f"{HEAD}[generate]\nrequests = {count}\n"})
        for count in (10, 1000)
    )
    for model in (BASE, API):
        place = (OTHER, 2)
        assert synthesis_request(few, model, place) == synthesis_request(many, model, place)


@pytest.mark.parametrize("model", [BASE, API])
def test_other_labels_are_asked_for_as_in_a_task_without_it(pets: WriteTask, model: Model) -> None:
    """Only the teacher's instructions list one label more."""
    marked = synthesis_request(pets(**FILES), model, ("cats", 1))
    seeds = [row for row in SEEDS if row["label"] != OTHER]
    toml = FILES["task_toml"].replace(HEAD, HEAD.rpartition(OTHER + " =")[0])
    plain = synthesis_request(
        pets(**FILES | {"task_toml": toml, "seeds_jsonl": jsonl(seeds), "gold_jsonl": jsonl(GOLD)}),
        model,
        ("cats", 1),
    )
    assert marked.messages[-1] == plain.messages[-1]
    assert marked.sampling == plain.sampling


def synthesised(rows: Iterable[Candidate]) -> list[Candidate]:
    """The new inputs that were asked for as inputs of the label `other`."""
    return [row for row in rows if (row.source, row.asked_label) == ("synthesis", OTHER)]


GOLD = [{"input": "could you feed cat 1 please", "label": "cats"}]


def test_the_embedded_teacher_makes_and_answers_them(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets(**FILES)
    outcome = finished(workspace, "pets", UNTIL_CURATE)
    with outcome.context.store() as store:
        made = synthesised(store.candidates(outcome.run.id))
        kept = [row for row in store.examples(outcome.run.id) if row.answer == OTHER]
        prompts = [
            row.ask.request.messages[0].content
            for row in store.answered(outcome.run.id, SYNTHESIZE)
            if row.ask.subject == OTHER
        ]
    assert len(made) == 10, "as many as for each other label"
    assert all(prompt.startswith("About nothings:\nnot ") for prompt in prompts)
    near = Counter(prompt.splitlines()[1].split()[1].rstrip(":") for prompt in prompts)
    assert set(near) == set(PET_NAMES) and max(near.values()) - min(near.values()) == 1
    assert any(row.source == "synthesis" for row in kept)


def test_a_paid_teacher_makes_and_answers_them(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paid = '[teacher]\nmodel = "openai:gpt-6-luna"\n[generate]\nrequests = 40\n'
    task = pets(**DEFAULT | {"task_toml": HEAD + paid})
    memory = task.folder.parent.parent / "provider.jsonl"
    memory.write_text(jsonl(SEEDS), encoding="utf-8")
    with running(Settings(memory)) as provider:
        point_to(monkeypatch, provider.url)
        outcome = paid_run(workspace, "pets", UNTIL_CURATE)
        billed = provider.bill().usd
    with outcome.context.store() as store:
        asked = [
            row.ask.request.messages[1].content
            for row in store.answered(outcome.run.id, SYNTHESIZE)
            if row.ask.subject == OTHER
        ]
        made = synthesised(store.candidates(outcome.run.id))
        assert store.committed_usd(outcome.run.id) == billed
    assert asked and all("The new inputs are near misses" in text for text in asked)
    assert len(made) == 10
