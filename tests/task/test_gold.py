"""Gold that stands there twice: copies count once, contradictions stop, near copies are told."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from distill import pipeline
from distill.cli import cli
from distill.core.dataset import Example, LabelledExample, SplitExample
from distill.core.errors import InputError
from distill.core.evaluation import Prediction
from distill.core.workspace import Workspace
from distill.report.loaded import results_of
from distill.report.memorisation import memorised_texts
from distill.store import open_store
from distill.task import Task
from distill.task.gold import check_contradictions, count_once
from distill.task.kinds import AnswerForm
from distill.task.kinds.classify import Labels
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text
from distill.task.leak_gate import canonical, without_leaking_seeds
from distill.task.spec import CurateSpec
from tests.conftest import WriteTask, jsonl, pet_rows
from tests.support.command import json_rows
from tests.support.figures import figures
from tests.support.standin import StandIn

LABELS = Labels({"cats": "", "dogs": ""})
FIELDS = Fields(
    {"type": "object", "properties": {"paid": {"type": "string", "x-normalize": "number"}}}
)
# Rows that are like no other, so that nothing is to be said of them.
APART = [
    {"input": "could you feed my cat", "label": "cats"},
    {"input": "a barking dog woke everybody up this morning", "label": "dogs"},
    {"input": "which seeds would a small bird eat in winter?", "label": "birds"},
]


def rows_of(*pairs: tuple[str, str]) -> list[LabelledExample]:
    return [LabelledExample(*pair, "gold.jsonl", line) for line, pair in enumerate(pairs, 1)]


def lines(rows: Sequence[LabelledExample]) -> list[int]:
    return [row.line for row in rows]


def counted(form: AnswerForm, *pairs: tuple[str, str]) -> tuple[list[int], list[int]]:
    """The lines that count, and those of copies."""
    gold, copies = count_once(rows_of(*pairs), form)
    return lines(gold), lines(copies)


def test_of_equal_rows_the_first_counts() -> None:
    pairs = [("a b", "cats"), ("thanks", "cats"), ("A  b", "cats"), ("c", "dogs"), ("a b", "cats")]
    assert counted(LABELS, *pairs) == ([1, 2, 4], [3, 5])


def test_objects_with_the_same_values_are_copies() -> None:
    pairs = [("paid", '{"paid":"$50"}'), ("paid", '{"paid":"50"}')]
    assert counted(FIELDS, *pairs) == ([1], [2])


def test_of_equal_texts_the_first_with_a_reference_counts() -> None:
    pairs = [("say", ""), ("say", "yes"), ("say", "aye"), ("tell", ""), ("tell", "")]
    assert counted(Text(), *pairs) == ([2, 4], [1, 3, 5])


@pytest.mark.parametrize(
    ("form", "first", "second"),
    [(LABELS, "cats", "dogs"), (FIELDS, '{"paid":"50"}', '{"paid":"50%"}')],
)
def test_two_answers_to_one_input_stop_with_both_lines(
    form: AnswerForm, first: str, second: str, pets: WriteTask
) -> None:
    pairs = [("an input", first), ("other", first), ("An  input", second), ("an input", second)]
    gold, copies = count_once(rows_of(*pairs), form)
    assert (lines(gold), lines(copies)) == ([1, 2, 3], [4]), (
        "both stay: neither is known to be wrong"
    )
    folder = pets().folder
    with pytest.raises(InputError) as stopped:
        check_contradictions(folder, gold, form)
    said = str(stopped.value)
    assert said.startswith(
        f"{folder / 'gold.jsonl'}:3 has the same input as gold.jsonl:1 ('an input')"
    )
    assert "correct or remove one of the rows" in said
    check_contradictions(folder, rows_of(("an input", first), ("other", second)), form)


def test_other_references_of_a_text_are_no_contradiction(pets: WriteTask) -> None:
    check_contradictions(pets().folder, rows_of(("say", "yes"), ("say", "aye")), Text())


def contradicting(pets: WriteTask) -> Task:
    return pets(gold_jsonl=jsonl([*APART, {**APART[0], "label": "dogs"}]))


def test_contradicting_gold_stops_a_run_before_it_begins(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    task = contradicting(pets)
    with pytest.raises(InputError, match=r"gold.jsonl:4 has the same input as gold.jsonl:1"):
        pipeline.run(workspace, "pets")
    assert not workspace.database("pets").exists() and scripted_backends.total == 0
    with pytest.raises(InputError, match=r"gold.jsonl:4"):
        without_leaking_seeds(task)  # so do a plan, and an evaluation of a student that is there


def test_copies_are_one_row_of_evidence(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    """The audit's 24 rows, each ten times: a verdict of 240 rows from 24."""
    once = pet_rows("gold", 8)
    pets(gold_jsonl=jsonl(once))
    alone: Any = figures(pipeline.run(workspace, "pets").context.folder)
    pets(gold_jsonl=jsonl(once * 10))
    outcome = pipeline.run(workspace, "pets")
    found: Any = figures(outcome.context.folder)
    assert {row["n"] for row in found["systems"]} == {24}
    assert len(found["verdict"].pop("earlier")) == 1 and alone["verdict"].pop("earlier") == []
    assert found["verdict"] == alone["verdict"] and found["verdict"]["result"] == "inconclusive"
    assert (found["data"]["gold"], found["data"]["gold_copies"]) == (24, 216)
    assert "gold_copies" not in alone["data"]
    for name in ("report.html", "report.full.md"):
        page = (outcome.context.folder / name).read_text(encoding="utf-8")
        assert "216 rows of gold.jsonl repeat another row" in page


