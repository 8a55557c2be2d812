"""How good today's model is on rows drawn from production: the last line of `distill label`."""

import json

import pytest
from click.testing import CliRunner, Result

from distill import pipeline
from distill.cli import cli
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.evaluate.production import rate_of_today
from distill.store import open_store
from distill.task.labelling.pool import read_pool
from tests.conftest import WriteTask, held_by_another_process, jsonl
from tests.support.standin import StandIn

TEXTS = [
    f"the {pet} number {n} of a customer"
    for pet, count in (("cat", 6), ("dog", 3), ("bird", 1))
    for n in range(count)
]


@pytest.fixture
def answered(workspace: Workspace, pets: WriteTask, scripted_backends: StandIn) -> Workspace:
    """Ten texts from production, which a run has asked the teacher about."""
    pets(inputs_jsonl=jsonl([{"input": text} for text in TEXTS]))
    pipeline.run(workspace, "pets", RunOptions("generate"))
    return workspace


def labelled(workspace: Workspace, keys: str, *options: str) -> Result:
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    lines = "".join(f"{key}\n" for key in keys)
    return CliRunner().invoke(cli, [*folders, "label", "pets", *options], input=lines)


def right_keys(workspace: Workspace) -> list[str]:
    """The keys of the right labels, in the order in which the texts are shown."""
    waiting = read_pool(workspace.prompts, "pets").waiting
    return [str(1 + ["cat", "dog", "bird"].index(text.split()[1])) for text in waiting]


def teachers_answers(workspace: Workspace) -> dict[str, str]:
    """The stored answers of the teacher by text."""
    with open_store(workspace.database("pets")) as store:
        (run,) = store.runs()
        return {row.input: row.answer for row in store.candidates(run.id) if row.input in TEXTS}


def test_the_last_line_says_how_often_the_teacher_is_right(answered: Workspace) -> None:
    keys = right_keys(answered)
    said = teachers_answers(answered)
    truth = {text: text.split()[1] + "s" for text in TEXTS}
    wrong = ["2" if keys[0] != "2" else "1", *keys[1:8]]  # the person disagrees on the first row
    shown = labelled(answered, "".join(wrong))
    assert shown.exit_code == 0, shown.output
    pool = read_pool(answered.prompts, "pets")
    expected = sum(said[row.input] == row.answer for row in pool.drawn.values())
    assert expected >= 1 and all(truth[text] == said[text] for text in TEXTS)
    assert expected == 7
    last = shown.stdout.splitlines()[-1]
    assert "is right on 88% (53% to 98%, 95 % interval) of 8 rows drawn from production" in last
    found = json.loads(labelled(answered, "", "--json").stdout)["rows"][0]["today"]
    assert (found["rows"], found["value"]) == (8, 0.875)
    assert (round(found["ci_low"], 2), round(found["ci_high"], 2)) == (0.53, 0.98)


def test_rows_labelled_elsewhere_do_not_count(answered: Workspace) -> None:
    labelled(answered, "".join(right_keys(answered)[:4]))
    rate = rate_of_today(answered, read_pool(answered.prompts, "pets"))
    assert rate is not None and (rate.rows, rate.share.value) == (4, 1.0)


def test_a_run_after_the_labels_asks_about_them_as_gold_alone(answered: Workspace) -> None:
    """The answer to a labelled text is no example, and costs no second request."""
    with open_store(answered.database("pets")) as store:
        before = {id_ for (id_,) in store.rows("SELECT request_id FROM completion")}
    labelled(answered, "".join(right_keys(answered)[:5]))
    outcome = pipeline.run(answered, "pets")
    pool = read_pool(answered.prompts, "pets")
    with outcome.context.store() as store:
        assert len(store.runs()) == 2
        inputs = {row.input for row in store.candidates(outcome.run.id)}
        answers = [row for row in store.predictions(outcome.run.id) if row.system == "teacher"]
    assert not inputs & {row.input for row in pool.drawn.values()}
    assert inputs >= set(pool.waiting)
    asked = {row.gold_id: row.request_id for row in answers}
    assert {asked[row.id] for row in pool.drawn.values()} <= before
    rate = rate_of_today(answered, pool)
    assert rate is not None and (rate.run_id, rate.rows) == (outcome.run.id, 5)


def test_a_store_in_use_is_named_and_the_labels_are_kept(answered: Workspace) -> None:
    keys = right_keys(answered)
    with held_by_another_process(answered.database("pets")):
        shown = labelled(answered, keys[0])
    assert shown.exit_code == 0, shown.output
    assert "cannot be read now" in shown.stdout.splitlines()[-1]
    assert len(read_pool(answered.prompts, "pets").drawn) == 1


def test_another_model_of_today_must_be_a_baseline(answered: Workspace) -> None:
    path = answered.prompts / "pets" / "task.toml"
    path.write_text(path.read_text() + '\n[today]\nmodel = "openai:gpt-6-luna"\n')
    shown = labelled(answered, right_keys(answered)[0])
    assert shown.exit_code == 0, shown.output
    assert "add openai:gpt-6-luna to evaluate.baselines" in shown.stdout.splitlines()[-1]
