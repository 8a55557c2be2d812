"""The split: frozen, seeds in training, and nothing that is tested on."""

from dataclasses import replace

import pytest

from distill import pipeline
from distill.core.dataset import Example, LabelledExample, Source
from distill.core.errors import DistillError, InputError
from distill.core.text import stable_hash
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.task import Task
from distill.task.kinds.extract import Fields
from distill.task.leak_gate import leaking_seeds, without_leaking_seeds
from distill.task.run_context import Context
from distill.text.pii.replacements import IBANS
from distill.train.split import find_leaks, place, split
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.support.standin import StandIn

GOLD = LabelledExample("Where is the parcel I ordered on Monday?", "cats", "gold.jsonl", 2)

pytestmark = pytest.mark.usefixtures("scripted_backends")


def example(text: str, source: Source = "synthesis", answer: str = "cats") -> Example:
    return Example(f"{source}:{text}", text, answer, source)


@pytest.fixture
def parcel(pets: WriteTask) -> Task:
    """A task with one gold row."""
    return replace(pets(), gold=(GOLD,))


def leak(task: Task, text: str) -> tuple[str, str | None] | None:
    found = find_leaks([example(text)], task)
    return (found[0].reason, found[0].matched) if found else None


def test_an_example_that_equals_gold_is_a_leak(parcel: Task) -> None:
    assert leak(parcel, "where is  the PARCEL i ordered on monday") == (
        "equals a gold row",
        "gold.jsonl:2",
    )


def test_an_example_that_nearly_equals_gold_is_a_leak(parcel: Task) -> None:
    assert leak(parcel, "Where is the parcel I ordered on Sunday?") == (
        "nearly equals a gold row",
        "gold.jsonl:2",
    )
    assert leak(parcel, "On Monday I ordered the parcel; where is?") is not None


def test_another_text_is_none(parcel: Task) -> None:
    assert leak(parcel, "Where is the jumper that I paid for on Friday?") is None


ON, OFF = "turn on the kitchen light", "turn off the kitchen light"


def test_a_near_row_whose_answer_contradicts_is_no_leak(parcel: Task) -> None:
    task = replace(parcel, gold=(LabelledExample(OFF, "dogs", "gold.jsonl", 1),))
    assert find_leaks([example(ON)], task) == []
    assert [drop.reason for drop in find_leaks([example(ON, answer="dogs")], task)] == [
        "nearly equals a gold row"
    ]
    equal = find_leaks([example(f"{OFF}!")], task)
    assert [drop.reason for drop in equal] == ["equals a gold row"], "whatever its answer"


def test_a_row_is_held_to_the_nearest_gold_row_that_does_not_contradict(parcel: Task) -> None:
    gold = [(OFF, "dogs"), ("turn on the big kitchen light now", "birds"), ("do turn on", "cats")]
    rows = [LabelledExample(text, answer, "gold.jsonl", n) for n, (text, answer) in enumerate(gold)]
    task = replace(parcel, gold=tuple(rows))
    assert find_leaks([example(ON)], task) == []
    beside = LabelledExample("turn on the garage light", "cats", "gold.jsonl", 3)
    found = find_leaks([example(words(1)), example(ON)], replace(task, gold=(*rows, beside)))
    assert [(drop.candidate_id, drop.matched) for drop in found] == [
        (f"synthesis:{ON}", "gold.jsonl:3")
    ]


def test_objects_with_a_value_in_common_do_not_contradict(parcel: Task) -> None:
    parts = {"item": {"type": "string"}, "count": {"type": "integer"}}
    form = Fields({"type": "object", "properties": parts, "required": ["item", "count"]})
    gold = LabelledExample(
        "I ordered 2 lamps on Monday", '{"item":"lamp","count":2}', "gold.jsonl", 1
    )
    task = replace(parcel, gold=(gold,))
    task.__dict__["form"] = form
    text = "I ordered 3 lamps on Monday"
    assert len(find_leaks([example(text, answer='{"item":"lamp","count":3}')], task)) == 1
    assert find_leaks([example(text, answer='{"item":"sofa","count":3}')], task) == []


def test_seeds_of_the_opposite_label_stay(pets: WriteTask) -> None:
    twins = [{"input": ON, "label": "cats"}, {"input": f"{OFF} now", "label": "dogs"}]
    task = pets(seeds_jsonl=jsonl([*pet_rows("seed", 4), *twins]))
    task = replace(task, gold=(LabelledExample(OFF, "dogs", "gold.jsonl", 1),))
    assert [seed.input for seed, _ in leaking_seeds(task)] == [f"{OFF} now"]


