"""The split: frozen, seeds in training, and nothing that is tested on."""

from distill.records import Example, Labelled, Source
from distill.split import find_leaks, place
from distill.task import Task
from tests.conftest import WriteTask

GOLD = [Labelled("Where is the parcel I ordered on Monday?", "a", "gold.jsonl", 2)]


def example(text: str, source: Source = "synthesis", answer: str = "cats") -> Example:
    return Example(f"{source}:{text}", text, answer, source)


def leak(text: str) -> tuple[str, str | None] | None:
    found = find_leaks([example(text)], GOLD)
    return (found[0].reason, found[0].matched) if found else None


def test_an_example_that_equals_gold_is_a_leak() -> None:
    assert leak("where is  the PARCEL i ordered on monday?") == (
        "equals a gold row",
        "gold.jsonl:2",
    )


def test_an_example_that_nearly_equals_gold_is_a_leak() -> None:
    assert leak("Where is the parcel I ordered on Sunday?") == (
        "nearly equals a gold row",
        "gold.jsonl:2",
    )
    assert leak("On Monday I ordered, where is the parcel?") is not None


def test_another_text_is_none() -> None:
    assert leak("Where is the jumper that I paid for on Friday?") is None


def place_pets(task: Task) -> dict[str, tuple[str, int]]:
    rows = [example(f"text {n}", answer=label) for label in task.labels for n in range(20)]
    rows = [Example(f"{row.answer}{row.id}", row.input, row.answer, row.source) for row in rows]
    seeds = [example(f"seed {n}", "seeds") for n in range(5)]
    placed = place([*seeds, *rows], task)
    return {row.example.id: (row.part, row.repeats) for row in placed}


def test_a_share_of_each_label_validates_and_seeds_never_do(pets: WriteTask) -> None:
    task = pets(
        task_toml='name = "pets"\nkind = "classify"\n[labels]\ncats = ""\ndogs = ""\nbirds = ""\n'
        "[student]\nvalidation_share = 0.1\nseed_repeats = 3\n"
    )
    placed = place_pets(task)
    for label in task.labels:
        parts = [part for id_, (part, _) in placed.items() if id_.startswith(label)]
        assert parts.count("validation") == 2
    seeds = [place for id_, place in placed.items() if id_.startswith("seeds")]
    assert seeds == [("train", 3)] * 5


def test_the_split_is_always_the_same(pets: WriteTask) -> None:
    assert place_pets(pets()) == place_pets(pets())
