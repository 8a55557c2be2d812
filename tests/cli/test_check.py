"""`distill check`: a task before a run, on one screen."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from distill import pipeline
from distill.cli import cli
from distill.core.errors import InputError, Problem
from distill.core.progress import Progress
from distill.core.workspace import Workspace
from distill.estimate.go_no_go import advise
from distill.estimate.run_start import RunOptions
from distill.estimate.task_check import CheckRow, TaskCheck, check_task
from distill.lint import lint
from distill.lint.finding import Rule
from distill.rehearsal.provider import StandIn as Provider
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.support.command import invoke
from tests.support.runs import finished
from tests.support.standin import StandIn

LABELS = "[labels]\n" + "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
PAID = f'name = "pets"\nkind = "classify"\n{LABELS}[teacher]\nmodel = "openai:gpt-6.1-terra"\n'
PAID += "few_shot = 3\n[generate]\nrequests = 12\n"
WORTH_IT = "[traffic]\nrequests_per_day = 10000000\n[evaluate]\nmargin = 0.3\n"
UNLIKE = "[leaks]\nnear = 0\n"  # all gold rows count as different
NO_PERMISSION = "[terms]\n"


def rows_of(found: TaskCheck, about: str) -> list[CheckRow]:
    """The rows of a check on one subject."""
    return [row for row in found.rows if row.about == about]


def only(found: TaskCheck, about: str) -> CheckRow:
    """The one row on a subject."""
    (row,) = rows_of(found, about)
    return row


def test_a_good_task_is_ok_and_a_run_comes_next(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    pets(task_toml=PAID + WORTH_IT + UNLIKE)
    found = check_task(workspace, "pets")
    assert {row.level for row in found.rows} == {"ok"}, found.rows
    assert [row.about for row in found.rows] == [
        *("task", "leaks", "terms", "base", "data", "seeds", "gold", "cost", "time", "money")
    ]
    places = {row.about: (Path(row.file).name, row.line) for row in found.rows}
    assert places == {
        **{"task": ("task.toml", 2), "leaks": ("seeds.jsonl", 1), "terms": ("task.toml", 8)},
        **{"base": ("task.toml", 1), "data": ("gold.jsonl", 1), "seeds": ("seeds.jsonl", 1)},
        **{"gold": ("gold.jsonl", 1), "cost": ("task.toml", 1), "time": ("task.toml", 1)},
        **{"money": ("task.toml", 13)},
    }
    assert only(found, "task").message == "classify: 3 labels, 12 seeds, 15 gold rows"
    assert "enough, even for the maximum bill. In production 1,000 requests to the teacher" in (
        only(found, "cost").message
    )
    assert "Apache-2.0" in only(found, "base").message
    assert "do not say origin and licence" in only(found, "data").message
    assert (found.level, found.next) == ("ok", "distill run pets")
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.chdir(workspace.prompts.parent)
    told = invoke(Workspace(Path("prompts"), Path("runs")), "check", "pets")
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert max(map(len, lines)) <= 70
    assert [line for line in lines if line.startswith(" " * 13)], "a long sentence is wrapped"
    assert told.stdout.splitlines()[0] == (
        "ok    task   prompts/pets/task.toml:2: classify: 3 labels, 12 seeds,"
    )
    assert told.stderr.splitlines()[-1] == "next: distill run pets"
    assert not workspace.runs.exists(), "nothing was written"


def test_all_that_advise_says_is_in_check(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    pets(task_toml=PAID, seeds_jsonl=jsonl(pet_rows("seed", 2)))
    found = check_task(workspace, "pets")
    words = {"go": "ok", "careful": "look", "no go": "stop"}
    told = {(row.level, row.message) for row in found.rows}
    for one in advise(workspace, "pets"):
        assert (words[one.word], one.because) in told
    assert only(found, "seeds").level == "stop"
    assert cli.commands["advise"].hidden and not cli.commands["check"].hidden


def test_an_invalid_task_stops(workspace: Workspace, pets: WriteTask) -> None:
    task = pets()
    (task.folder / "gold.jsonl").write_text("", encoding="utf-8")
    told = invoke(workspace, "check", "pets")
    assert told.exit_code == 2
    assert told.stdout.startswith("stop  task  ")
    assert "gold.jsonl is empty" in " ".join(told.stdout.split())
    assert "next: correct the rows with stop, then run distill check pets" in told.stderr


def test_an_unknown_task_is_an_error_and_no_row(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    with pytest.raises(InputError, match="no task 'fish'"):
        check_task(workspace, "fish")


def test_a_missing_key_stops(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=PAID + WORTH_IT)
    found = check_task(workspace, "pets")
    assert only(found, "key").level == "stop"
    assert "set OPENAI_API_KEY" in only(found, "key").message
    assert found.next == "distill check pets"


def test_a_budget_that_is_too_small_stops(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    pets(task_toml=f"{PAID}{WORTH_IT}[budget]\nusd = 0.001\n")
    cost = only(check_task(workspace, "pets"), "cost")
    assert cost.level == "stop" and "not enough: the run stops in" in cost.message


def test_an_unknown_price_stops(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    pets(task_toml=PAID.replace("gpt-6.1-terra", "quite-another"))
    cost = only(check_task(workspace, "pets"), "cost")
    assert (
        cost.level == "stop" and "the price of quite-another (openai) is not known" in cost.message
    )


def test_terms_that_do_not_allow_training_stop(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
    paid = PAID.replace("openai:gpt-6.1-terra", "anthropic:claude-opus-5-5")
    pets(task_toml=paid + WORTH_IT + NO_PERMISSION)
    terms = only(check_task(workspace, "pets"), "terms")
    assert terms.level == "stop" and "[terms] confirmed" in terms.message
    pets(task_toml=paid + WORTH_IT)  # with a confirmed permission
    terms = only(check_task(workspace, "pets"), "terms")
    assert terms.level == "ok" and "Confirmed by the task: a stand-in answers" in terms.message


def test_a_seed_too_close_to_gold_is_left_out(workspace: Workspace, pets: WriteTask) -> None:
    gold = pet_rows("gold", 5)
    near = [{**gold[0], "input": gold[0]["input"] + "!"}]
    pets(seeds_jsonl=jsonl([*pet_rows("seed", 4), *near]))
    leaks = only(check_task(workspace, "pets"), "leaks")
    assert leaks.level == "look"
    assert "1 of 13 seeds are too close to gold and are left out, first this one" in leaks.message
    assert "(gold.jsonl:1)" in leaks.message
    assert (Path(leaks.file).name, leaks.line) == ("seeds.jsonl", 13)


def test_a_label_whose_seeds_all_leak_stops(workspace: Workspace, pets: WriteTask) -> None:
    gold = pet_rows("gold", 5)
    near = [{**row, "input": row["input"] + "!"} for row in gold if row["label"] == "cats"]
    others = [row for row in pet_rows("seed", 4) if row["label"] != "cats"]
    pets(seeds_jsonl=jsonl([*others, *near]))
    found = check_task(workspace, "pets")
    assert only(found, "leaks").level == "stop"
    assert "every seed of 'cats' is too close to gold" in only(found, "leaks").message
    assert not rows_of(found, "cost"), "a plan needs seeds"


def test_warnings_and_notes_are_rows(workspace: Workspace, pets: WriteTask) -> None:
    rows = [row for row in pet_rows("gold", 5) if row["label"] != "birds"]
    pets(gold_jsonl=jsonl([*rows, rows[0]]))
    found = check_task(workspace, "pets")
    missing, copy = only(found, "label-without-gold"), only(found, "gold-copies")
    assert (missing.level, Path(missing.file).name, missing.line) == ("look", "task.toml", 6)
    assert "no row of 'birds'" in missing.message and missing.fix == "add rows of each label"
    assert (copy.level, Path(copy.file).name, copy.line) == ("look", "gold.jsonl", 11)
    told = " ".join(invoke(workspace, "check", "pets").stdout.split())
    place = f"look label-without-gold {missing.file}:6: gold.jsonl has no row of 'birds'"
    assert place in told and "does not cover them: add rows of each label" in told


def test_every_row_has_a_file_and_a_line(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = pets(task_toml=PAID + "[today]\nmodel = 'openai:none'\n", inputs_jsonl=jsonl([CAT]))
    rows = check_task(workspace, "pets").rows
    assert {"key", "today", "cost", "copies", "gold-too-small"} <= {row.about for row in rows}
    assert [row for row in rows if not (Path(row.file).is_file() and row.line)] == []
    (task.folder / "gold.jsonl").write_text('{"a"\n' * 3 + "{}\n", encoding="utf-8")
    first, second, _ = check_task(workspace, "pets").rows
    assert (first.about, first.level, first.line) == ("task", "stop", 1)
    assert first.message.endswith("(also in lines 2, 3)")
    assert (second.line, second.message) == (4, '"input" is missing')
    assert second.fix == 'add it, like {"input": "…"}'


CONTRADICTION = {"input": "The seed CAT number 0 of ours is hungry", "label": "dogs"}
CAT = {"input": pet_rows("seed", 1)[0]["input"]}


@pytest.mark.parametrize("command", ["run", "plan"])
def test_an_error_stops_a_run_and_a_plan_before_anything_is_paid(
    workspace: Workspace, pets: WriteTask, provider: Provider, command: str
) -> None:
    pets(task_toml=PAID, seeds_jsonl=jsonl([*pet_rows("seed", 4), CONTRADICTION]))
    row = only(check_task(workspace, "pets"), "seeds-contradict")
    assert (row.level, row.line) == ("stop", 13)
    told = invoke(workspace, command, "pets")
    assert isinstance(told.exception, InputError) and told.exception.exit_code == 2
    assert f"{row.file}:13 has the same input as seeds.jsonl:1" in str(told.exception)
    assert not workspace.database("pets").exists()


def test_a_run_that_has_begun_goes_on_in_spite_of_an_error(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A newer version of the tool may have more rules."""
    pets()
    pipeline.run(workspace, "pets", RunOptions(until="generate"))
    fault = Problem("is wrong", "seeds.jsonl", 1, fix="mend it")
    rules = (Rule("new", "stop", "a new fault", lambda task: iter([fault])),)
    monkeypatch.setattr(pipeline, "lint", partial(lint, rules=rules))
    notes: list[str] = []
    monkeypatch.setattr(Progress, "note", lambda self, about, said: notes.append(f"{about} {said}"))
    pipeline.run(workspace, "pets", RunOptions(until="split"))
    assert "check 1 error: `distill check pets` shows it" in notes
    with pytest.raises(InputError, match=r"seeds\.jsonl:1 is wrong: mend it"):
        pipeline.run(workspace, "pets", RunOptions(until="split", new=True))


