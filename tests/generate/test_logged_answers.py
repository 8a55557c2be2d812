"""Answers of production logs in a run: learnt as the teacher's, and asked for no more."""

import json
from dataclasses import replace
from typing import Any

import pytest

from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.estimate.workload import StoredAnswers, workload
from distill.llm.models import choose
from distill.task.spec import TermsSpec
from distill.train.permission import check_terms, learned_from
from tests.conftest import WriteTask, jsonl, pet_rows
from tests.support.paying import paid_run
from tests.support.standin import StandIn

Row = dict[str, Any]
MODEL = "openai:gpt-4o-mini"
ASKED = "The cat number 99 sleeps"


def answers(count: int = 6) -> list[Row]:
    """Answers of a log; the label is under "answer", as in the file."""
    return [
        {"input": row["input"], "answer": row["label"], "model": MODEL}
        for row in pet_rows("logged", count)
    ]


def files(rows: list[Row]) -> dict[str, str]:
    """The files of inputs and of answers, with an input that nobody answered."""
    inputs = [{"input": row["input"]} for row in rows]
    return {
        "inputs_jsonl": jsonl([*inputs, {"input": ASKED}]),
        "answers_jsonl": jsonl(rows),
    }


ALIKE = "[curate]\nnear_duplicates = 0\nsemantic_duplicates = 0\n"  # the texts here are alike


def test_nobody_is_asked_about_them_and_the_student_learns_them(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    rows = answers()
    toml = (pets().folder / "task.toml").read_text(encoding="utf-8")
    pets(**files(rows), task_toml=f"{toml}{ALIKE}")
    outcome = paid_run(workspace, "pets")
    run = outcome.run.id
    with outcome.context.store() as store:
        subjects = {s for (s,) in store.rows("SELECT subject FROM ask WHERE run_id = ?", run)}
        split = store.split(run)
        counted = store.rows(
            "SELECT origin, count(*) FROM label WHERE run_id = ? GROUP BY ALL", run
        )
    origins: dict[str, int] = dict(counted)
    told = {row["input"]: row["answer"] for row in rows}
    assert not subjects & told.keys() and ASKED in subjects
    kept = {row.example.input: row.example.answer for row in split if row.example.input in told}
    assert kept == told
    assert origins[f"log:{MODEL}"] == len(rows)
    report = json.loads((outcome.context.folder / "report.json").read_text(encoding="utf-8"))
    assert report["data"]["logged_answers"] == len(rows)
    (by_log,) = [row for row in report["terms"]["labels"] if row["origin"] == "log"]
    assert (by_log["model"], by_log["rows"]) == (MODEL, len(rows))
    assert "logged model" in {row["use"] for row in report["terms"]["rows"]}
    page = (outcome.context.folder / "report.full.md").read_text(encoding="utf-8")
    assert f"{len(rows)} by {MODEL} (in production)" in page


def test_they_are_never_peoples(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    """A person's review overrules them, and the leak gate takes those too close to gold."""
    gold = pet_rows("gold", 5)[0]
    rows = [*answers(), {"input": gold["input"] + "!", "answer": "dogs", "model": MODEL}]
    reviews = [
        {"input": rows[0]["input"], "answer": None},
        {"input": rows[1]["input"], "answer": "birds"},
    ]
    toml = (pets().folder / "task.toml").read_text(encoding="utf-8")
    pets(**files(rows), reviews_jsonl=jsonl(reviews), task_toml=f"{toml}{ALIKE}")
    outcome = paid_run(workspace, "pets", RunOptions(until="train"))
    with outcome.context.store() as store:
        split = {row.example.input: row.example.answer for row in store.split(outcome.run.id)}
        origins: dict[str, str] = dict(
            store.rows(
                "SELECT input, label.origin FROM label JOIN example USING (run_id) "
                "WHERE example.id = example_id AND run_id = ?",
                outcome.run.id,
            )
        )
    assert rows[0]["input"] not in split and rows[-1]["input"] not in split
    assert split[rows[2]["input"]] == rows[2]["answer"]
    assert split[rows[1]["input"]] == "birds" and origins[rows[1]["input"]] == "review"


def test_hints_are_asked_about(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    rows = [row | {"hint": True, "answer": "dogs"} for row in answers(1)]
    pets(**files(rows))
    outcome = paid_run(workspace, "pets", RunOptions(until="generate"))
    with outcome.context.store() as store:
        asked = store.rows("SELECT subject FROM ask WHERE run_id = ?", outcome.run.id)
    assert {row["input"] for row in rows} <= {subject for (subject,) in asked}


def test_the_plan_counts_no_request_for_them(pets: WriteTask) -> None:
    toml = (pets().folder / "task.toml").read_text(encoding="utf-8")
    task = pets(**files(answers()), task_toml=toml.replace("few_shot = 3", "few_shot = 0"))
    asked = workload(task, choose(MODEL).model, StoredAnswers()).answer
    assert len(asked.missing) == 1 and ASKED in asked.missing[0].messages[-1].content


def test_the_terms_of_their_model_hold(pets: WriteTask) -> None:
    rows = [row | {"model": "anthropic:claude-sonnet-5-5"} for row in answers(1)]
    task = pets(**files(rows))
    task = replace(task, spec=task.spec.model_copy(update={"terms": TermsSpec()}))
    task = task.with_teacher(model="embedded")
    with pytest.raises(InputError, match=r"answers\.jsonl: anthropic:claude.*Remove the rows"):
        check_terms(task)
    assert [row.use for row in learned_from(task)] == ["teacher", "logged model"]
    same = task.with_teacher(model="anthropic:claude-sonnet-5-5")
    assert [row.use for row in learned_from(same)] == ["teacher"]


@pytest.mark.parametrize(
    ("model", "training"),
    [("azure/gpt-4o", "own_use"), ("", "ask"), ("our-own-model", "ask"), (MODEL, "own_use")],
)
def test_a_model_without_a_provider_is_looked_up_by_its_name(
    model: str, training: str, pets: WriteTask
) -> None:
    task = pets(**files([row | {"model": model} for row in answers(1)]))
    (found,) = [
        row
        for row in learned_from(task.with_teacher(model="embedded"))
        if row.use == "logged model"
    ]
    assert (found.model, found.training) == (model or "a model without a name", training)
