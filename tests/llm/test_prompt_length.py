"""The context that a server needs for the teacher's prompts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from distill.core.errors import InputError
from distill.core.requests import MODEL_TOKENS
from distill.llm.prompt_length import check_fits, prompted_tokens
from distill.task import Task
from tests.conftest import WriteTask, jsonl, pet_rows

LONG = "a cat " * 1000  # 2,000 short words, each a token or less


def test_a_short_prompt_needs_no_more_than_the_default(pets: WriteTask) -> None:
    assert prompted_tokens(pets()) == MODEL_TOKENS


def test_the_longest_text_that_is_asked_about_counts(pets: WriteTask) -> None:
    """A text of 6,000 bytes has at least 2,000 words, and no more tokens than bytes."""
    for changes in (
        {"inputs_jsonl": jsonl([{"input": LONG}])},
        {"gold_jsonl": jsonl([*pet_rows("gold", 5), {"input": LONG, "label": "cats"}])},
    ):
        assert len(LONG.split()) < prompted_tokens(pets(**changes)) < len(LONG.encode())


def test_the_longest_seeds_are_in_the_prompt(pets: WriteTask) -> None:
    rows = [{"input": f"{LONG} {number}", "label": "cats"} for number in range(3)]
    three = prompted_tokens(pets(seeds_jsonl=jsonl([*pet_rows("seed", 4), *rows])))
    one = prompted_tokens(pets(seeds_jsonl=jsonl([*pet_rows("seed", 4), *rows[:1]])))
    assert three > 6000 and three > one + 2000


def test_the_instructions_count_where_the_prompt_shows_them(pets: WriteTask) -> None:
    long = {"answer.system_md": f"{LONG}\n"}
    assert prompted_tokens(pets(**long)) == MODEL_TOKENS
    shown = pets(**long, answer_md="{{ instructions }}\n{{ input }} ->\n")
    assert prompted_tokens(shown) > len(LONG.split())


def test_a_prompt_that_the_base_cannot_read_is_refused(pets: WriteTask, tmp_path: Path) -> None:
    """Without the base's tokenizer on this machine, an upper bound of the tokens decides."""
    task = pets(**{"answer.system_md": f"{LONG}\n"}, answer_md="{{ instructions }}\n{{ input }}")
    task = task_with_base(task, tmp_path)
    needed = prompted_tokens(task)
    for about in ({}, {"max_position_embeddings": needed}):
        (tmp_path / "config.json").write_text(json.dumps(about), encoding="utf-8")
        check_fits(task, tmp_path)
    about = {"max_position_embeddings": needed - 1}
    (tmp_path / "config.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(InputError, match=f"{needed:,} tokens, but the .* takes {needed - 1:,}"):
        check_fits(task, tmp_path)


def task_with_base(task: Task, folder: Path) -> Task:
    """The task with a base whose tokenizer is not on this machine."""
    student = task.spec.student.model_copy(update={"base": str(folder)})
    return replace(task, spec=task.spec.model_copy(update={"student": student}))