def test_a_file_with_copies_is_the_same_part_of_its_task_as_before(pets: WriteTask) -> None:
    rows = [APART[0], APART[1], APART[0], APART[2], APART[1]]
    task = pets(gold_jsonl=jsonl(rows))
    assert lines(task.gold) == [1, 2, 4] and lines(task.copies) == [3, 5]
    whole = replace(task, gold=tuple(sorted((*task.gold, *task.copies), key=lambda r: r.line)))
    assert replace(whole, copies=()).parts == task.parts


def test_a_run_that_was_evaluated_with_copies_is_reported_without_them(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    task = pets(gold_jsonl=jsonl([*APART, *APART, APART[0]]))
    outcome = pipeline.run(workspace, "pets")
    before: Any = figures(outcome.context.folder)
    with open_store(workspace.database("pets")) as store:  # as an evaluation before left it
        for system in [row["name"] for row in before["systems"]]:
            store.rows(
                "INSERT INTO prediction BY NAME (SELECT * REPLACE (? AS gold_id) FROM prediction"
                " WHERE run_id = ? AND system = ? LIMIT 1)",
                *(task.copies[0].id, outcome.run.id, system),
            )
            store.rows(
                "INSERT INTO score BY NAME (SELECT * REPLACE (? AS gold_id, 0.0 AS value)"
                " FROM score WHERE run_id = ? AND system = ? LIMIT 1)",
                *(task.copies[0].id, outcome.run.id, system),
            )
        assert len(results_of(store, outcome.run.id, "accuracy").predictions["student"]) == 4
    pipeline.report_now(workspace, "pets")
    after: Any = figures(outcome.context.folder)
    for key in ("systems", "verdict", "labels"):
        assert after[key] == before[key]


def test_run_plan_tasks_and_leaks_say_it(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    near = {"input": "could you feed my dear cat", "label": "cats"}
    pets(gold_jsonl=jsonl([*APART, near]))
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    told = "2 warnings: `distill check pets` shows them"
    for command in (["plan", "pets"], ["generate", "pets"]):
        result = CliRunner().invoke(cli, [*folders, *command])
        assert result.exit_code == 0 and told in result.output, command
    listed = json_rows(CliRunner().invoke(cli, [*folders, "tasks", "--json"]).output, "tasks")
    assert listed[0]["note"] == told
    leaks = CliRunner().invoke(cli, [*folders, "leaks", "pets", "--json"])
    found = json_rows(leaks.output, "leaks")
    assert [(row["source"], row["gold"]) for row in found] == [("gold", "gold.jsonl:1")]


def test_an_answer_that_was_learned_masked_is_memorised() -> None:
    learned = SplitExample(Example("1", "in", "We call +1 202-555-0100 today.", "inputs"), "train")
    gold = rows_of(("call me", "ok"), ("call us", "ok"))
    said = ["We call +1 415 901 8200 today.", "We call nobody today."]
    answers = [
        Prediction("student", row.id, text, True, 0.1) for row, text in zip(gold, said, strict=True)
    ]

    def form_of(text: str) -> str:
        return canonical(text, CurateSpec())

    assert memorised_texts(gold, answers, [learned], 0.95, form_of)["value"] == 0.5
