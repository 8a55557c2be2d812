"""The label `other` in task.toml: its form, its faults, and the hashes of tasks without it."""

import pytest

from distill.core.errors import InvalidInput, Problem
from distill.task import NEAR_MISS_PROMPTS
from tests.conftest import WriteTask
from tests.support.out_of_scope import FILES, HEAD, LABELS, MARKED, OTHER

START = 'name = "pets"\nkind = "classify"\n[labels]\n'


def problem(pets: WriteTask, toml: str) -> Problem:
    with pytest.raises(InvalidInput) as refused:
        pets(**FILES | {"task_toml": toml})
    (found,) = refused.value.problems
    return found


@pytest.mark.parametrize(
    "toml",
    [HEAD, f'{START}{LABELS}[labels.{OTHER}]\nother = true\nmeaning = "about no pet at all"\n'],
    ids=["in a line", "as a section"],
)
def test_one_label_is_for_what_belongs_to_no_other(pets: WriteTask, toml: str) -> None:
    task = pets(**FILES | {"task_toml": toml})
    assert task.spec.other_label == OTHER
    assert task.form.choices == ("cats", "dogs", "birds", OTHER)
    assert task.form.group_values(OTHER) == {"label": OTHER, "meaning": "about no pet at all"}
    assert set(NEAR_MISS_PROMPTS) <= set(task.prompts)


def test_a_task_without_it_has_neither_prompts_nor_another_hash(pets: WriteTask) -> None:
    plain = pets()
    assert plain.spec.other_label == ""
    assert not set(NEAR_MISS_PROMPTS) & set(plain.prompts)
    assert plain.hash == "c3fe1d96302842f5f1cf0907d890af54"
    marked = pets(**FILES)
    text = pets(**FILES | {"task_toml": FILES["task_toml"].replace(MARKED, f'{OTHER} = "x"\n')})
    assert len({plain.hash, marked.hash, text.hash}) == 3


def test_two_such_labels_are_refused(pets: WriteTask) -> None:
    found = problem(pets, HEAD + 'spam = {meaning = "advertisements", other = true}\n')
    assert found.key == "labels" and found.line == 3
    assert "'nothing' and 'spam' have other = true: leave it to one label" in found.message


@pytest.mark.parametrize(
    ("line", "key", "said"),
    [
        ('x = {meaning = "m", other = false}', "labels.x.other", "must be true (got False)"),
        ('x = {meaning = "m"}', "labels.x.other", "'labels.x.other' is missing"),
        ("x = {other = true}", "labels.x.meaning", "'labels.x.meaning' is missing"),
        ('x = {meaning = "m", othr = true}', "labels.x.othr", "known here: meaning, other"),
        ("x = 3", "labels.x", "labels.x: must be a string (got 3)"),
        ("x = {meaning = 3, other = true}", "labels.x.meaning", "valid string (got 3)"),
        ('x.y = "m"', "labels.x", "put a label that contains a dot in quotes"),
    ],
)
def test_a_label_of_another_form_is_named_with_its_line(
    pets: WriteTask, line: str, key: str, said: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        pets(task_toml=f"{START}{LABELS}{line}\n")
    found = {one.key: one for one in refused.value.problems}[key]
    assert found.line == 7
    assert said in str(found)


def test_only_a_classify_task_has_one(pets: WriteTask) -> None:
    found = problem(pets, HEAD.replace("classify", "generate"))
    assert "labels: remove them" in found.message
