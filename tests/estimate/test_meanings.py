"""Drafted meanings: one sentence a label, billed once, and never over what a person wrote."""

import signal
import subprocess
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.estimate import meanings
from distill.estimate.meanings import draft_meanings, plan_drafts
from distill.llm.ledger import BudgetReached
from distill.rehearsal.provider import StandIn as Provider
from distill.store import open_store
from distill.task.loading import load_task
from distill.task.new.writing import ASKS_FOR_MEANINGS
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.support.command import invoke

LUNA = "openai:gpt-6-luna"
NAMES = "".join(f'{label} = "{label}"\n' for label in PETS)
TOML = f'name = "pets"\nkind = "classify"\n\n{ASKS_FOR_MEANINGS}\n[labels]\n{NAMES}'
TEACHER = f'[teacher]\nmodel = "{LUNA}"\n'
ROOT = Path(__file__).parents[2]
# Runs in a child: drafts, and dies between the stored answer and the written file.
DYING = """
import os, signal, sys
from pathlib import Path
from distill.core.workspace import Workspace
from distill.estimate import meanings
meanings.write_whole = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
meanings.draft_meanings(Workspace(Path(sys.argv[1]), Path(sys.argv[2])), "pets", None)
"""


@pytest.fixture
def undefined(pets: WriteTask, provider: Provider) -> Provider:
    """The task `pets` whose labels mean their names, and the provider of its teacher."""
    pets(task_toml=TOML + TEACHER)
    return provider


def labels(workspace: Workspace) -> dict[str, str]:
    text = (workspace.prompts / "pets" / "task.toml").read_text(encoding="utf-8")
    found: dict[str, str] = tomllib.loads(text)["labels"]
    return found


def ledger_usd(workspace: Workspace) -> Decimal:
    with open_store(workspace.database("pets")) as store:
        return sum((store.billed_usd(run.id) for run in store.runs()), Decimal(0))


def test_the_teacher_drafts_a_sentence_for_each_label(
    workspace: Workspace, undefined: Provider
) -> None:
    done = draft_meanings(workspace, "pets", None)
    assert labels(workspace) == done.meanings and set(done.meanings) == set(PETS)
    assert all(1 < len(text.split()) <= 25 for text in done.meanings.values())
    toml = (workspace.prompts / "pets" / "task.toml").read_text(encoding="utf-8")
    assert f"# Drafted by {LUNA}. Correct what is wrong." in toml and ASKS_FOR_MEANINGS not in toml
    assert load_task(workspace.prompts, "pets").spec.labels == done.meanings


def test_the_bill_is_the_ledger(workspace: Workspace, undefined: Provider) -> None:
    plan = plan_drafts(workspace, "pets")
    assert plan is not None
    done = draft_meanings(workspace, "pets", plan.worst_usd)
    bill = undefined.bill()
    assert (bill.requests, bill.usd) == (1, ledger_usd(workspace))
    assert 0 < bill.usd == done.billed_usd <= plan.worst_usd


def test_a_kill_after_the_answer_loses_nothing_paid(
    workspace: Workspace, undefined: Provider
) -> None:
    folders = [str(workspace.prompts), str(workspace.runs)]
    child = subprocess.run([sys.executable, "-c", DYING, *folders], check=False, cwd=ROOT)
    assert child.returncode == -signal.SIGKILL
    assert labels(workspace) == {label: label for label in PETS}
    again = plan_drafts(workspace, "pets")
    assert again is not None and again.worst_usd == 0
    done = draft_meanings(workspace, "pets", Decimal(0))
    assert (undefined.bill().requests, undefined.bill().usd) == (1, ledger_usd(workspace))
    assert labels(workspace) == done.meanings and done.billed_usd == 0


def test_ctrl_c_after_the_answer_loses_nothing_paid(
    workspace: Workspace, undefined: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(meanings, "write_whole", interrupted)
        with pytest.raises(KeyboardInterrupt):
            draft_meanings(workspace, "pets", None)
    draft_meanings(workspace, "pets", None)
    assert undefined.bill().requests == 1


def test_a_meaning_of_a_person_stays(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    pets(task_toml=TOML.replace('cats = "cats"', 'cats = "All about cats"') + TEACHER)
    done = draft_meanings(workspace, "pets", None)
    assert set(done.meanings) == {"dogs", "birds"}
    assert labels(workspace)["cats"] == "All about cats"


@pytest.mark.parametrize(
    ("draft", "is_one"),
    [
        ("Texts about cats.", True),
        ("Texts about cats. And about dogs.", False),
        ("cats", False),
        ("", False),
        (7, False),
        (" ".join(["word"] * 25), True),
        (" ".join(["word"] * 26), False),
        ("Texts \x1b[31m about cats", False),
        ("Texts about\ncats", True),
    ],
)
def test_a_draft_is_one_short_sentence(draft: object, is_one: bool) -> None:
    assert bool(meanings._sentence(draft)) == is_one


def test_nothing_is_sent_above_what_was_agreed_to(
    workspace: Workspace, undefined: Provider
) -> None:
    with pytest.raises(InputError, match=r"above --max-usd 0\.000001: nothing was sent"):
        draft_meanings(workspace, "pets", Decimal("0.000001"))
    assert undefined.bill().requests == 0


def test_the_budget_holds(workspace: Workspace, pets: WriteTask, provider: Provider) -> None:
    pets(task_toml=TOML + TEACHER + "[budget]\nusd = 0.000001\n")
    with pytest.raises(BudgetReached):
        draft_meanings(workspace, "pets", None)
    assert provider.bill().requests == 0


@pytest.mark.parametrize("model", ["embedded", "auto"])
def test_a_teacher_without_a_key_drafts_nothing(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    pets(task_toml=TOML + f'[teacher]\nmodel = "{model}"\n')
    assert plan_drafts(workspace, "pets") is None
    with pytest.raises(InputError, match=r"nothing to draft: .* no teacher has a key"):
        draft_meanings(workspace, "pets", None)


def test_without_a_terminal_only_with_the_flag_and_a_consent(
    workspace: Workspace, provider: Provider, tmp_path: Path
) -> None:
    rows = [row for name in ("a", "b", "c", "d", "e", "f") for row in pet_rows(name, 5)]
    (tmp_path / "rows.jsonl").write_text(jsonl(rows), encoding="utf-8")
    made = ["new", "pets", "--from", str(tmp_path / "rows.jsonl")]
    assert invoke(workspace, *made).exit_code == 0
    told = invoke(workspace, "new", "pets", "--draft-meanings")
    assert told.exit_code == 2 and "--draft-meanings is paid: add --yes" in told.output
    assert provider.bill().requests == 0
    told = invoke(workspace, "new", "pets", "--draft-meanings", "--yes")
    assert told.exit_code == 0 and "drafted 3 meanings for $" in told.stderr, told.output
    assert provider.bill().requests == 1
