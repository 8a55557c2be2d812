"""Which verdict on the same gold a verdict is: counted in a real store, by rows and not by lines,
and said on the page."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from distill import pipeline
from distill.core.dataset import LabelledExample
from distill.core.evaluation import Prediction, Score
from distill.core.purpose import Purpose
from distill.core.requests import Message, PlannedRequest, Request, Sampling
from distill.core.workspace import Workspace
from distill.evaluate.statistics import gold_needed, verdicts_on_rivals
from distill.report.build import collect
from distill.report.looks import Looks, looks_at, next_look, remember
from distill.report.recommendations import advice
from distill.report.systems import rival_verdicts, verdict_figures, verdict_on
from distill.store import Run, Store, open_store
from distill.task import Task
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.report.test_recommendations import figures as advised
from tests.support.figures import figures
from tests.support.runs import finished
from tests.support.standin import StandIn

TOML = 'name = "pets"\nkind = "classify"\n[labels]\n' + "".join(
    f'{label} = "{meaning}"\n' for label, meaning in PETS.items()
)
GOLD = pet_rows("gold", 20)


class Evaluator:
    """Runs whose evaluation is finished, in a store, each later than the one before."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def evaluate(self, task: Task, run_id: str, wrong: Sequence[int]) -> None:
        """A run of a student that is wrong on the rows of these places, beside a teacher that is
        right on all."""
        made = Run(run_id, task.hash, task.parts, "", datetime.now(UTC), "embedded")
        self.store.add_run(made, task.spec.model_dump(mode="json"))
        asks = [self._ask(row) for row in task.gold]
        self.store.add_asks(run_id, asks)
        for system in ("student", "teacher"):
            rows = [
                Prediction(system, row.id, row.answer, True, 0.1, ask.request.id)
                for row, ask in zip(task.gold, asks, strict=True)
            ]
            scores = [
                Score(system, row.id, "accuracy", float(system == "teacher" or n not in wrong))
                for n, row in enumerate(task.gold)
            ]
            self.store.add_predictions(run_id, rows, scores)
        self.store.finish_stage(run_id, "evaluate", 1.0)

    def report(self, task: Task, run_id: str) -> dict[str, Any]:
        """The verdict on such a run, stored as its page stores it."""
        looks = looks_at(task, self.store, run_id)
        found = verdict_on(task, self.store.scores(run_id, "accuracy"), {}, looks.number)
        told = verdict_figures(found) | looks.figures(task.spec.evaluate)
        remember(task, self.store, run_id, {"verdict": told})
        return told

    @staticmethod
    def _ask(row: LabelledExample) -> PlannedRequest:
        request = Request("student", (Message("user", row.input),), Sampling(9))
        return PlannedRequest(Purpose.of_system("student"), row.input, request)


@contextmanager
def evaluator(workspace: Workspace) -> Iterator[Evaluator]:
    with open_store(workspace.database("pets")) as store:
        yield Evaluator(store)


def test_each_student_on_the_same_gold_is_a_further_look(
    workspace: Workspace, pets: WriteTask
) -> None:
    task = pets(task_toml=TOML, gold_jsonl=jsonl(GOLD))
    with evaluator(workspace) as at:
        for number, wrong in enumerate([(), (1,), (2,), (3,), (4,)], start=1):
            at.evaluate(task, f"r{number}", wrong)
            found = at.report(task, f"r{number}")
            assert found["looks"] == number == len(found["earlier"]) + 1
            assert found["level"] == pytest.approx(1 - 0.05 / 2**number)
            assert found["next_level"] == pytest.approx(1 - 0.05 / 2 ** (number + 1))
            assert found["confidence"] == 0.95, "that of the interval that is shown"
        assert [row["run"] for row in found["earlier"]] == ["r1", "r2", "r3", "r4"]
        assert {row["shared_gold"] for row in found["earlier"]} == {60}
        assert looks_at(task, at.store, "r2").number == 2, "an old page is what it was"
        said = looks_at(task, at.store, "r5").sentence(task.spec.evaluate)
    assert said.startswith("This gold was judged 4 times before: the bound is at 99.844 % instead")
    assert "by luck in at most 5 %." in said


def test_a_page_that_is_written_again_is_no_look(workspace: Workspace, pets: WriteTask) -> None:
    task = pets(task_toml=TOML, gold_jsonl=jsonl(GOLD))
    with evaluator(workspace) as at:
        at.evaluate(task, "r1", (1,))
        first = at.report(task, "r1")
        assert at.report(task, "r1") == first and first["looks"] == 1
        assert looks_at(task, at.store, "r1").sentence(task.spec.evaluate) == ""


