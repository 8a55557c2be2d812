"""Rules on rows of several files: contradictions and copies."""

from pathlib import Path

import pytest

from tests.conftest import jsonl
from tests.support.clean_task import GOLD, INPUTS, SEEDS, TOML, clean, found, only, with_header

SAME = {"input": "MAY my bicycle  stand beside the funnel?", "label": "tickets"}
COPY = {"input": "MAY my bicycle  stand beside the funnel?", "label": "luggage"}
NEAR = {"input": "May my bicycle stand beside the funnel??", "label": "luggage"}


def test_seeds_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    task = clean(tmp_path, seeds_jsonl=with_header([*SEEDS, SAME]))
    file, line, said = only(task, "seeds-contradict")
    assert (file, line) == ("seeds.jsonl", 9)
    assert "same input as seeds.jsonl:3" in said
    assert "another answer ('tickets', not 'luggage')" in said
    assert found(clean(tmp_path, seeds_jsonl=jsonl([*SEEDS, COPY])), "seeds-contradict") == []


def test_examples_that_contradict_seeds_are_named(tmp_path: Path) -> None:
    task = clean(tmp_path, examples_jsonl=with_header([SAME]))
    file, line, said = only(task, "examples-contradict")
    assert (file, line) == ("examples.jsonl", 3) and "same input as seeds.jsonl:1" in said
    assert found(task, "seeds-contradict") == []


@pytest.mark.parametrize(
    ("files", "place", "said"),
    [
        (
            {"seeds_jsonl": [*SEEDS, COPY]},
            ("seeds.jsonl", 9),
            "an earlier row, first this one and seeds.jsonl:3",
        ),
        (
            {"examples_jsonl": [NEAR]},
            ("examples.jsonl", 3),
            "a row of seeds.jsonl, first this one and seeds.jsonl:1",
        ),
        (
            {"inputs_jsonl": [*INPUTS, NEAR]},
            ("inputs.jsonl", 5),
            "a row of seeds.jsonl, first this one and seeds.jsonl:1",
        ),
        (
            {"inputs_jsonl": [*INPUTS, INPUTS[1]]},
            ("inputs.jsonl", 5),
            "an earlier row, first this one and inputs.jsonl:4",
        ),
        (
            {"examples_jsonl": [GOLD[4]]},
            ("examples.jsonl", 3),
            "a row of gold.jsonl, first this one and gold.jsonl:5",
        ),
    ],
)
def test_copies_are_named_with_both_lines(
    tmp_path: Path, files: dict[str, list[dict[str, object]]], place: tuple[str, int], said: str
) -> None:
    texts = {name: with_header(list(rows)) for name, rows in files.items()}
    *found_place, told = only(clean(tmp_path, **texts), "copies")
    assert tuple(found_place) == place
    assert said in told and told.startswith("1 of ")


def test_an_input_close_to_gold_is_paid_for_in_vain(tmp_path: Path) -> None:
    near = {"input": f"{GOLD[0]['input']} !"}
    file, line, said = only(clean(tmp_path, inputs_jsonl=jsonl([*INPUTS, near])), "copies")
    assert (file, line) == ("inputs.jsonl", 3)
    assert "the leak gate drops rows that are too close to gold, even if their answers" in said


def test_what_is_no_fault_is_silent(tmp_path: Path) -> None:
    labelled = {"input": GOLD[0]["input"]}  # a person labelled it with `distill label`
    assert found(clean(tmp_path, inputs_jsonl=jsonl([labelled])), "copies") == []
    assert found(clean(tmp_path, seeds_jsonl=jsonl([*SEEDS, NEAR])), "copies") == []
    border = {**NEAR, "label": "tickets"}
    assert found(clean(tmp_path, examples_jsonl=jsonl([border])), "copies") == []
    off = TOML + "[curate]\nnear_duplicates = 0\n"
    assert found(clean(tmp_path, task_toml=off, examples_jsonl=jsonl([NEAR])), "copies") == []
