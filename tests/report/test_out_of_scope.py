"""The rates of what is forced into a label and of what is turned away, against known tables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from distill.core.evaluation import Prediction
from distill.core.workspace import Workspace
from distill.evaluate.statistics import wilson_interval
from distill.report.decision.commonest import commonest_mistakes
from distill.report.loaded import LoadedResults
from distill.report.out_of_scope import out_of_scope_figures
from distill.task import Task
from tests.conftest import WriteTask
from tests.support.figures import figures
from tests.support.out_of_scope import FILES, HEAD, OTHER
from tests.support.runs import finished
from tests.support.standin import StandIn

INVALID = "?"
INSIDE, OUTSIDE = 14, 17  # gold rows of the labels, and of `nothing`


Said = Mapping[str, tuple[Sequence[str], Sequence[str]]]  # system → answers outside and inside


def answers(task: Task, system: str, outside: Sequence[str], inside: Sequence[str]) -> Any:
    """Predictions: the first rows of `nothing` and of the labels get these answers, all others
    the right one."""
    said = {OTHER: iter(outside), "": iter(inside)}
    for row in task.gold:
        answer = next(said[row.answer if row.answer == OTHER else ""], row.answer)
        yield Prediction(system, row.id, answer, answer != INVALID, 0.0)


def results(task: Task, said: Said) -> LoadedResults:
    predictions = {name: list(answers(task, name, *rows)) for name, rows in said.items()}
    return LoadedResults(predictions, {}, {}, {}, {})


def rates(found: Any) -> dict[str, tuple[float, int, float, int]]:
    return {
        row["name"]: (
            *(row["false_accepts"][key] for key in ("value", "n")),
            *(row["false_rejects"][key] for key in ("value", "n")),
        )
        for row in found["out_of_scope"]["systems"]
    }


def test_known_tables_give_the_right_rates(pets: WriteTask) -> None:
    task = pets(**FILES)
    found = out_of_scope_figures(
        task,
        results(
            task,
            {
                "student": (["cats"] * 8 + ["dogs"], [OTHER, "dogs", OTHER, "birds", OTHER]),
                "teacher": ([INVALID, INVALID, "cats"], [INVALID, "dogs"]),
                "base": ([], [OTHER] * INSIDE),
            },
        ),
    )
    assert found["out_of_scope"]["label"] == OTHER
    assert rates(found) == {
        "teacher": (1 / OUTSIDE, OUTSIDE, 0.0, INSIDE),
        "student": (9 / OUTSIDE, OUTSIDE, 3 / INSIDE, INSIDE),
        "base": (0.0, OUTSIDE, 1.0, INSIDE),
    }
    student = next(row for row in found["out_of_scope"]["systems"] if row["name"] == "student")
    wilson = wilson_interval([1.0] * 9 + [0.0] * 8, task.spec.evaluate.confidence)
    assert student["false_accepts"] == {"n": OUTSIDE} | wilson.figures


def compared(task: Task, student: int, teacher: int) -> Any:
    """`student_forces` if the first rows of `nothing` are forced into a label."""
    said: Said = {"student": (["cats"] * student, []), "teacher": (["cats"] * teacher, [])}
    return out_of_scope_figures(task, results(task, said))["out_of_scope"]["student_forces"]


@pytest.mark.parametrize(
    ("student", "teacher", "more"),
    [(9, 1, True), (3, 1, False), (1, 1, False), (1, 9, False)],
)
def test_more_is_forced_only_if_the_interval_shows_it(
    pets: WriteTask, student: int, teacher: int, *, more: bool
) -> None:
    found = compared(pets(**FILES), student, teacher)
    assert found["than"] == "teacher"
    assert found["difference"] == pytest.approx((student - teacher) / OUTSIDE)
    assert found["ci_low"] <= found["difference"] <= found["ci_high"]
    assert found["more"] is (found["ci_low"] > 0) is more


def test_the_model_of_today_is_what_the_student_is_compared_with(pets: WriteTask) -> None:
    named = 'baselines = ["openai:gpt-6-luna"]\n[today]\nmodel = "openai:gpt-6-luna"\n'
    task = pets(**FILES | {"task_toml": f"{HEAD}[evaluate]\n{named}"})
    said: Said = {"student": (["cats"] * 9, []), "teacher": ([], [])}
    today: Said = {"openai:gpt-6-luna": (["cats"] * 9, [])}
    forces = out_of_scope_figures(task, results(task, {**said, **today}))["out_of_scope"]
    assert (forces["student_forces"]["than"], forces["student_forces"]["more"]) == (
        "openai:gpt-6-luna",
        False,
    )
    teacher = out_of_scope_figures(task, results(task, said))["out_of_scope"]["student_forces"]
    assert (teacher["than"], teacher["more"]) == ("teacher", True), "today's is not compared"


def test_gold_without_rows_of_a_side_has_no_rate_of_it(pets: WriteTask) -> None:
    task = pets(**FILES)
    for side, absent in ((OTHER, "false_rejects"), ("", "false_accepts")):
        gold = tuple(row for row in task.gold if (row.answer == OTHER) == (side == OTHER))
        part = replace(task, gold=gold)
        said: Said = {"student": ([], []), "teacher": ([], [])}
        found = out_of_scope_figures(part, results(part, said))["out_of_scope"]
        assert all(absent not in row and len(row) == 2 for row in found["systems"])
        assert ("student_forces" in found) == (side == OTHER)


def test_a_task_without_the_label_has_no_such_figures(pets: WriteTask) -> None:
    assert out_of_scope_figures(pets(), LoadedResults({}, {}, {}, {}, {})) == {}


def test_a_run_ends_in_a_report_with_the_rates(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    """The models' rules are in `tests.support.out_of_scope`: the student forces the 10 messages
    that only the teacher is told about, and both force 2 and turn 2 away."""
    pets(**FILES)
    outcome = finished(workspace, "pets")
    folder = outcome.context.folder
    found = figures(folder)
    known = rates(found)
    assert known["teacher"] == (2 / OUTSIDE, OUTSIDE, 2 / INSIDE, INSIDE)
    assert known["student"] == (12 / OUTSIDE, OUTSIDE, 2 / INSIDE, INSIDE)
    assert {"linear", "base"} <= set(known), "every system has its rates"
    assert [row["name"] for row in found["systems"]] == list(known)
    forces = found["out_of_scope"]["student_forces"]
    assert (forces["than"], forces["more"]) == ("teacher", True)
    assert forces["difference"] == pytest.approx(10 / OUTSIDE)
    first = "It forces 71 % of “nothing” into a label, today's model only 12 %"
    assert commonest_mistakes(found)[0] == first
    assert found["decision"]["wrong"][0] == first
    markdown = (folder / "report.full.md").read_text(encoding="utf-8")
    assert "## Out of scope" in markdown
    (row,) = (line for line in markdown.splitlines() if line.startswith("| student | 70.6 % of 17"))
    assert row.count("|") == 6 and "| 14.3 % of 14 |" in row
    assert "minus what teacher does: +58.8 (" in markdown and "points, surely more." in markdown
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<h4>Out of scope</h4>" in page and "70.6 % of 17" in page
    assert first.replace("'", "&#39;") in page


def test_the_page_of_a_task_without_it_has_no_such_table(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    folder = finished(workspace, "pets").context.folder
    assert "out_of_scope" not in figures(folder)
    assert "Out of scope" not in (folder / "report.html").read_text(encoding="utf-8")
    assert "## Out of scope" not in (folder / "report.full.md").read_text(encoding="utf-8")


def test_a_student_that_forces_no_more_is_not_named_for_it(pets: WriteTask) -> None:
    found = {"labels": [], "out_of_scope": {"student_forces": {"more": False}}}
    assert commonest_mistakes(found) == []
