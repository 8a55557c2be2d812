"""The checks of curation on rows of the label `other`, whose near misses resemble another label."""

import pytest

from distill.core.dataset import Candidate
from distill.curate import classifier_check, label_errors
from distill.curate.balance import check as balance
from distill.curate.context import CheckContext
from distill.curate.duplicates import check as duplicates
from distill.task import Task
from distill.text import embeddings
from distill.text.label_errors import Suspect
from tests.conftest import WriteTask
from tests.support.out_of_scope import FILES, HEAD, OTHER
from tests.support.scripted import Embedder

NEAR_MISS = "the seed cat number 9 of ours is a toy"


def row(text: str, answer: str, asked: str = OTHER) -> Candidate:
    return Candidate(text, asked, (answer,), "synthesis", text)


@pytest.fixture
def task(pets: WriteTask, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr(embeddings, "_model", Embedder)
    return pets(**FILES)


def test_the_second_opinion_does_not_judge_them(task: Task) -> None:
    """It is fitted to seeds, and so calls every near miss by the label that it is near to."""
    rows = [row(NEAR_MISS, OTHER), row("the seed dog number 8 of ours is hungry", "cats")]
    assert classifier_check.opinions([NEAR_MISS], task) == ["cats"]
    (drop,) = classifier_check.differing(rows, CheckContext(task))
    assert drop.candidate_id == rows[1].id


def test_a_label_that_the_second_opinion_calls_other_is_still_doubted(task: Task) -> None:
    rows = [row("nothing here number 7 is a pet", "dogs", asked="dogs")]
    (drop,) = classifier_check.differing(rows, CheckContext(task))
    assert (drop.matched or "").endswith(f"second opinion {OTHER}")


def test_seeds_of_it_are_no_test_of_the_second_opinion(task: Task) -> None:
    right = [seed.answer for seed in task.seeds]
    standing = classifier_check.standing_of(CheckContext(task, seed_answers=lambda: right))
    assert standing is not None
    assert len(standing.teacher) == 12 == len(task.seeds) - 4


def test_no_row_of_it_has_a_suspect_label(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    def suspects(texts: list[str], labels: list[str], **_: object) -> list[Suspect]:
        return [Suspect(index, "birds", 0.1) for index in range(len(texts))]

    monkeypatch.setattr(label_errors, "suspect_labels", suspects)
    rows = [row(NEAR_MISS, OTHER), row("a dog", "cats")]
    assert [item.index for item in label_errors.suspects(rows, CheckContext(task))] == [1]


def test_a_near_miss_is_no_duplicate_of_what_it_is_near_to(task: Task) -> None:
    twins = [row(NEAR_MISS, OTHER), row(f"{NEAR_MISS}!", "cats", asked="cats")]
    assert duplicates(twins, CheckContext(task)) == []
    alike = [row(NEAR_MISS, OTHER), row(f"{NEAR_MISS}!", OTHER)]
    assert len(duplicates(alike, CheckContext(task))) == 1


def test_balance_gives_it_the_share_of_a_label(pets: WriteTask) -> None:
    task = pets(**FILES | {"task_toml": f'{HEAD}[curate]\nbalance = "equal"\n'})
    rows = [row(f"thing {n}", OTHER) for n in range(9)]
    rows += [row(f"{label} {n}", label) for label in ("cats", "dogs", "birds") for n in range(1)]
    drops = balance(rows, CheckContext(task))
    assert len(drops) == 9 - 12 // 4
    assert {drop.check for drop in drops} == {"balance"}
