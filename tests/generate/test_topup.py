"""How many more are asked for, and when it is enough."""

from collections import Counter

import pytest

from distill.core.dataset import Candidate, Source
from distill.core.requests import Model
from distill.generate.rounds import (
    GenerationRound,
    first_counts,
    next_counts,
    planned_counts,
    stop_reason,
)
from distill.generate.synthesis import inputs_per_request
from distill.task import Task
from tests.conftest import WriteTask, jsonl

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\ncats = "c"\ndogs = "d"\nbirds = "b"\n'
LOCAL = Model("local", None, "compatible")


def task_of(pets: WriteTask, generate: str, curate: str = "") -> Task:
    return pets(task_toml=f"{HEAD}[generate]\n{generate}\n[curate]\n{curate}\n")


def kept(source: Source = "synthesis", **counts: int) -> list[Candidate]:
    return [
        Candidate(f"{label} {n}", None, (label,), source, f"{label}{n}")
        for label, count in counts.items()
        for n in range(count)
    ]


def asked_inputs(task: Task, counts: dict[str, int]) -> int:
    return sum(counts.values()) * inputs_per_request(task, LOCAL)


def test_without_a_wanted_number_all_is_asked_for_at_once(pets: WriteTask) -> None:
    task = task_of(pets, "requests = 30")
    assert first_counts(task, LOCAL) == {"cats": 2, "dogs": 2, "birds": 2}
    assert stop_reason(task, GenerationRound(1, 30, 30, 4, 4)) == "all were asked for"


def test_a_first_round_asks_for_as_many_as_are_wanted(pets: WriteTask) -> None:
    task = task_of(pets, "requests = 300\nexamples = 45")
    assert asked_inputs(task, dict(first_counts(task, LOCAL))) == 45
    assert asked_inputs(task, dict(planned_counts(task, LOCAL))) == 90
    small = task_of(pets, "requests = 15\nexamples = 45")
    assert asked_inputs(small, dict(first_counts(small, LOCAL))) == 15


def test_the_next_round_asks_for_what_is_missing_by_each_labels_yield(pets: WriteTask) -> None:
    task = task_of(pets, "requests = 3000\nexamples = 90")
    asked = {"cats": 6, "dogs": 6, "birds": 6}
    found = next_counts(task, LOCAL, asked, kept(cats=30, dogs=15, birds=3))
    assert found["cats"] == 6  # has its part
    assert found["dogs"] == 6 + 6  # 15 missing, half of its inputs are kept: 30 inputs
    assert found["birds"] == 6 + 54  # 27 missing, one in ten is kept: 270 inputs


def test_a_label_of_which_nothing_is_kept_does_not_take_everything(pets: WriteTask) -> None:
    task = task_of(pets, "requests = 100000\nexamples = 30")
    asked = {"cats": 2, "dogs": 2, "birds": 2}
    found = next_counts(task, LOCAL, asked, kept(cats=10, dogs=10))
    assert found == {"cats": 2, "dogs": 2, "birds": 2 + 40}


def test_a_round_asks_for_no_more_than_is_allowed_but_for_something(pets: WriteTask) -> None:
    task = task_of(pets, "requests = 60\nexamples = 60")
    asked = {"cats": 3, "dogs": 3, "birds": 3}
    found = next_counts(task, LOCAL, asked, kept(cats=1, dogs=1, birds=1))
    assert asked_inputs(task, dict(found)) <= 60 + 2 * 5  # each label's last request is whole
    full = next_counts(task, LOCAL, asked, kept(cats=20, dogs=20, birds=20))
    assert sum(full.values()) > 9


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (GenerationRound(2, 60, 30, 45, 20), "45 were wanted"),
        (GenerationRound(2, 300, 30, 40, 20), "generate.requests allows 300"),
        (GenerationRound(2, 60, 30, 40, 2), "under generate.least_yield, 10%"),
        (GenerationRound(2, 60, 30, 40, 3), ""),
    ],
)
def test_when_it_is_enough(pets: WriteTask, last: GenerationRound, words: str) -> None:
    task = task_of(pets, "requests = 300\nexamples = 45")
    assert stop_reason(task, last) == words


def test_labels_are_wanted_as_real_inputs_are_distributed(pets: WriteTask) -> None:
    task = task_of(pets, "requests = 30000\nexamples = 130", 'balance = "inputs"')
    asked = {"cats": 10, "dogs": 10, "birds": 10}
    rows = kept(source="inputs", cats=7, dogs=2, birds=1) + kept(cats=10, dogs=10, birds=10)
    found = Counter(next_counts(task, LOCAL, asked, rows))
    # 80, 30 and 20 of 130 are wanted; 17, 12 and 11 are there, of 50 asked for each.
    assert found == {"cats": 10 + 38, "dogs": 10 + 15, "birds": 10 + 9}


def test_no_round_asks_for_more_than_is_allowed(pets: WriteTask) -> None:
    """Each of 77 groups wants a few more than there is room for."""
    names = [f"label{n}" for n in range(77)]
    labels = "".join(f'{name} = "x"\n' for name in names)
    task = pets(
        task_toml=f'name = "pets"\nkind = "classify"\n[labels]\n{labels}'
        "[generate]\nrequests = 800\nexamples = 600\n",
        seeds_jsonl=jsonl([{"input": f"about {name} it is", "label": name} for name in names]),
        gold_jsonl=jsonl([{"input": f"what of {name} then", "label": name} for name in names]),
    )
    first = dict(first_counts(task, LOCAL))
    rows = [
        Candidate(f"{name} {n}", None, (name,), "synthesis", f"{name}{n}")
        for name in names
        for n in range(4)
    ]
    found = next_counts(task, LOCAL, first, rows)
    assert asked_inputs(task, dict(found)) == 800
    assert {found[name] - first[name] for name in names} == {0, 1}
