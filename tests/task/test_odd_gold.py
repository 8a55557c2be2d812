"""Gold that is small, one-sided or odd is measured as what it is; answers that are none are wrong
and not valid, and never left out."""

from typing import Any

import pytest

from distill import pipeline
from distill.core.workspace import Workspace
from tests.conftest import WriteTask, jsonl, pet_rows
from tests.support.figures import figures
from tests.support.standin import StandIn

CATS = [row for row in pet_rows("gold", 5) if row["label"] == "cats"]


@pytest.mark.usefixtures("drawn_charts")
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(CATS[:1], id="one row"),
        pytest.param(CATS, id="one label"),
    ],
)
def test_odd_gold_ends_in_a_report_with_every_row(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    rows: list[dict[str, str]],
) -> None:
    pets(gold_jsonl=jsonl(rows))
    found: Any = figures(pipeline.run(workspace, "pets").context.folder)
    assert {system["n"] for system in found["systems"]} == {len(rows)}
    student = next(row for row in found["systems"] if row["name"] == "student")
    right = sum(row["label"] == "cats" for row in rows)
    assert student["value"] == pytest.approx(right / len(rows))
    assert 0 <= student["ci_low"] <= student["value"] <= student["ci_high"] <= 1
    assert found["verdict"]["result"] == "inconclusive", "so few rows show nothing"
    assert found["verdict"]["gold_needed"] > len(rows)


@pytest.mark.usefixtures("drawn_charts")
def test_answers_that_are_none_are_wrong_and_counted(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.support import standin

    honest = standin._response

    def silent_on_dogs(path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = honest(path, body)
        message = response["choices"][0].get("message")
        if message and "dog" in body["messages"][-1]["content"]:
            message["content"] = ""
        return response

    monkeypatch.setattr(standin, "_response", silent_on_dogs)
    pets(task_toml=pets().folder.joinpath("task.toml").read_text() + "[evaluate]\nparity = 0\n")
    found: Any = figures(pipeline.run(workspace, "pets").context.folder)
    student = next(row for row in found["systems"] if row["name"] == "student")
    assert (student["n"], student["valid_rate"], student["value"]) == (15, 2 / 3, 2 / 3)
    dogs = next(row for row in found["labels"] if row["label"] == "dogs")["student"]
    assert (dogs["recall"], dogs["taken_for"]) == (0.0, {"no label": 5})