def test_rows_put_in_above_do_not_make_earlier_looks_vanish(
    workspace: Workspace, pets: WriteTask
) -> None:
    task = pets(task_toml=TOML, gold_jsonl=jsonl(GOLD))
    more = pet_rows("gold", 30)[20:30] + GOLD  # all of them in other lines
    with evaluator(workspace) as at:
        at.evaluate(task, "r1", (1,))
        at.report(task, "r1")
        longer = pets(task_toml=TOML, gold_jsonl=jsonl(more))
        assert not {row.id for row in task.gold} & {row.id for row in longer.gold}
        at.evaluate(longer, "r2", (1,))
        found = at.report(longer, "r2")
    assert (found["looks"], found["earlier"][0]["shared_gold"]) == (2, 60)


def test_other_gold_is_a_first_look(workspace: Workspace, pets: WriteTask) -> None:
    task = pets(task_toml=TOML, gold_jsonl=jsonl(GOLD))
    other = [row | {"input": f"kindly {row['input']}"} for row in GOLD]
    relabelled = [row | {"label": "birds"} for row in GOLD if row["label"] != "birds"]
    with evaluator(workspace) as at:
        at.evaluate(task, "r1", (1,))
        at.report(task, "r1")
        for name, rows in (("r2", other), ("r3", relabelled)):
            fresh = pets(task_toml=TOML, gold_jsonl=jsonl(rows))
            at.evaluate(fresh, name, (1,))
            found = at.report(fresh, name)
            assert (found["looks"], found["earlier"]) == (1, [])


@pytest.mark.parametrize("stored", [True, False])
def test_runs_of_before_verdicts_were_stored_are_counted_by_their_scores(
    workspace: Workspace, pets: WriteTask, stored: bool
) -> None:
    task = pets(task_toml=TOML, gold_jsonl=jsonl(GOLD))
    with evaluator(workspace) as at:
        at.evaluate(task, "r1", range(40))
        if stored:
            at.report(task, "r1")
        longer = pets(task_toml=TOML, gold_jsonl=jsonl([*pet_rows("gold", 21)[20:21], *GOLD]))
        at.evaluate(longer, "r2", ())
        found = at.report(longer, "r2")
    assert found["looks"] == 2
    (before,) = found["earlier"]
    assert before["result"] == "inferior", "of right and wrong it can be told again"
    assert ("level" in before) == stored


def test_a_margin_that_was_changed_is_named_with_what_it_said(
    workspace: Workspace, pets: WriteTask
) -> None:
    task = pets(task_toml=TOML, gold_jsonl=jsonl(GOLD))
    wider = pets(
        task_toml=TOML + "[evaluate]\nmargin = 0.1\nmost_unsafe = 0.2\n", gold_jsonl=jsonl(GOLD)
    )
    with evaluator(workspace) as at:
        at.evaluate(task, "r1", (1,))
        assert at.report(task, "r1")["result"] == "inconclusive"
        at.evaluate(wider, "r2", (1,))
        found, looks = at.report(wider, "r2"), looks_at(wider, at.store, "r2")
        assert found["result"] == "non_inferior"
        # Its bound holds for every margin: the same answers are no further chance.
        assert (found["looks"], found["level"]) == (1, pytest.approx(0.975))
        (before,) = found["earlier"]
        assert (before["margin"], before["result"]) == (0.02, "inconclusive")
        assert (before["new_answers"], before["most_unsafe"]) == (False, 0.05)
        day = f"{datetime.now(UTC):%b %Y}"
        said = looks.sentence(wider.spec.evaluate)
        assert said.startswith("evaluate.margin was 2.0 points until ") and day in said
        assert "when the verdict was inconclusive." in said
        assert "evaluate.most_unsafe was 5 points until" in said
        assert "when no group of probes exceeded its limit." in said
        # And back: what was declared in between is named.
        at.evaluate(task, "r3", (1,))
        back = looks_at(task, at.store, "r3").sentence(task.spec.evaluate)
        assert "evaluate.margin was 10.0 points until" in back
        assert "when the student was found as good as the teacher." in back


def test_the_rows_that_are_asked_for_are_those_of_the_next_look(
    workspace: Workspace, pets: WriteTask
) -> None:
    task = pets(task_toml=TOML, gold_jsonl=jsonl(GOLD))
    with evaluator(workspace) as at:
        at.evaluate(task, "r1", (1,))
        at.report(task, "r1")
        at.evaluate(task, "r2", (2,))
        found = at.report(task, "r2")
    student = [1.0] * 59 + [0.0]
    wanted = gold_needed(student, [1.0] * 60, margin=0.02, confidence=1 - 0.05 / 8)
    assert found["gold_needed"] == wanted
    assert next_look(found) == "; the next verdict on this gold is at 99.375 %"


