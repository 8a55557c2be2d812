"""Rules on left-overs of another task."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from distill.task import Task
from distill.task.kinds.classify import Labels
from distill.task.loading import load_task
from tests.conftest import jsonl
from tests.support.clean_task import INPUTS, TOML, clean, found, only, with_header

BUNDLED = Path(__file__).parents[2] / "prompts"
RULES = ("prompt-copied", "prompt-foreign", "description-copied", "inputs-copied")


def copied(prompts: Path) -> Task:
    """The bundled classify task under another name."""
    shutil.copytree(BUNDLED / "classify", prompts / "tickets")
    file = prompts / "tickets" / "task.toml"
    file.write_text(file.read_text().replace('name = "classify"', 'name = "tickets"', 1))
    return load_task(prompts, "tickets")


def with_another_label(task: Task) -> Task:
    """A task with one more label."""
    labels = {**task.spec.meanings, "praise": "kind words"}
    return replace(task, spec=task.spec.model_copy(update={"labels": labels}), form=Labels(labels))


def test_a_copy_with_the_same_labels_is_to_try_things_with(tmp_path: Path) -> None:
    task = copied(tmp_path)
    assert [found(task, rule) for rule in RULES] == [[]] * 4


def test_the_prompts_of_a_bundled_task_are_named(tmp_path: Path) -> None:
    task = with_another_label(copied(tmp_path))
    problems = found(task, "prompt-copied")
    assert [(Path(one.file).name, one.line) for one in problems] == [
        *(("synthesize.md", 1), ("answer.md", 1), ("student.md", 1))
    ]
    assert {one.message for one in problems} == {
        "is the bundled task classify's, whose answers differ"
    }
    spaced = {**task.prompts, "answer.md": task.prompts["answer.md"].replace("\n", "  \n")}
    assert len(found(replace(task, prompts=spaced), "prompt-copied")) == 3
    edited = {name: f"Mine: {text}" for name, text in task.prompts.items()}
    assert found(replace(task, prompts=edited), "prompt-copied") == []


def test_a_prompt_that_speaks_of_a_bundled_task_is_named_at_its_line(tmp_path: Path) -> None:
    speaks = "Be short.\nMessages to the {{ label }} team of an online shop ({{ meaning }}):\n-\n"
    file, line, said = only(clean(tmp_path, synthesize_md=speaks), "prompt-foreign")
    assert (file, line) == ("synthesize.md", 2)
    assert "speaks of the bundled task classify: 'team of an online'" in said
    shop = TOML.replace("a ferry write", "the online shop of a team write")
    assert found(clean(tmp_path, task_toml=shop, synthesize_md=speaks), "prompt-foreign") == []


@pytest.mark.parametrize("kind", ["classify", "extract", "generate"])
def test_the_prompts_of_a_new_task_speak_of_none(tmp_path: Path, kind: str) -> None:
    prompts = Path("distill/task/new/prompts") / kind
    texts = {name: (prompts / name).read_text() for name in ("synthesize.md", "answer.md")}
    task = clean(tmp_path)
    assert found(replace(task, prompts={**task.prompts, **texts}), "prompt-foreign") == []


def test_the_description_of_another_task_is_named(tmp_path: Path) -> None:
    bundled = load_task(BUNDLED, "generate").spec.description
    toml = TOML.replace("Route what passengers of a ferry write.", bundled.upper())
    file, line, said = only(clean(tmp_path, task_toml=toml), "description-copied")
    assert (file, line) == ("task.toml", 3)
    assert said.startswith("description is that of the bundled task generate, whose answers differ")


def test_the_description_of_a_neighbour_is_named(tmp_path: Path) -> None:
    clean(tmp_path)
    same = clean(tmp_path, "tug")
    assert found(same, "description-copied") == [], "a copy with the same labels"
    toml = TOML.replace('"ferry"', '"tug"').replace("tickets =", "fares =")
    rows = {
        name: (same.folder / f"{name}.jsonl").read_text().replace('"tickets"', '"fares"')
        for name in ("seeds", "gold")
    }
    other = clean(
        tmp_path, "tug", task_toml=toml, seeds_jsonl=rows["seeds"], gold_jsonl=rows["gold"]
    )
    assert "description is that of the task ferry" in only(other, "description-copied")[2]
    (tmp_path / "ferry" / "task.toml").write_text("broken", encoding="utf-8")
    assert found(other, "description-copied") == [], "the check of the other task tells it"


def test_the_inputs_of_a_bundled_task_are_named(tmp_path: Path) -> None:
    theirs = [{"input": text} for text in load_task(BUNDLED, "classify").inputs[:6]]
    file, line, said = only(
        clean(tmp_path, inputs_jsonl=with_header([*INPUTS, *theirs])), "inputs-copied"
    )
    assert (file, line) == ("inputs.jsonl", 5)
    assert said.startswith("6 of 8 rows are a bundled task's, first this one")
    own = [{"input": f"my own message {n}"} for n in range(20)]
    few = clean(tmp_path, inputs_jsonl=jsonl([*own, *theirs[:4]]))
    assert found(few, "inputs-copied") == []
