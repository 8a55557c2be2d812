"""Rules on the limits of models, and what `tasks`, `plan` and `run` say of findings."""

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner

from distill.cli import cli
from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.estimate import plan
from distill.estimate.consent import WHOLE_BUDGET
from distill.estimate.run_start import RunOptions, check_before_paying
from distill.estimate.task_check import check_task
from distill.task import Task
from distill.train.schema_check import check_schema
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.support.clean_task import found, only, with_header
from tests.support.odd_server import completion, odd_server
from tests.support.teachers import BOTH
from tests.task.test_extract import TASK, options, write

LABELS = 'name = "pets"\nkind = "classify"\n[labels]\n' + "".join(
    f'{label} = "{meaning}"\n' for label, meaning in PETS.items()
)


TEACHER = '[teacher]\nmodel = "openai:gpt-6-luna"\n'


def toml_line(task: Task, line: int | None) -> str:
    """A line of task.toml."""
    assert line is not None
    return (task.folder / "task.toml").read_text().split("\n")[line - 1]


@pytest.mark.parametrize(
    ("today", "said"),
    [
        ('model = "openai:gpt-6.1-terra"\nprompt_tokens = 900', ""),
        ('model = "openai:gpt-6-luna"', ""),
        ('model = "openai:gpt-6-luna"\nprompt_tokens = 900', "today.prompt_tokens: not used"),
        (
            'model = "openai:gpt-6-luna"\nprompt_tokens = 900\ncompletion_tokens = 9',
            "today.prompt_tokens and today.completion_tokens: not used, because openai:gpt-6-luna "
            "is the teacher, too",
        ),
        ('model = "embedded"', "today.model: embedded sends no bill, so the report states"),
        ('model = "vllm:org/model"', "today.model: vllm:org/model sends no bill"),
    ],
)
def test_unused_keys_of_today_are_named(pets: WriteTask, today: str, said: str) -> None:
    task = pets(task_toml=f"{LABELS}{TEACHER}[today]\n{today}\n")
    problems = found(task, "today-unused")
    assert [one.message[: len(said)] for one in problems] == ([said] if said else [])
    assert all(one.fix and toml_line(task, one.line).startswith(one.key[6:]) for one in problems)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("openai:quite-another", "today.model: the price of quite-another (openai) is not known"),
        ("quite-another", "today.model: 'quite-another' does not exist; known: auto"),
    ],
)
def test_todays_model_must_have_a_price_before_anything_is_paid(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch, model: str, said: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    task = pets(task_toml=f'{LABELS}{TEACHER}[today]\nmodel = "{model}"\n')
    assert found(task, "today-unused") == []
    (row,) = (row for row in check_task(workspace, "pets").rows if row.about == "today")
    assert row.level == "stop" and said in row.message
    assert toml_line(task, row.line).startswith("model = ")
    with pytest.raises(InputError, match=re.escape(said)):
        check_before_paying(task, plan(task), RunOptions(consent=WHOLE_BUDGET))


def test_tasks_plan_and_run_say_the_same_before_anything_is_asked(
    pets: WriteTask, workspace: Workspace
) -> None:
    asked: list[str] = []

    def answer(body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        asked.append(body["messages"][-1]["content"])
        return 200, completion('{"label": "cats"}'), {}

    gold = [row for row in pet_rows("gold", 4) if row["label"] != "birds"]
    with odd_server(answer) as server:
        task = pets(gold_jsonl=jsonl(gold), inputs_jsonl=jsonl([{"input": "What of my rabbit?"}]))
        file = task.folder / "task.toml"
        toml = file.read_text().replace("[teacher]", f'[teacher]\nmodel = "{server.url}#m"')
        file.write_text(toml.replace("[generate]", '[generate]\nsources = ["inputs"]'))
        for number, command in enumerate((["tasks"], ["plan", "pets"], ["generate", "pets"])):
            assert bool(asked) is (number == 3)
            done = CliRunner().invoke(cli, [*options(workspace), *command])
            said = " ".join(done.output.split())
            assert done.exit_code == 0, done.output
            assert re.search(r"\d+ warnings: `distill check pets` shows them", said), said
    assert asked


def test_a_row_in_a_script_that_costs_many_tokens_is_named(
    pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISTILL_MODELS", "/nowhere")
    long = {"input": "ส่งของมาผิดครับ " * 60}
    assert found(pets(), "rows-too-long") == []
    file, line, said = only(pets(inputs_jsonl=with_header([{"input": "a"}, long])), "rows-too-long")
    assert (file, line) == ("inputs.jsonl", 4)
    assert "1 of the first 2 rows may have more than student.context_tokens = 1,024" in said


@pytest.mark.parametrize("is_sure", [True, False])
def test_gold_that_is_surely_too_long_stops(
    pets: WriteTask, monkeypatch: pytest.MonkeyPatch, is_sure: bool
) -> None:
    """With the base's own tokenizer a count is sure; without it, it is a maximum."""
    monkeypatch.setattr(
        "distill.serve.context_length.tokenizer_here", lambda base: len if is_sure else None
    )
    rows = [*pet_rows("gold", 5), {"input": "a cat 한국어 " * 200, "label": "cats"}]
    task = pets(gold_jsonl=with_header(rows))
    stops, looks = found(task, "gold-too-long"), found(task, "rows-too-long")
    assert [len(stops), len(looks)] == ([1, 0] if is_sure else [0, 1])
    (problem,) = (*stops, *looks)
    assert problem.line == 18
    assert f"1 of the first 16 rows {'has' if is_sure else 'may have'} more than" in problem.message


MAP = {"type": "object", "additionalProperties": {"type": "integer"}}


@BOTH
@pytest.mark.parametrize("part", [MAP, {"description": "anything"}])
def test_a_schema_that_a_provider_refuses_is_told_before_anything_is_paid(
    workspace: Workspace, teacher: str, part: dict[str, object]
) -> None:
    schema = {"type": "object", "properties": {"day": {"type": "string"}, "m": part}}
    row = '{"input": "on mon1", "answer": {"day": "mon1"}}\n'
    files = {"schema_json": json.dumps(schema, indent=1), "seeds_jsonl": row}
    files["gold_jsonl"] = row.replace("mon1", "tue2")
    with_teacher = TASK.replace("[teacher]", f'[teacher]\nmodel = "{teacher}"')
    task = write(workspace, task_toml=with_teacher, **files)
    with pytest.raises(
        InputError, match=r"schema.json:7: teacher.model '.*' would refuse the schema"
    ):
        check_schema(task)
    file, line, said = only(task, "schema-refused")
    assert (file, line) == ("schema.json", 7)
    assert "'properties', 'm'" in said or "properties.m" in said
    listed = CliRunner().invoke(cli, [*options(workspace), "tasks"])
    assert "1 error and" in listed.output
    for command in ("plan", "run"):
        done = CliRunner().invoke(cli, [*options(workspace), command, "bookings"])
        assert isinstance(done.exception, InputError), done.output
        assert "would refuse the schema" in str(done.exception)
    assert not workspace.database("bookings").exists()
    local = TASK.replace("[teacher]", '[teacher]\nmodel = "http://127.0.0.1:1/v1#m"')
    check_schema(write(workspace, task_toml=local, **files))
