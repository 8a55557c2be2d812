"""`distill new`: from a table to a task that `distill check` takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from distill.cli import cli
from tests.support.command import json_rows
from tests.task.new.test_new import as_csv, labelled


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a table, as the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tickets.csv").write_text(as_csv(labelled(180)), encoding="utf-8")
    return tmp_path


def distill(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_three_lines_say_what_was_made_and_what_comes_next(there: Path) -> None:
    shown = distill("new", "tickets", "--from", "tickets.csv")
    assert shown.exit_code == 0, shown.output
    assert "a classify task from tickets.csv" in shown.output
    assert "answer    label (3 labels)" in shown.output
    assert "72   gold.jsonl: only ever tested on" in shown.output
    assert "72 test rows can prove a loss under 11 points" in shown.output
    assert "next: distill check tickets" in shown.stderr


def test_an_empty_folder_needs_no_folder_of_prompts(there: Path) -> None:
    distill("new", "tickets", "--from", "tickets.csv")
    assert (there / "prompts" / "tickets" / "task.toml").exists()
    listed = distill("tasks")
    assert listed.exit_code == 0 and "tickets" in listed.output


@pytest.mark.slow("loads the embedding model, which looks for leaks")
def test_the_check_stops_at_nothing(there: Path) -> None:
    distill("new", "tickets", "--from", "tickets.csv", "--describe", "Route a message to a team.")
    checked = distill("check", "tickets")
    assert checked.exit_code == 0, checked.output
    assert "stop" not in checked.output and "classify: 3 labels" in checked.output


def test_the_figures_are_one_object(there: Path) -> None:
    [shown] = json_rows(
        distill("new", "tickets", "--from", "tickets.csv", "--json").stdout, "new_task"
    )
    assert shown["labels"] == ["billing", "delivery", "returns"]
    assert (shown["gold"], shown["seeds"], shown["examples"]) == (72, 36, 72)
    assert (shown["kind"], shown["input"], shown["answers"]) == ("classify", "text", ["label"])


def test_a_mistake_is_one_message_and_exit_code_2(there: Path) -> None:
    from distill.core.errors import InputError

    shown = distill("new", "tickets", "--from", "tickets.csv", "--label", "lable")
    assert isinstance(shown.exception, InputError) and shown.exception.exit_code == 2
    assert "did you mean label" in str(shown.exception)
    assert not (there / "prompts").exists()


def test_a_bundled_task_can_be_copied(there: Path) -> None:
    from distill.task.loading import load_task

    assert distill("new", "mine", "--like", "extract").exit_code == 0
    task = load_task(there / "prompts", "mine")
    assert (task.name, task.spec.kind, len(task.gold)) == ("mine", "extract", 240)
    assert "did you mean classify" in str(distill("new", "b", "--like", "clasify").exception)
    both = distill("new", "c", "--like", "extract", "--from", "tickets.csv")
    assert both.exit_code == 2 and "either --from" in both.output
    assert sorted(path.name for path in (there / "prompts").iterdir()) == ["mine"]


def test_a_terminal_is_asked_which_column_is_meant(there: Path) -> None:
    """A child with a pseudo-terminal, to which the answers are typed."""
    rows = "".join(f'"{text}",{label},{label}s\n' for text, label in labelled(180))
    (there / "two.csv").write_text(f"text,team,queue\n{rows}", encoding="utf-8")
    leader, follower = os.openpty()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from distill.cli import main; main()",
            "new",
            "two",
            "--from",
            "two.csv",
        ],
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as child:
        os.write(leader, b"Sort a message.\nqueue\n")
        out, err = child.communicate(timeout=60)
    os.close(leader)
    os.close(follower)
    assert child.returncode == 0, err
    assert "several columns could be the label: queue (" in err
    assert "answer    queue (3 labels)" in out
    toml = (there / "prompts" / "two" / "task.toml").read_text(encoding="utf-8")
    assert 'description = "Sort a message."' in toml


def test_a_bundled_task_is_one_object_too(there: Path) -> None:
    told = distill("new", "tickets", "--like", "classify", "--json")
    [row] = json_rows(told.stdout, "new_task")
    assert (Path(row["folder"]).name, row["like"]) == ("tickets", "classify")


def test_added_rows_are_counted_by_file(there: Path) -> None:
    distill("new", "tickets", "--from", "tickets.csv")
    (there / "more.csv").write_text(as_csv(labelled(260)), encoding="utf-8")
    told = distill("new", "tickets", "--from", "more.csv", "--add")
    assert told.exit_code == 0, told.output
    assert "prompts/tickets/  rows added from more.csv" in told.stdout
    assert "     31   gold.jsonl: only ever tested on" in told.stdout
    assert "    180   left out: in the task already" in told.stdout
    assert "103 test rows can prove a loss under 9 points; evaluate.margin is 0.11." in told.stdout
    again = distill("new", "tickets", "--from", "more.csv", "--add", "--json")
    [row] = json_rows(again.stdout, "added_rows")
    assert (row["known"], row["gold"], row["examples"], row["tested"]) == (260, 0, 0, 103)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--new-labels"], "--new-labels is for --add"),
        (["--add", "--describe", "Sort."], "--add takes no --like"),
        (["--add", "--train-on-labels"], "--add takes no --like"),
    ],
)
def test_options_that_do_not_go_together(there: Path, options: list[str], says: str) -> None:
    told = distill("new", "tickets", "--from", "tickets.csv", *options)
    assert told.exit_code == 2 and says in told.output


def test_rows_are_added_to_a_task_that_exists_only(there: Path) -> None:
    told = distill("new", "tickets", "--from", "tickets.csv", "--add")
    assert "there is no folder prompts/" in str(told.exception)
