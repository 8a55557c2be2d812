"""Logged answers: the teacher's own are labels, all others are hints."""

import json
from pathlib import Path
from typing import Any

import pytest

from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.task import Task
from distill.task.loading import load_task
from distill.task.logs.importing import Imported, ImportOptions, import_logs
from tests.conftest import WriteTask, jsonl, write_files, write_pets
from tests.task.logs.samples import MODEL, SYSTEM, Row, exchange, litellm, turns
from tests.task.logs.test_importing import ADDRESS, text

TEACHER = '\n[teacher]\nmodel = "openai:gpt-4o-mini"\nfew_shot = 3\n'


def pets_of(workspace: Workspace, teacher: str = "openai:gpt-4o-mini", **files: str) -> Task:
    """The task `pets` with a teacher."""
    write_pets(workspace.prompts, **files)
    path = workspace.prompts / "pets" / "task.toml"
    toml = path.read_text(encoding="utf-8")
    toml = toml.replace("[teacher]\n", f'[teacher]\nmodel = "{teacher}"\n')
    path.write_text(toml, encoding="utf-8")
    return load_task(workspace.prompts, "pets")


def imported(workspace: Workspace, folder: Path, *rows: Row, **options: Any) -> Imported:
    path = folder / "log"
    path.write_text(jsonl(rows), encoding="utf-8")
    return import_logs(workspace, "pets", [path], ImportOptions(**options))


def labels(workspace: Workspace) -> dict[str, str]:
    found = load_task(workspace.prompts, "pets").logged_answers
    return {row.input: row.answer for row in found.values()}


def rows_in(workspace: Workspace) -> list[Row]:
    path = workspace.prompts / "pets" / "answers.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()][1:]


def test_the_teachers_answers_to_its_prompt_are_labels(
    workspace: Workspace, tmp_path: Path
) -> None:
    pets_of(workspace)
    rows = [exchange(text(1), "cats"), exchange(text(2), '{"label": "dogs"}')]
    found = imported(workspace, tmp_path, *rows)
    assert (found.chosen.labels, found.chosen.hints.total()) == (2, 0)
    assert labels(workspace) == {text(1): "cats", text(2): "dogs"}
    assert rows_in(workspace)[0].keys() == {"input", "answer", "model"}
    assert {row["model"] for row in rows_in(workspace)} == {f"openai:{MODEL}"}
    assert found.today is not None and found.today.model == "openai:gpt-4o-mini"
    assert found.today.is_teacher and not found.today_written, "a run measures its tokens"
    assert not load_task(workspace.prompts, "pets").spec.today.given
    assert found.prompt_written
    assert load_task(workspace.prompts, "pets").render("answer.system.md") == SYSTEM


@pytest.mark.parametrize(
    ("teacher", "prompt", "why"),
    [
        ("openai:gpt-4.1", "", "of another model"),
        ("embedded", "", "of another model"),
        ("openai:gpt-4o-mini", "Say the pet.\n", "to another system prompt"),
        ("openai:gpt-4o-mini", f"{SYSTEM}  \n", ""),
    ],
)
def test_other_answers_are_hints(
    teacher: str, prompt: str, why: str, workspace: Workspace, tmp_path: Path
) -> None:
    files = {"answer.system_md": prompt} if prompt else {}
    task = pets_of(workspace, teacher, **files)
    found = imported(workspace, tmp_path, exchange(text(1), "cats"))
    assert found.chosen.hints == ({why: 1} if why else {})
    assert labels(workspace) == ({} if why else {text(1): "cats"})
    assert [row.get("hint", False) for row in rows_in(workspace)] == [bool(why)]
    if prompt:
        assert (task.folder / "answer.system.md").read_text(encoding="utf-8") == prompt
    imported(workspace, tmp_path, exchange(text(1), "cats"), answers_as_labels=True)
    assert labels(workspace) == {text(1): "cats"}


def test_an_answer_without_a_model_is_a_hint(workspace: Workspace, tmp_path: Path) -> None:
    pets_of(workspace)
    answer = {"role": "assistant", "content": "cats"}
    found = imported(workspace, tmp_path, {"messages": [*turns(text(1)), answer]})
    assert found.chosen.hints == {"of another model": 1} and labels(workspace) == {}


def test_the_commonest_of_several_answers_counts(workspace: Workspace, tmp_path: Path) -> None:
    pets_of(workspace)
    said = {
        text(1): ["Cats ", "dogs", "cats"],
        text(2): ["cats", "dogs", "birds"],  # none has half of the votes
        text(3): ["It is a cat."],
    }
    rows = [exchange(one, answer) for one, answers in said.items() for answer in answers]
    found = imported(workspace, tmp_path, *rows)
    assert labels(workspace) == {text(1): "cats"}
    assert found.chosen.unused == {"with several answers": 1, "not in the task's form": 1}
    assert len(load_task(workspace.prompts, "pets").inputs) == 3  # the teacher answers the others


def test_the_teachers_answer_comes_before_a_commoner_one(
    workspace: Workspace, tmp_path: Path
) -> None:
    pets_of(workspace)
    other = {**litellm(text(1), "dogs"), "model": "gpt-4.1"}
    imported(workspace, tmp_path, other, other, litellm(text(1), "cats"))
    assert labels(workspace) == {text(1): "cats"}