HEAD = 'name = "pets"\nkind = "classify"\n[labels]\ncats = ""\ndogs = ""\nbirds = ""\n'
CLOSE = [
    {"input": "please could you feed cat 1", "label": "cats"},
    {"input": "Could you feed dog 2, please?", "label": "dogs"},
]


def test_seeds_too_close_to_gold_are_taken_out_before_anything_is_asked(pets: WriteTask) -> None:
    task = pets(seeds_jsonl=jsonl([*pet_rows("seed", 4), *CLOSE]))
    found = [(seed.input, leak.kind) for seed, leak in leaking_seeds(task)]
    assert found == [(CLOSE[0]["input"], "near"), (CLOSE[1]["input"], "exact")]
    passed = without_leaking_seeds(task)
    assert [seed.input for seed in passed.leaking] == [row["input"] for row in CLOSE]
    assert {*passed.seeds, *passed.leaking} == set(task.seeds)
    off = pets(
        seeds_jsonl=jsonl([*pet_rows("seed", 4), *CLOSE]),
        task_toml=HEAD + "[leaks]\nnear = 0\nsemantic = 0\n",
    )
    assert [leak.kind for _, leak in leaking_seeds(off)] == ["exact"]


def test_a_label_without_any_seed_left_stops_the_run(pets: WriteTask) -> None:
    rows = [row for row in pet_rows("seed", 4) if row["label"] != "cats"]
    task = pets(seeds_jsonl=jsonl([*rows, CLOSE[0]]))
    says = r"every seed of 'cats' is too close to gold, for example seeds.jsonl:9 \('please"
    with pytest.raises(InputError, match=says):
        without_leaking_seeds(task)


def test_a_gate_that_takes_too_much_stops_the_run_before_training(
    context: Context, pets: WriteTask
) -> None:
    rows = [example(f"text number {n} of this test", answer="cats") for n in range(7)]
    rows += [example(row.input, answer=row.answer) for row in context.task.gold[:5]]
    rows = [Example(f"{n}", row.input, row.answer, row.source) for n, row in enumerate(rows)]
    with context.store() as store:
        store.add_examples(context.run_id, rows)
    says = r"5 of 12 examples are too close to gold, more than leaks.most_share = 30% allows(.|\n)*"
    with pytest.raises(DistillError, match=says + r"'could you feed cat 0 please' equals a gold"):
        split(context)
    lenient = pets(task_toml=HEAD + "[leaks]\nmost_share = 0.5\n")
    write = split(replace(context, task=lenient))
    with context.store() as store:
        write(store)
        assert len(store.split(context.run_id)) == 7
        assert len(store.drops(context.run_id)) == 5


def test_what_is_like_a_training_row_does_not_validate(pets: WriteTask) -> None:
    words = "the quick brown animal number {} of ours jumps over a lazy fence in the garden"
    rows = [example(words.format(n), answer="cats") for n in range(40)]
    assert {row.part for row in place(rows, pets())} == {"train"}


def words(*of: object) -> str:
    """A text that is like no other."""
    hash_ = stable_hash(of)
    return " ".join(hash_[start : start + 8] for start in range(0, 32, 8))


def place_pets(task: Task) -> dict[str, tuple[str, int]]:
    rows = [
        example(words(label, n), answer=label) for label in task.form.choices for n in range(20)
    ]
    rows = [Example(f"{row.answer}{row.id}", row.input, row.answer, row.source) for row in rows]
    seeds = [example(words("seed", n), "seeds") for n in range(5)]
    placed = place([*seeds, *rows], task)
    return {row.example.id: (row.part, row.repeats) for row in placed}


def test_a_share_of_each_label_validates_and_seeds_never_do(pets: WriteTask) -> None:
    task = pets(
        task_toml='name = "pets"\nkind = "classify"\n[labels]\ncats = ""\ndogs = ""\nbirds = ""\n'
        "[student]\nvalidation_share = 0.1\nseed_repeats = 3\n"
    )
    placed = place_pets(task)
    for label in task.form.choices:
        parts = [part for id_, (part, _) in placed.items() if id_.startswith(label)]
        assert parts.count("validation") == 2
    seeds = [place for id_, place in placed.items() if id_.startswith("seeds")]
    assert seeds == [("train", 3)] * 5


def test_the_split_is_always_the_same(pets: WriteTask) -> None:
    assert place_pets(pets()) == place_pets(pets())


GIVEN = "Call me on +1 415 901 8200 please"
LEARNED = "Call me on +1 202-555-0100 please"
IBAN = "IBAN DE12 5001 0517 0648 4898 90 please"


