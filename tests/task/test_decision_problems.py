"""A task that cannot use a decision model says so before anything is asked."""

import pytest

from distill.core.errors import InvalidInput, Problem
from tests.conftest import WriteTask

LUNA = "decisions:gpt-6-luna"
HERE = "http://127.0.0.1:8000/v1#systemone"
HEAD = 'name = "pets"\nkind = "classify"\n'
LABELS = '[labels]\ncats = "about a cat"\ndogs = "about a dog"\nbirds = "about a bird"\n'
INPUTS = '[generate]\nsources = ["inputs"]\n'


def toml(more: str, teacher: str = LUNA, labels: str = LABELS) -> str:
    return f'{HEAD}{labels}{INPUTS}[teacher]\nmodel = "{teacher}"\n{more}'


def problem(pets: WriteTask, text: str) -> Problem:
    with pytest.raises(InvalidInput) as error:
        pets(task_toml=text)
    (found,) = error.value.problems
    return found


@pytest.mark.parametrize(
    "teacher", [LUNA, HERE, f"{HERE}:jev-1.14.0"], ids=["openai", "server", "model"]
)
def test_a_decision_model_labels_given_inputs(pets: WriteTask, teacher: str) -> None:
    assert pets(task_toml=toml("", teacher)).spec.teacher.model == teacher


@pytest.mark.parametrize(
    ("more", "key", "said", "fix"),
    [
        ("votes = 3\n", "teacher.votes", "the same question", "set teacher.votes to 1"),
        (
            "rationale = true\n",
            "teacher.rationale",
            "gives no reasons",
            "set teacher.rationale to false",
        ),
        ("[curate]\njudge = true\n", "curate.judge", "judges nothing", "curate.judge_model"),
        (
            f'[curate]\njudge = true\njudge_model = "{HERE}"\n',
            "curate.judge_model",
            "judges nothing",
            "name another model in curate.judge_model",
        ),
    ],
    ids=["votes", "rationale", "judge", "judge_model"],
)
def test_a_use_that_it_has_not_is_named_with_its_key(
    pets: WriteTask, more: str, key: str, said: str, fix: str
) -> None:
    text = toml(more)
    found = problem(pets, text)
    assert found.key == key and said in found.message and fix in found.fix
    name = key.rpartition(".")[2]
    assert found.line is not None and text.splitlines()[found.line - 1].startswith(name)


def test_it_writes_no_inputs(pets: WriteTask) -> None:
    found = problem(pets, toml("").replace(INPUTS, ""))
    assert (found.key, found.fix) == (
        "generate.sources",
        'set generate.sources to ["inputs"], and put inputs into inputs.jsonl',
    )


def test_it_takes_at_most_255_labels(pets: WriteTask) -> None:
    labels = "[labels]\n" + "".join(f'l{n} = "number {n}"\n' for n in range(256))
    found = problem(pets, toml("", labels=labels))
    assert found.key == "teacher.model"
    assert "takes at most 255 labels; the task has 256" in found.message
    more = f'[evaluate]\nbaselines = ["{LUNA}"]\n'
    found = problem(pets, toml(more, "openai:gpt-6-luna", labels))
    assert found.key == "evaluate.baselines" and "at most 255" in found.message


@pytest.mark.parametrize("kind", ["extract", "generate"])
def test_it_is_for_labels_only(pets: WriteTask, kind: str) -> None:
    text = f'name = "pets"\nkind = "{kind}"\n[evaluate]\nbaselines = ["{HERE}"]\n'
    found = problem(pets, text)
    assert found.key == "evaluate.baselines"
    assert f"answers with labels; this is {kind}" in found.message
