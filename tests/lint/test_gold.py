"""Rules on gold: contradictions, copies, size, likeness to the inputs."""

import random
from dataclasses import replace
from pathlib import Path

from distill.core.dataset import LabelledExample
from distill.task import Task
from tests.conftest import jsonl
from tests.support.clean_task import GOLD, SEEDS, TOML, clean, found, only, with_header

COPY = {"input": "our pram did not fit  through the narrow door", "label": "luggage"}
NEAR = {"input": "Our pram did not fit through the narrow doors", "label": "luggage"}


def test_gold_with_two_answers_is_named(tmp_path: Path) -> None:
    other = {**COPY, "label": "tickets"}
    file, line, said = only(
        clean(tmp_path, gold_jsonl=with_header([*GOLD, other])), "gold-contradicts"
    )
    assert (file, line) == ("gold.jsonl", 12) and "same input as gold.jsonl:3" in said


def test_copies_in_gold_are_named(tmp_path: Path) -> None:
    task = clean(tmp_path, gold_jsonl=with_header([*GOLD, COPY]))
    file, line, said = only(task, "gold-copies")
    assert (file, line) == ("gold.jsonl", 12)
    assert said.startswith("1 of 10 gold rows repeat another row, first this one: only 9")
    assert found(task, "gold-near-copies") == found(task, "copies") == []


def test_near_copies_in_gold_are_named(tmp_path: Path) -> None:
    task = clean(tmp_path, gold_jsonl=with_header([*GOLD, NEAR]))
    file, line, said = only(task, "gold-near-copies")
    assert (file, line) == ("gold.jsonl", 12)
    assert "1 of 10 gold rows nearly equal another row, first this one and gold.jsonl:3" in said
    assert found(task, "gold-copies") == found(task, "copies") == []


def test_gold_that_cannot_decide_the_margin_says_how_many_rows_can(tmp_path: Path) -> None:
    toml = TOML.replace("margin = 0.3", "margin = 0.05")
    file, line, said = only(clean(tmp_path, task_toml=toml), "gold-too-small")
    assert (file, line) == ("task.toml", 14)
    assert said.startswith("9 gold rows; a margin of 5.0 points needs about 314")
    assert said.endswith(": add gold rows"), "no margin up to 20 points"
    rows = [{"input": f"crossing {n} of the year {n * 7}", "label": "timetable"} for n in range(60)]
    _, _, said = only(clean(tmp_path, task_toml=toml, gold_jsonl=jsonl(rows)), "gold-too-small")
    assert said.endswith("add gold rows, or set evaluate.margin = 0.12, which 60 rows can prove")
    without = TOML.replace("[evaluate]\nmargin = 0.3\n", "")
    assert only(clean(tmp_path, task_toml=without), "gold-too-small")[1] == 1


def texts(seed: int, count: int, more: str = "") -> list[str]:
    """Sentences of words drawn from one list, each with the same further words."""
    draw = random.Random(seed)
    words = ["boat", "deck", "sail", "wind", "port", "pier", "buoy", "rope", "mast", "keel", "hull"]
    return [f"{' '.join(draw.choices(words, k=8))} {more} {n}" for n in range(count)]


def with_texts(task: Task, gold: list[str], inputs: list[str]) -> Task:
    """A task with gold and inputs, whose files have these rows after a header."""
    rows = tuple(
        LabelledExample(text, "luggage", "gold.jsonl", n + 3) for n, text in enumerate(gold)
    )
    path = task.folder / "inputs.jsonl"
    path.write_text(with_header([{"input": text} for text in inputs]), encoding="utf-8")
    return replace(task, gold=rows, inputs=tuple(inputs))


def test_gold_of_other_words_than_the_inputs_is_named_with_the_words(tmp_path: Path) -> None:
    gold = [*texts(1, 20), *texts(2, 40, "ahoy captain")]
    task = with_texts(clean(tmp_path), gold, texts(3, 80))
    file, line, said = only(task, "gold-unlike-inputs")
    assert file == "gold.jsonl"
    assert line is not None and 23 <= line < 63, "the row is one with the telling words"
    assert "'ahoy' is in 67 % of gold and 0 % of inputs" in said
    assert "95 % interval; chance is 50 %" in said


def test_gold_like_the_inputs_is_silent_whatever_its_size(tmp_path: Path) -> None:
    task = clean(tmp_path)
    for gold, inputs in ((60, 60), (25, 900), (900, 25)):
        drawn = with_texts(task, texts(4, gold), texts(5, inputs))
        assert found(drawn, "gold-unlike-inputs") == []
    few = with_texts(task, texts(1, 10, "ahoy"), texts(2, 60))
    assert found(few, "gold-unlike-inputs") == [], "too few rows to tell"


def test_inputs_that_became_gold_do_not_count(tmp_path: Path) -> None:
    gold = texts(1, 60, "ahoy captain")
    task = with_texts(clean(tmp_path), gold, gold)
    assert found(task, "gold-unlike-inputs") == []


NONE = 'none = {meaning = "Whatever no ferry can help with", other = true}'
OTHER_TOML = TOML.replace("\n[teacher]", f"{NONE}\n\n[teacher]", 1)


def of_other(count: int) -> list[dict[str, str]]:
    words = ("stamp", "violin", "tractor", "planet", "cheese", "lawyer", "goose")
    return [
        {"input": f"Please repair the {words[n % 7]} of my {words[n // 7]} {n}", "label": "none"}
        for n in range(count)
    ]


def test_few_gold_rows_of_the_label_other_are_counted(tmp_path: Path) -> None:
    """Wilson's interval of 0 of n ends at 3.84 / (n + 3.84), which is 10 % for 34.6 rows."""
    seeds = jsonl([*SEEDS, *of_other(40)[35:]])
    few = {"task_toml": OTHER_TOML, "seeds_jsonl": seeds, "gold_jsonl": jsonl(GOLD + of_other(6))}
    task = clean(tmp_path, **few)
    file, line, said = only(task, "other-untested")
    assert (file, line) == ("task.toml", OTHER_TOML.split("\n").index(NONE) + 1)
    assert said.startswith(
        "6 of 15 gold rows are of 'none': even if no system forces one into a label, up to 39 % "
        "of such inputs may be"
    )
    assert "add gold rows of it: 35 show that at most 10 % are" in said
    assert found(task, "label-without-gold") == []
    enough = clean(tmp_path, **few | {"gold_jsonl": jsonl(GOLD + of_other(35))})
    assert found(enough, "other-untested") == [] == found(clean(tmp_path), "other-untested")


def test_no_gold_row_of_the_label_other_is_one_finding(tmp_path: Path) -> None:
    task = clean(tmp_path, task_toml=OTHER_TOML, seeds_jsonl=jsonl([*SEEDS, *of_other(1)]))
    assert "0 of 9 gold rows are of 'none'" in only(task, "other-untested")[2]
    assert found(task, "label-without-gold") == []
