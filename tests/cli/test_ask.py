"""`distill ask`: one answer of the newest student."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from distill import pipeline
from distill.cli import cli
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.llm.ask_student import ask_student
from distill.llm.student_endpoint import chosen_student, serving
from distill.store import open_store
from tests.conftest import WriteTask
from tests.support.command import invoke, json_rows
from tests.support.runs import finished
from tests.support.standin import SURE, StandIn
from tests.task.test_texts import write as write_texts

TRAINED = RunOptions("train")


def test_the_answer_its_confidence_and_the_seconds(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    finished(workspace, "pets", TRAINED)
    before = scripted_backends.total
    told = invoke(workspace, "ask", "pets", "please feed the dog")
    assert (told.exit_code, told.stdout) == (0, "dogs\n")
    starting, details = told.stderr.splitlines()
    assert starting.startswith("starting student@")
    assert details.startswith(f"confidence {SURE:.1%}, ") and details.endswith(" s")
    assert scripted_backends.total == before + 1


def test_the_answer_as_json_of_the_newest_student(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    task = pets()
    first = pipeline.run(workspace, "pets", TRAINED).context.run_id
    pipeline.run(workspace, "pets", RunOptions("train", new=True))
    newest, older = chosen_student(workspace, task), chosen_student(workspace, task, first)
    for more, student in (([], newest), (["--run", first], older)):
        told = invoke(workspace, "ask", "pets", "the bird sings", "--json", *more)
        [found] = json_rows(told.stdout, "answer")
        assert found.pop("seconds") > 0
        assert found.pop("confidence") == pytest.approx(SURE)
        assert found == {"task": "pets", "student": student.id, "answer": "birds", "valid": True}


def test_the_store_is_not_written(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    finished(workspace, "pets", TRAINED)
    with open_store(workspace.database("pets")) as store:
        before = store.rows("SELECT count(*) FROM request")
    invoke(workspace, "ask", "pets", "please feed the dog")
    with open_store(workspace.database("pets")) as store:
        assert store.rows("SELECT count(*) FROM request") == before


def test_a_text_has_no_confidence(workspace: Workspace, scripted_backends: StandIn) -> None:
    task = write_texts(workspace)
    finished(workspace, "counts", TRAINED)
    student = chosen_student(workspace, task)
    with serving(task, student, workspace.runs / "ask.log", None) as endpoint:
        found = ask_student(task, endpoint, "count to 7")
    assert (found.answer, found.valid, found.confidence) == ("it is 7", True, None)


def test_a_text_from_standard_input(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    finished(workspace, "pets", TRAINED)
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    told = CliRunner().invoke(
        cli, [*folders, "ask", "pets", "-"], input="a bird\n", catch_exceptions=False
    )
    assert told.stdout == "birds\n"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_is_not_sent(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, text: str
) -> None:
    pets()
    finished(workspace, "pets", TRAINED)
    before = scripted_backends.total
    told = invoke(workspace, "ask", "pets", text)
    assert "TEXT is empty" in str(told.exception)
    assert scripted_backends.total == before


def test_a_refused_request_says_what_the_server_says(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    finished(workspace, "pets", TRAINED)
    scripted_backends.fail_next, scripted_backends.fail_status = 1, 401
    told = invoke(workspace, "ask", "pets", "please feed the dog")
    assert told.exit_code == 1 and "told to fail" in str(told.exception)


def test_a_busy_server_is_asked_again(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    finished(workspace, "pets", TRAINED)
    scripted_backends.fail_next, scripted_backends.fail_status = 1, 503
    assert invoke(workspace, "ask", "pets", "please feed the dog").stdout == "dogs\n"
    assert scripted_backends.failed == 1


def test_an_answer_that_is_cut_is_no_answer(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    finished(workspace, "pets", TRAINED)
    message = {"role": "assistant", "content": "do"}
    cut = {"index": 0, "finish_reason": "length", "message": message}
    scripted_backends.odd_once = {"choices": [cut]}
    told = invoke(workspace, "ask", "pets", "please feed the dog")
    assert told.exit_code == 1 and told.stdout == ""
    assert "gave no usable answer" in str(told.exception) and "'do'" in str(told.exception)


def test_a_student_at_a_provider_is_asked_there(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    finished(workspace, "pets", TRAINED)
    with open_store(workspace.database("pets")) as store:
        store.rows("UPDATE student SET model = 'ft:gpt-4.1:us::1'")
    told = str(invoke(workspace, "ask", "pets", "please feed the dog").exception)
    assert "ft:gpt-4.1:us::1 was trained by its provider and is served only there" in told
    assert f"{Path('pets') / 'student.md'} as the system message" in told


def test_a_task_without_a_student_is_said(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    told = invoke(workspace, "ask", "pets", "please feed the dog")
    assert "task pets has no student yet; run `distill run pets` first" in str(told.exception)