@pytest.mark.parametrize("privacy", ["mask", "drop"])
def test_a_gold_row_whose_personal_data_were_masked_is_found(pets: WriteTask, privacy: str) -> None:
    task = pets(task_toml=HEAD + f'[curate]\nprivacy = "{privacy}"\n[leaks]\nnear = 0\n')
    task = replace(task, gold=(LabelledExample(GIVEN, "cats", "gold.jsonl", 3),))
    assert leak(task, LEARNED) == ("equals a gold row", "gold.jsonl:3")
    assert leak(task, "Call me on +1 202-555-0123 please") == ("equals a gold row", "gold.jsonl:3")
    assert leak(task, "Call me tomorrow please") is None


def test_where_nothing_is_masked_values_are_what_tells_texts_apart(pets: WriteTask) -> None:
    task = pets(task_toml=HEAD + '[curate]\nprivacy = "off"\n[leaks]\nnear = 0\nsemantic = 0\n')
    task = replace(task, gold=(LabelledExample(GIVEN, "cats", "gold.jsonl", 3),))
    assert leak(task, GIVEN) is not None and leak(task, LEARNED) is None


def test_a_kind_that_is_not_masked_tells_texts_apart(pets: WriteTask) -> None:
    text = '[curate]\nprivate_kinds = ["email"]\n[leaks]\nnear = 0\nsemantic = 0\n'
    task = replace(
        pets(task_toml=HEAD + text), gold=(LabelledExample(GIVEN, "cats", "gold.jsonl", 3),)
    )
    assert leak(task, LEARNED) is None


def test_a_seed_that_differs_from_gold_in_personal_data_alone_is_taken_out(
    pets: WriteTask,
) -> None:
    seeds = [*pet_rows("seed", 4), {"input": IBAN, "label": "cats"}]
    gold = [*pet_rows("gold", 5), {"input": "IBAN GB33BUKB20201555555555 please", "label": "cats"}]
    task = pets(seeds_jsonl=jsonl(seeds), gold_jsonl=jsonl(gold))
    assert [seed.input for seed, _ in leaking_seeds(task)] == [IBAN]
    passed = without_leaking_seeds(task)
    assert IBAN not in {seed.input for seed in passed.seeds}, "no prompt shows it"


def test_a_validation_row_that_differs_in_personal_data_alone_trains(pets: WriteTask) -> None:
    task = pets(
        task_toml=HEAD + "[leaks]\nnear = 0\nsemantic = 0\n[student]\nvalidation_share = 0.4\n"
    )
    rows = [example(f"IBAN {iban} please", answer="cats") for iban in IBANS]
    assert {row.part for row in place(rows, task)} == {"train"}


def test_masked_copies_of_gold_stop_a_run_whose_share_is_too_large(
    context: Context, pets: WriteTask
) -> None:
    rows = [example(f"text number {n} of this test", answer="cats") for n in range(2)]
    task = replace(context.task, gold=(LabelledExample(GIVEN, "cats", "gold.jsonl", 3),))
    with context.store() as store:
        store.add_examples(context.run_id, [*rows, example(LEARNED)])
    with pytest.raises(DistillError, match="1 of 3 examples are too close to gold"):
        split(replace(context, task=task))


def test_given_inputs_that_are_gold_rows_with_personal_data_are_not_trained_on(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    """The way of the audit: a given input that is a gold row but for one mark is masked in
    curation, and must be found at the gate all the same."""
    texts = [
        "Call me about the cat on +1 415 901 8200 please",
        "My IBAN is DE12 5001 0517 0648 4898 90 for the dog",
        "new bird number 415 217 2345, old one 415 272 9876",
    ]
    gold = [{"input": text, "label": label} for text, label in zip(texts, PETS, strict=True)]
    pets(
        task_toml=HEAD + "[generate]\nrequests = 30\nseeds_shown = 2\n[teacher]\nfew_shot = 3\n",
        gold_jsonl=jsonl([*pet_rows("gold", 5), *gold]),
        inputs_jsonl=jsonl([{"input": f"{text}!"} for text in texts]),
    )
    outcome = pipeline.run(workspace, "pets", RunOptions("split"))
    with outcome.context.store() as store:
        found = {
            drop.matched: drop.reason
            for drop in store.drops(outcome.run.id)
            if drop.check == "leak_gate"
        }
        trained = " ".join(row.example.input for row in store.split(outcome.run.id))
    lines = [f"gold.jsonl:{line}" for line in (16, 17, 18)]
    assert found == dict.fromkeys(lines, "equals a gold row")
    assert not any(start in trained for start in ("Call me about", "My IBAN", "new bird"))
