"""Untuned models that a task names beside the student: asked as the teacher is, paid, and shown."""

from decimal import Decimal
from typing import Any

import pytest

from distill.core.errors import InputError
from distill.core.purpose import Purpose
from distill.core.workspace import Workspace
from distill.estimate import plan
from distill.rehearsal.provider import StandIn as Provider
from tests.conftest import PETS, WriteTask
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.standin import StandIn

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
HEAD += '[generate]\nrequests = 12\n[teacher]\nfew_shot = 3\nmodel = "embedded"\n[evaluate]\n'
LUNA = "openai:gpt-6-luna"
BOTH = f'baselines = ["{LUNA}", "anthropic:claude-haiku-5-5"]\n'
GOLD = 15


@pytest.mark.usefixtures("drawn_charts")
def test_they_are_asked_about_gold_paid_and_in_the_table(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=HEAD + BOTH)
    outcome = paid_run(workspace, "pets")
    found: Any = figures(outcome.context.folder)
    names = [system["name"] for system in found["systems"]]
    assert names[:6] == [
        *("teacher", "student", "base", "base_few_shot"),
        *(LUNA, "anthropic:claude-haiku-5-5"),
    ]
    bill = provider.bill()
    assert bill.requests == 2 * GOLD
    with outcome.context.store() as store:
        assert store.committed_usd(outcome.run.id) == bill.usd > 0
        asked = store.rows("SELECT messages FROM request WHERE model = 'gpt-6-luna'")
    assert len(asked) == GOLD and all("the seed" in str(row) for row in asked), "seeds are shown"
    luna = next(system for system in found["systems"] if system["name"] == LUNA)
    assert luna["n"] == GOLD and Decimal(luna["usd_per_1k_requests"]) > 0
    assert set(luna) >= {"to_teacher", "to_base", "prompt_tokens_mean"}
    assert Decimal(found["spend"]["evaluate_usd"]) >= Decimal(found["spend"]["billed_usd"]) > 0
    assert paid_run(workspace, "pets").stages_run == ()
    assert provider.bill().requests == bill.requests


def test_the_plan_counts_them(workspace: Workspace, pets: WriteTask, provider: Provider) -> None:
    task = pets(task_toml=HEAD + BOTH)
    steps = {step.purpose: step for step in plan(task).steps}
    assert set(steps) == {Purpose.of_system(name) for name in (LUNA, "anthropic:claude-haiku-5-5")}
    assert all(step.requests == GOLD and step.usd > 0 for step in steps.values())
    assert all(step.batch_usd is None for step in steps.values()), "their latency is measured"


def test_a_key_that_is_missing_is_missed_before_anything_is_asked(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pets(task_toml=HEAD + f'baselines = ["{LUNA}"]\n')
    with pytest.raises(InputError, match=r"OPENAI_API_KEY .* choose another evaluate.baselines"):
        paid_run(workspace, "pets")
    assert scripted_backends.total == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('baselines = ["auto"]\n', "auto"),
        (f'baselines = ["{LUNA}", "{LUNA}"]\n', "twice"),
        (
            'baselines = ["nobody:x"]\n',
            r"task.toml:\d+: evaluate.baselines: 'nobody:x' does not exist",
        ),
        (
            '[curate]\njudge = 3\njudge_model = "auto"\n',
            "curate.judge_model: only teacher.model can",
        ),
        ('[curate]\njudge = 3\njudge_model = "gpt"\n', r"task.toml:\d+: curate.judge_model: 'gpt'"),
    ],
)
def test_names_that_mean_nothing_are_refused(pets: WriteTask, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pets(task_toml=HEAD + line)
    with pytest.raises(InputError):
        pets(task_toml=HEAD + 'baselines = "openai:gpt-6-luna"\n')


def test_the_teacher_is_asked_twice_with_other_seeds(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets(task_toml=HEAD)
    outcome = paid_run(workspace, "pets")
    found: Any = figures(outcome.context.folder)["teacher_self_agreement"]
    assert (found["n"], found["value"], found["right_again"], found["student"]) == (GOLD, 1, 1, 1)
    with outcome.context.store() as store:
        first, again = (
            [row.ask.request for row in store.answered(outcome.run.id, Purpose.of_system(system))]
            for system in ("teacher", "teacher_again")
        )
    assert len(first) == len(again) == GOLD
    assert all(a.messages != b.messages for a, b in zip(first, again, strict=True))
