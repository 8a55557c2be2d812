"""What is said of a task before anything is paid: by `tasks`, `plan` and `run`."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
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
from distill.task.kinds.classify import Labels
from distill.task.loading import load_task
from distill.train.schema_check import check_schema
from distill.train.task_warnings import task_warnings
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.support.odd_server import completion, odd_server
from tests.support.teachers import BOTH
from tests.task.test_extract import TASK, options, write

LABELS = 'name = "pets"\nkind = "classify"\n[labels]\n' + "".join(
    f'{label} = "{meaning}"\n' for label, meaning in PETS.items()
)
BUNDLED = Path(__file__).parents[2] / "prompts"


def test_a_good_task_has_no_warning(pets: WriteTask) -> None:
    assert task_warnings(pets()) == []
    for name in ("classify", "extract", "generate"):
        assert task_warnings(load_task(BUNDLED, name)) == []


def test_a_label_without_a_gold_row_is_named(pets: WriteTask) -> None:
    gold = [row for row in pet_rows("gold", 4) if row["label"] != "birds"]
    (warning,) = task_warnings(pets(gold_jsonl=jsonl(gold)))
    assert warning.startswith("gold.jsonl has no row of 'birds': the verdict does not cover")


TEACHER = '[teacher]\nmodel = "openai:gpt-6-luna"\n'


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
    assert [warning[: len(said)] for warning in task_warnings(task)] == ([said] if said else [])


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
    assert task_warnings(task) == []
    (row,) = (row for row in check_task(workspace, "pets").rows if row.about == "today")
    assert row.word == "stop" and said in row.because
    with pytest.raises(InputError, match=re.escape(said)):
        check_before_paying(task, plan(task), RunOptions(consent=WHOLE_BUDGET))


def copied(prompts: Path, kind: str) -> Task:
    """The bundled task of a kind under another name, as the tutorial has it."""
    shutil.copytree(BUNDLED / kind, prompts / "tickets")
    file = prompts / "tickets" / "task.toml"
    file.write_text(file.read_text().replace(f'name = "{kind}"', 'name = "tickets"', 1))
    return load_task(prompts, "tickets")


def test_left_overs_of_the_bundled_task_are_named(tmp_path: Path) -> None:
    task = copied(tmp_path, "classify")
    assert task_warnings(task) == [], "the same labels: a copy to try things with"
    labels = {**task.spec.labels, "praise": "kind words"}
    other = replace(task, spec=task.spec.model_copy(update={"labels": labels}), form=Labels(labels))
    _, prompts, inputs = task_warnings(other)
    assert "synthesize.md, answer.md and student.md are the bundled task classify's" in prompts
    assert f"{len(task.inputs)} of {len(task.inputs)} rows of inputs.jsonl" in inputs
    edited = {name: f"Mine: {text}" for name, text in task.prompts.items()}
    (only,) = task_warnings(replace(other, prompts=edited, inputs=("My own.",)))
    assert "no row of 'praise'" in only
    own = tuple(f"my own message {n}" for n in range(100))
    _, few = task_warnings(replace(other, prompts=edited, inputs=(*own, *task.inputs[:5])))
    assert few.startswith("5 of 105 rows of inputs.jsonl are a bundled task's")
    spaced = {**edited, "answer.md": task.prompts["answer.md"].replace("\n", "  \n")}
    _, one = task_warnings(replace(other, prompts=spaced, inputs=()))
    assert one.startswith("answer.md is the bundled task classify's")


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
            assert "gold.jsonl has no row of 'birds'" in said
    assert asked


def test_a_row_in_a_script_that_costs_many_tokens_is_named(
    pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISTILL_MODELS", "/nowhere")
    long = {"input": "ส่งของมาผิดครับ " * 60}
    (warning,) = task_warnings(pets(inputs_jsonl=jsonl([long])))
    assert (
        "1 of the first 13 seeds and inputs may have more than student.context_tokens = 1,024"
        in warning
    )


MAP = {"type": "object", "additionalProperties": {"type": "integer"}}


@BOTH
@pytest.mark.parametrize("part", [MAP, {"description": "anything"}])
def test_a_schema_that_a_provider_refuses_is_told_before_anything_is_paid(
    workspace: Workspace, teacher: str, part: dict[str, object]
) -> None:
    schema = {"type": "object", "properties": {"day": {"type": "string"}, "m": part}}
    row = '{"input": "on mon1", "answer": {"day": "mon1"}}\n'
    files = {"schema_json": json.dumps(schema), "seeds_jsonl": row}
    files["gold_jsonl"] = row.replace("mon1", "tue2")
    with_teacher = TASK.replace("[teacher]", f'[teacher]\nmodel = "{teacher}"')
    task = write(workspace, task_toml=with_teacher, **files)
    with pytest.raises(
        InputError, match=r"schema.json: teacher.model '.*' would refuse the schema"
    ):
        check_schema(task)
    (warning,) = task_warnings(task)
    assert "'properties', 'm'" in warning or "properties.m" in warning
    for command in (["tasks"], ["plan", "bookings"]):
        done = CliRunner().invoke(cli, [*options(workspace), *command])
        assert done.exit_code == 0 and "would refuse the schema" in done.output.replace("\n", " ")
    local = TASK.replace("[teacher]", '[teacher]\nmodel = "http://127.0.0.1:1/v1#m"')
    check_schema(write(workspace, task_toml=local, **files))
