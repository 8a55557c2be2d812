"""Training rows with a hidden instruction that demands another answer."""

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from distill.core.dataset import Example, SplitExample
from distill.core.workspace import Workspace
from distill.task.loading import load_task
from distill.train import injections
from distill.train.injections import with_injections
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.support.paying import paid_run
from tests.support.standin import StandIn

WORDS = 4  # in a row


def split_of(count: int = 40) -> list[SplitExample]:
    answers = ("cats", "dogs", "birds")
    rows = [Example(str(n), f"message {n:02}", answers[n % 3], "inputs") for n in range(count)]
    return [SplitExample(row, "validation" if n >= 30 else "train") for n, row in enumerate(rows)]


def sharing(value: float, more: str = "") -> str:
    labels = "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
    start = f'name = "pets"\nkind = "classify"\n[labels]\n{labels}'
    return f"{start}[student]\ninjected_share = {value}\n{more}"


def texts(group: str) -> list[str]:
    package, name, key = {
        "probes": ("distill.evaluate.probe_sets", "carried.jsonl", "ask"),
        "training": ("distill.train", injections.FILE, "text"),
    }[group]
    lines = (files(package) / name).read_text(encoding="utf-8").splitlines()[1:]
    return [json.loads(line)[key] for line in lines]


def sequences(text: str) -> set[tuple[str, ...]]:
    """Sequences of four words without the placeholders."""
    words = text.lower().replace("{target}", " ").replace("{message}", " ").split()
    return {tuple(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)}


def test_training_shows_no_text_of_a_probe() -> None:
    probes = set[tuple[str, ...]]().union(*map(sequences, texts("probes")))
    assert len(probes) > 20
    for text in texts("training"):
        assert text.count("{message}") == 1 and "{target}" in text
        assert not probes & sequences(text)


def test_a_share_of_the_training_rows_is_repeated_with_an_instruction(pets: WriteTask) -> None:
    task, split = pets(task_toml=sharing(0.5)), split_of()
    found = with_injections(task, split)
    originals = {row.example.input: row for row in split}
    assert len(found) == 15
    for row in found:
        (message,) = [text for text in originals if text in row.input]
        assert originals[message].part == "train"
        assert row.answer == originals[message].example.answer
        (demanded,) = {answer for answer in task.form.choices if answer in row.input}
        assert demanded != row.answer
    assert len({row.input for row in found}) == 15
    assert with_injections(task, split) == found
    assert with_injections(pets(task_toml=sharing(0.5, "seed = 1\n")), split) != found


@pytest.mark.parametrize(("value", "count"), [(0, 0), (0.01, 1), (0.2, 6), (1, 30)])
def test_the_number_is_the_share_rounded_up(value: float, count: int, pets: WriteTask) -> None:
    assert len(with_injections(pets(task_toml=sharing(value)), split_of())) == count


def test_braces_of_a_message_are_no_placeholders(pets: WriteTask) -> None:
    row = Example("1", "What is {target} in {message}?", "cats", "inputs")
    (found,) = with_injections(pets(task_toml=sharing(1)), [SplitExample(row, "train")])
    assert row.input in found.input


def test_an_only_answer_has_no_other_to_demand() -> None:
    """A text is demanded in place of a text: without another one there is nothing to inject."""
    task = load_task(Path("prompts"), "generate")
    rows = [Example(str(n), f"message {n}", "Thank you.", "inputs") for n in range(9)]
    assert with_injections(task, [SplitExample(row, "train") for row in rows]) == []
    rows[0] = replace(rows[0], answer="Good bye.")
    found = with_injections(task, [SplitExample(row, "train") for row in rows])
    assert all("Thank you." in row.input or "Good bye." in row.input for row in found)
    assert len(found) == 2


def test_the_student_learns_them_and_the_free_rivals_do_not(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets(inputs_jsonl=jsonl([{"input": row["input"]} for row in pet_rows("input", 6)]))
    outcome = paid_run(workspace, "pets")
    folder = outcome.context.folder / "student"
    plain, all_rows = (
        (folder / name).read_text(encoding="utf-8").splitlines()
        for name in ("train.jsonl", "train_injected.jsonl")
    )
    with outcome.context.store() as store:
        student = store.student(outcome.run.id)
    assert student is not None
    assert all_rows[: len(plain)] == plain
    assert len(all_rows) - len(plain) == student.recipe["injected_rows"] != 0
