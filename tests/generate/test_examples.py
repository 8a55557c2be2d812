"""Training rows that people labelled, in `examples.jsonl`."""

import json
from pathlib import Path
from typing import Any

import pytest

from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.evaluate.baselines import fitted
from tests.conftest import WriteTask, jsonl, pet_rows
from tests.support.paying import paid_run
from tests.support.standin import StandIn

Row = dict[str, Any]


def examples(count: int = 6) -> list[Row]:
    return pet_rows("example", count)


def test_nobody_is_asked_about_them_and_the_student_learns_them(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    rows = examples()
    inputs = [{"input": rows[0]["input"]}, {"input": "The cat number 99 sleeps"}]
    pets(examples_jsonl=jsonl(rows), inputs_jsonl=jsonl(inputs))
    outcome = paid_run(workspace, "pets")
    run = outcome.run.id
    with outcome.context.store() as store:
        subjects = {s for (s,) in store.rows("SELECT subject FROM ask WHERE run_id = ?", run)}
        split = store.split(run)
        origins = store.rows(
            "SELECT origin, count(*) FROM label WHERE run_id = ? AND source = 'examples' "
            "GROUP BY ALL",
            run,
        )
    told = {row["input"]: row["label"] for row in rows}
    assert not subjects & told.keys() and inputs[1]["input"] in subjects
    kept = [row for row in split if row.example.source == "examples"]
    assert {row.example.input: row.example.answer for row in kept} == told
    assert {row.part for row in kept} <= {"train", "validation"}
    assert origins == [("example", len(rows))]


def test_the_report_counts_them_and_the_free_rivals_learn_them(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets(examples_jsonl=jsonl(examples()))
    folder = paid_run(workspace, "pets").context.folder
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["data"]["examples"] == len(examples())
    labelled = folder / "student" / "labelled.jsonl"
    seeds = len(pet_rows("seed", 4))
    assert len(labelled.read_text(encoding="utf-8").splitlines()) == seeds + len(examples())
    (answer,) = fitted(labelled, "linear_seeds").predict([examples()[0]["input"]])
    assert answer == examples()[0]["label"]


def test_they_change_the_run_and_a_task_without_them_keeps_its_hash(pets: WriteTask) -> None:
    without = pets()
    assert "examples.jsonl" not in without.parts
    assert pets(examples_jsonl=jsonl(examples())).hash != without.hash


def test_personal_data_in_them_is_dropped_or_masked(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    """A person's label stands above the checks of labels, and below those of privacy."""
    address = "anna.example@example-shop.org"
    row = {"input": f"My cat is hungry, write to {address}", "label": "cats"}
    text = (pets().folder / "task.toml").read_text(encoding="utf-8")
    for mode, kept in (("drop", 0), ("mask", 1)):
        pets(
            task_toml=f'{text}[curate]\nprivacy = "{mode}"\n',
            examples_jsonl=jsonl([row, *examples()]),
        )
        outcome = paid_run(workspace, "pets", RunOptions(until="curate"))
        with outcome.context.store() as store:
            found = [one for one in store.examples(outcome.run.id) if "hungry, write" in one.input]
        assert len(found) == kept and not any(address in one.input for one in found)


def test_a_label_of_theirs_is_never_overruled(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    """`dogs` for a message about a cat: no vote, fitted model or balance takes it away."""
    odd = {"input": "The cat number 77 is at the door", "label": "dogs"}
    text = (pets().folder / "task.toml").read_text(encoding="utf-8")
    pets(
        task_toml=f'{text}[curate]\nsuspect_labels = "drop"\nbalance = "equal"\n',
        examples_jsonl=jsonl([odd, *examples()]),
    )
    outcome = paid_run(workspace, "pets", RunOptions(until="curate"))
    with outcome.context.store() as store:
        found = {row.input: row.answer for row in store.examples(outcome.run.id)}
    assert found[odd["input"]] == "dogs"


def test_a_bad_row_is_named(pets: WriteTask) -> None:
    with pytest.raises(InputError, match=r"examples\.jsonl:2: unknown label 'fish'"):
        pets(examples_jsonl=jsonl([*examples(1)[:1], {"input": "A fish", "label": "fish"}]))


def test_rows_alone_need_no_teacher_for_training(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    """With no synthesis and no inputs the teacher is asked about gold, to be compared, only."""
    text = (pets().folder / "task.toml").read_text(encoding="utf-8")
    own = text.replace("requests = 30", 'sources = ["inputs"]\nrequests = 30')
    pets(task_toml=own, examples_jsonl=jsonl(examples()))
    outcome = paid_run(workspace, "pets", RunOptions(until="train"))
    with outcome.context.store() as store:
        asked = store.rows("SELECT DISTINCT purpose FROM ask WHERE run_id = ?", outcome.run.id)
    assert [row for row in asked if not str(row[0]).startswith("curate")] == []
    assert Path(outcome.context.folder / "student" / "train.jsonl").exists()