def test_hints_become_labels_with_the_teacher_of_the_log(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A second import of the same log adds no input, and its answers count."""
    pets_of(workspace, "embedded")
    rows = [exchange(f"The dog of {ADDRESS} barks", "dogs"), exchange(text(1), "cats")]
    imported(workspace, tmp_path, *rows)
    assert labels(workspace) == {}
    pets_of(workspace)
    found = imported(workspace, tmp_path, *rows)
    assert (len(found.cleaned.texts), found.chosen.labels) == (0, 2)
    assert labels(workspace) == {"The dog of person@example.com barks": "dogs", text(1): "cats"}


def test_the_memory_of_the_answers_to_one_text_is_bounded(
    workspace: Workspace, tmp_path: Path
) -> None:
    pets_of(workspace)
    rows = [exchange(text(1), f"cats {n}") for n in range(150)]
    imported(workspace, tmp_path, exchange(text(1), "cats"), *rows, exchange(text(2), "cats"))
    found = imported(workspace, tmp_path, *rows)
    assert [len(one.answers) for one in found.cleaned.known] == [100]


def test_rows_by_hand_stay(workspace: Workspace, tmp_path: Path) -> None:
    own = {"input": "A parrot speaks", "answer": "birds", "model": "openai:gpt-4o-mini"}
    pets_of(workspace, answers_jsonl=jsonl([own]), inputs_jsonl=jsonl([{"input": own["input"]}]))
    imported(workspace, tmp_path, exchange(text(1), "cats"))
    assert labels(workspace) == {"A parrot speaks": "birds", text(1): "cats"}


def test_a_prompt_is_not_changed_under_paid_answers(workspace: Workspace, tmp_path: Path) -> None:
    pets_of(workspace)
    database = workspace.database("pets")
    database.parent.mkdir(parents=True)
    database.touch()
    found = imported(workspace, tmp_path, exchange(text(1), "cats"))
    assert not found.prompt_written and found.chosen.hints == {"to another system prompt": 1}
    assert not (workspace.prompts / "pets" / "answer.system.md").exists()


def test_a_prompt_with_the_signs_of_a_template_stays_as_it_is(
    workspace: Workspace, tmp_path: Path
) -> None:
    pets_of(workspace)
    prompt = "Answer with {{pet}} or {% pet %}. {# no #}"
    row = exchange(text(1), "cats")
    row["request"]["body"]["messages"] = turns(text(1), prompt)
    imported(workspace, tmp_path, row)
    assert load_task(workspace.prompts, "pets").render("answer.system.md") == prompt
    assert labels(workspace) == {text(1): "cats"}


def test_objects_are_masked_like_their_input(workspace: Workspace, tmp_path: Path) -> None:
    """The address of the input is the same reserved value in the answer."""
    schema = {"type": "object", "properties": {"mail": {"type": "string", "x-verbatim": True}}}
    row = {"input": "Write to tom@example.org", "answer": {"mail": "tom@example.org"}}
    files = {
        "task_toml": f'name = "pets"\nkind = "extract"\n{TEACHER}',
        "synthesize_md": "{{ names }}\n",
        "answer_md": "{{ input }}\n",
        "student_md": "Which?\n",
        "schema_json": json.dumps(schema),
        "seeds_jsonl": jsonl([row]),
        "gold_jsonl": jsonl([{"input": "Nothing to see here", "answer": {}}]),
    }
    write_files(workspace.prompts / "pets", files)
    said = json.dumps({"mail": ADDRESS}, indent=1)
    imported(workspace, tmp_path, exchange(f"My dog is lost, mail {ADDRESS} please", said))
    task = load_task(workspace.prompts, "pets")
    (found,) = task.logged_answers.values()
    assert found.input == "My dog is lost, mail person@example.com please"
    assert found.answer == '{"mail":"person@example.com"}'
    assert rows_in(workspace)[0]["answer"] == {"mail": "person@example.com"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"input": 1, "answer": "cats", "model": ""}, '"input" must be a string'),
        ({"input": "A cat", "answer": 1, "model": ""}, '"answer" must be a string or an object'),
        ({"input": "A cat", "answer": "cats"}, '"model" must be a string'),
    ],
)
def test_a_bad_row_is_named(row: Row, said: str, pets: WriteTask) -> None:
    with pytest.raises(InputError, match=rf"answers\.jsonl:1: {said}"):
        pets(answers_jsonl=jsonl([row]))


def test_hints_and_answers_to_other_texts_change_no_run(pets: WriteTask) -> None:
    inputs = jsonl([{"input": text(1)}])
    without = pets(inputs_jsonl=inputs)
    row = {"input": text(1), "answer": "cats", "model": "openai:gpt-4o"}
    assert "answers.jsonl" not in without.parts
    assert (
        pets(inputs_jsonl=inputs, answers_jsonl=jsonl([row | {"hint": True}])).hash == without.hash
    )
    assert pets(inputs_jsonl=inputs, answers_jsonl=jsonl([row])).hash != without.hash
    assert pets(inputs_jsonl="", answers_jsonl=jsonl([row])).logged_answers == {}
