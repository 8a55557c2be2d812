"""A person's word: out as CSV, back in, and above every check in every later run."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from distill import pipeline
from distill.cli import cli
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from tests.conftest import WriteTask, jsonl
from tests.support.command import json_rows
from tests.support.runs import finished
from tests.support.standin import StandIn

INPUTS = (
    "one cat only",
    "=HYPERLINK(my dog is hungry)",
    "what do birds like to eat",
    'a "quoted" text, with\nlines about a cat',
    "\u05d7\u05ea\u05d5\u05dc the cat \U0001f600",
)


@pytest.fixture
def run(workspace: Workspace, pets: WriteTask, scripted_backends: StandIn) -> pipeline.RunResult:
    pets(inputs_jsonl=jsonl([{"input": text} for text in INPUTS]))
    return finished(workspace, "pets", RunOptions(until="curate"))


def told(workspace: Workspace, *words: str) -> Result:
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    return CliRunner().invoke(cli, [*folders, "review", "pets", *words])


def exported(workspace: Workspace, path: Path) -> list[dict[str, str]]:
    result = told(workspace, "--export", str(path), "--json")
    assert result.exit_code == 0, result.output
    assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "else Excel reads Windows-1252"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert json_rows(result.output, "review_export")[0]["rows"] == len(rows)
    return rows


def decide(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_every_row_is_exported_and_none_is_a_formula(
    run: pipeline.RunResult, workspace: Workspace, tmp_path: Path
) -> None:
    rows = exported(workspace, tmp_path / "review.csv")
    with run.context.store() as store:
        candidates = [row for row in store.candidates(run.run.id) if row.source != "seeds"]
    assert sorted(row["id"] for row in rows) == sorted(row.id for row in candidates)
    assert {row["input"] for row in rows} >= {INPUTS[3], INPUTS[4], f"'{INPUTS[1]}"}
    assert not any(value.startswith("=") for row in rows for value in row.values())
    states = [row["state"] for row in rows]
    assert states == sorted(states, key=["suspect", "kept", "dropped"].index)
    assert next(row for row in rows if row["input"] == "one cat only")["state"] == "kept"


def test_decisions_come_back_and_stand_above_every_check(
    run: pipeline.RunResult, workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    path = tmp_path / "review.csv"
    rows = exported(workspace, path)
    by_input = {row["input"]: row for row in rows}
    empty = next(row for row in rows if row["reason"] == "agreement: another answer than asked for")
    empty["decision"] = "accept"
    by_input["one cat only"] |= {"decision": "Correct ", "label": "dogs"}
    by_input[f"'{INPUTS[1]}"]["decision"] = "reject"
    decide(path, rows)
    result = told(workspace, "--import", str(path), "--json")
    assert result.exit_code == 0, result.output
    counts = json_rows(result.output, "review_import")[0]
    assert (counts["accepted"], counts["rejected"], counts["corrected"]) == (1, 1, 1)

    again = pipeline.run(workspace, "pets", RunOptions(until="curate"))
    assert again.run.why == f"edited since {run.run.id}: reviews.jsonl"
    later = pipeline.run(workspace, "pets", RunOptions(until="curate", new=True))
    for outcome in (again, later):
        with outcome.context.store() as store:
            answers = {row.input: row.answer for row in store.examples(outcome.run.id)}
            drops = {drop.candidate_id: drop.reason for drop in store.drops(outcome.run.id)}
        assert answers[empty["input"]] == empty["answer"]
        assert answers["one cat only"] == "dogs"
        assert INPUTS[1] not in answers
        assert drops[by_input[f"'{INPUTS[1]}"]["id"]] == "rejected by a person"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"decision": "perhaps"}, "review.csv:2: decision 'perhaps': must be one of accept, rej"),
        ({"decision": "correct", "label": "fish"}, "review.csv:2: correct needs a label, got 'fi"),
        ({"decision": "accept", "id": "0"}, "review.csv:2: '0' is not a row of task pets"),
        ({"label": "dogs"}, "review.csv:2: a label without a decision: set the decision correct"),
        ({"decision": "accept", "label": "birds"}, "review.csv:2: accept, but with the label"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_written(
    run: pipeline.RunResult,
    workspace: Workspace,
    tmp_path: Path,
    change: dict[str, str],
    says: str,
) -> None:
    path = tmp_path / "review.csv"
    rows = exported(workspace, path)
    decide(path, [rows[0] | change, rows[1] | {"decision": "reject"}])
    result = told(workspace, "--import", str(path))
    assert says in str(result.exception)
    assert not (workspace.prompts / "pets" / "reviews.jsonl").exists()


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_that_is_not_utf_8(
    run: pipeline.RunResult, workspace: Workspace, tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "other.csv"
    path.write_text("id,decision,label,input\n,,,caf\u00e9\n", encoding=encoding)
    assert "not UTF-8 at byte" in str(told(workspace, "--import", str(path)).exception)


def test_a_spreadsheets_semicolons(
    run: pipeline.RunResult, workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "review.csv"
    (row, *_) = exported(workspace, path)
    text = f"id;decision;label;input\n{row['id']};reject;;one\u2028two\x0bthree\n"
    path.write_text(text, encoding="utf-8-sig")
    assert told(workspace, "--import", str(path)).exit_code == 0
    assert (workspace.prompts / "pets" / "reviews.jsonl").exists()


def test_a_file_without_the_columns(
    run: pipeline.RunResult, workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "other.csv"
    path.write_text("input,answer\na,b\n", encoding="utf-8")
    assert "no column decision, id, label" in str(told(workspace, "--import", str(path)).exception)
    assert told(workspace).exit_code == 2


def test_before_there_is_a_run(workspace: Workspace, pets: WriteTask, tmp_path: Path) -> None:
    pets()
    result = told(workspace, "--export", str(tmp_path / "review.csv"))
    assert "no run of pets is curated yet: run `distill run pets --until curate`" in str(
        result.exception
    )


def test_what_is_accepted_is_the_answer_that_the_person_saw(
    run: pipeline.RunResult,
    workspace: Workspace,
    pets: WriteTask,
    tmp_path: Path,
    scripted_backends: StandIn,
) -> None:
    """A later run has another answer to the same input."""
    path = tmp_path / "review.csv"
    rows = exported(workspace, path)
    row = next(row for row in rows if row["input"] == "one cat only")
    decide(path, [row | {"decision": "accept"}])
    later = pipeline.run(workspace, "pets", RunOptions(until="curate", new=True))
    with later.context.store() as store:
        store.rows(
            "UPDATE candidate SET answers = '[\"dogs\"]' WHERE id = ? AND run_id = ?",
            row["id"],
            later.run.id,
        )
        answers = [
            found.answer for found in store.candidates(later.run.id) if found.id == row["id"]
        ]
    assert answers == ["dogs"] != [row["answer"]]
    assert told(workspace, "--import", str(path)).exit_code == 0
    written = (workspace.prompts / "pets" / "reviews.jsonl").read_text(encoding="utf-8")
    assert json.loads(written.splitlines()[-1])["answer"] == row["answer"] == "cats"
    decide(path, [row | {"decision": "accept", "answer": "birds"}])
    result = told(workspace, "--import", str(path))
    assert "but no run gave the answer 'birds'" in str(result.exception)


def test_decisions_begin_on_a_line_of_their_own(
    run: pipeline.RunResult, workspace: Workspace, tmp_path: Path
) -> None:
    path, reviews = tmp_path / "review.csv", workspace.prompts / "pets" / "reviews.jsonl"
    rows = exported(workspace, path)
    reviews.write_text('{"input": "my own row", "answer": "cats"}', encoding="utf-8")
    decide(path, [rows[0] | {"decision": "reject"}])
    assert told(workspace, "--import", str(path)).exit_code == 0
    assert [json.loads(line)["answer"] for line in reviews.read_text().splitlines()] == [
        "cats",
        None,
    ]


def test_reviews_that_are_gone_are_named_as_what_was_edited(
    run: pipeline.RunResult, workspace: Workspace
) -> None:
    reviews = workspace.prompts / "pets" / "reviews.jsonl"
    reviews.write_text('{"input": "my own row", "answer": "cats"}\n', encoding="utf-8")
    second = pipeline.run(workspace, "pets", RunOptions(until="curate"))
    reviews.unlink()
    third = pipeline.run(workspace, "pets", RunOptions(until="curate"))
    assert third.run.why == f"edited since {second.run.id}: reviews.jsonl"