def test_the_advice_says_at_which_level_the_next_verdict_is() -> None:
    verdict: dict[str, Any] = {"difference": -0.01, "margin": 0.05}
    verdict |= {"ci_low": -0.04, "ci_high": 0.02}
    verdict |= {"result": "inconclusive", "gold_needed": 1210, "next_level": 0.9875}
    (one,) = advice(advised(verdict=verdict), {})
    assert one["rule"] == "label_more"
    assert one["because"].endswith("; the next verdict on this gold is at 98.75 %")


def test_the_advice_says_how_many_rivals_were_tried() -> None:
    teacher = [1.0] * 300 + [0.0] * 100
    scores = {"linear": teacher, "base": [0.0] * 400, "linear_seeds": [0.0] * 400}
    found = verdicts_on_rivals(scores, teacher, margin=0.02, confidence=0.95, look=1)
    one, *_ = advice(advised(), found)
    assert one["rule"] == "free_model"
    assert "at 99.167 %, since 3 rivals were tried" in one["because"]
    alone = {"linear": found["linear"]}
    assert "tried" not in advice(advised(), alone)[0]["because"]


def test_a_rival_that_would_pass_alone_has_to_pass_beside_the_others(pets: WriteTask) -> None:
    task = pets(task_toml=TOML, gold_jsonl=jsonl(pet_rows("gold", 140)[:400]))
    ids = [row.id for row in task.gold]
    losses = {"base": 0, "base_few_shot": 2, "linear": 6, "linear_seeds": 9}
    scores = {
        name: dict(zip(ids, [0.0] * lost + [1.0] * (400 - lost), strict=True))
        for name, lost in (losses | {"teacher": 0}).items()
    }
    alone = verdicts_on_rivals(
        {"base_few_shot": list(scores["base_few_shot"].values())},
        [1.0] * 400,
        margin=0.02,
        confidence=0.95,
        look=1,
    )
    assert alone["base_few_shot"].result == "non_inferior"
    found = rival_verdicts(task, scores)
    assert {name: row.result for name, row in found.items()} == {
        "base": "non_inferior",
        **dict.fromkeys(("base_few_shot", "linear", "linear_seeds"), "inconclusive"),
    }
    assert [1 - (row.level or 0) for row in found.values()] == pytest.approx(
        [0.025 / 4, *[0.025 / 3] * 3]
    )


def test_a_rehearsal_counts_and_stores_nothing(workspace: Workspace, pets: WriteTask) -> None:
    task = pets(task_toml=TOML, gold_jsonl=jsonl(GOLD))
    with evaluator(workspace) as at:
        at.store.begin_rehearsal()
        for run, wrong in (("r1", (1,)), ("r2", (2,))):
            at.evaluate(task, run, wrong)
            assert at.report(task, run)["looks"] == 1
        assert looks_at(task, at.store, "r2") == Looks(1)
        assert at.store.rows("SELECT count(*) FROM verdict") == [(0,)]


def test_what_a_useless_judge_said_is_no_look(workspace: Workspace, pets: WriteTask) -> None:
    task = pets(task_toml=TOML, gold_jsonl=jsonl(GOLD))
    with evaluator(workspace) as at:
        at.evaluate(task, "r1", (1,))
        looks = looks_at(task, at.store, "r1")
        judge = {"usable": False}
        found = verdict_on(task, at.store.scores("r1", "accuracy"), judge, looks.number)
        told = verdict_figures(found) | looks.figures(task.spec.evaluate)
        remember(task, at.store, "r1", {"verdict": told, "judge": judge})
        at.evaluate(task, "r2", (2,))
        assert at.report(task, "r2")["looks"] == 1


def test_the_page_of_a_second_run_says_so(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    first = finished(workspace, "pets")
    assert figures(first.context.folder)["verdict"]["looks"] == 1
    text = (workspace.prompts / "pets" / "task.toml").read_text(encoding="utf-8")
    pets(task_toml=text + "[evaluate]\nmargin = 0.3\n")
    second = pipeline.run(workspace, "pets")
    found = figures(second.context.folder)
    (before,) = found["verdict"]["earlier"]
    assert (before["run"], before["margin"]) == (first.run.id, 0.02)
    for page in ("report.full.md", "report.html"):
        text = (second.context.folder / page).read_text(encoding="utf-8")
        assert "evaluate.margin was 2.0 points until" in text
    assert found["rivals_tried"] == len(found["rival_verdicts"]) > 1
    with second.context.store() as store:
        assert [row.verdict is not None for row in store.evaluations("accuracy")] == [True, True]
        again = collect(second.context.task, store, second.run.id)
    assert again["verdict"] == found["verdict"]