def test_a_provider_that_trains_is_asked_for_by_its_rules(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pets(task_toml=f"{PAID}{WORTH_IT}[student]\ntrainer = 'openai'\n")
    assert "set OPENAI_API_KEY" in only(check_task(workspace, "pets"), "student").message


def test_a_finished_run_needs_no_key_and_its_report_comes_next(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pets()
    finished(workspace, "pets")
    found = check_task(workspace, "pets")
    assert found.next == "distill report pets"
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    assert "embedded" in only(check_task(workspace, "pets"), "cost").message, "the run's teacher"
    monkeypatch.delenv("OPENAI_API_KEY")
    Path(workspace.prompts / "pets" / "student.md").write_text("Which?\n", encoding="utf-8")
    assert check_task(workspace, "pets").next == "distill run pets", "it was edited"


def test_the_json_has_all_rows(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    found = check_task(workspace, "pets")
    told = invoke(workspace, "check", "pets", "--json")
    read = json.loads(told.stdout)
    assert (read["version"], read["kind"], read["task"]) == (1, "check", "pets")
    rows = tuple(CheckRow(**row) for row in read["rows"])
    assert replace(found, rows=rows, next=read["next"]) == found
    assert read["level"] == found.level == "look"
    assert told.exit_code == 0


def test_stop_is_exit_code_2_with_json_too(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=PAID + WORTH_IT)
    told = invoke(workspace, "check", "pets", "--json")
    assert (told.exit_code, json.loads(told.stdout)["level"]) == (2, "stop")
