"""The decision of a report: one verdict of six, in words for whoever pays."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from distill import pipeline
from distill.core.numbers import dollars, latency, percent, span
from distill.core.requests import Usage
from distill.core.workspace import Workspace
from distill.report.decision import BADGES, decision_figures
from distill.report.render import html, summary
from tests.conftest import WriteTask, jsonl, pet_rows
from tests.support.decisions import CASES, Case, Figures, figures_of, inventing
from tests.support.standin import StandIn

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture
def figures(case: Case, workspace: Workspace, pets: WriteTask) -> Any:
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[: case.rows])}
    return figures_of(case, workspace, pets, rows)


@every_case
def test_each_run_ends_in_its_verdict(case: Case, figures: Any) -> None:
    found = figures["decision"]
    assert found["verdict"] == case.verdict
    assert found["badge"] == BADGES[case.verdict]
    assert [tile["value"] for tile in found["tiles"]][1:2] == ([case.saved] if case.saved else [])


@every_case
def test_the_first_screen_has_few_words_and_numbers(case: Case, figures: Any) -> None:
    found = figures["decision"]
    assert len(found["title"].split()) <= 12
    above = " ".join((figures["task"], found["badge"], found["title"], found["why"]))
    assert len(above.split()) <= 45 and len(re.findall(r"\d[\d,.]*", above)) <= 8
    assert len(found["next"]) in (1, 2) and len(found["options"]) <= 6
    assert not re.search(r"\d{5}", " ".join([above, *map(str, found["tiles"])]))


@every_case
def test_the_summary_fits_a_pull_request(case: Case, figures: Any) -> None:
    lines = summary(figures).splitlines()
    assert len(lines) <= 25 and figures["decision"]["title"] in summary(figures)
    assert sum(line.startswith("|") for line in lines) == (
        len(figures["decision"]["options"]) + 2 if figures["decision"]["options"] else 0
    )


def test_the_saving_is_against_the_model_that_does_the_job_today(
    workspace: Workspace, pets: WriteTask
) -> None:
    """1,000 tokens in and 10 out at $1 and $5 a million are $0.00105: $319 a month."""
    terra = '[prices."gpt-6.1-terra"]\ninput = 1\noutput = 5\n'
    given = '[today]\nmodel = "openai:gpt-6.1-terra"\n'
    tokens = "prompt_tokens = 1000\ncompletion_tokens = 10\n"
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[:240])}
    found = figures_of(CASES[0], workspace, pets, rows, more=given + tokens + terra)
    assert found["break_even"]["today"]["usd_per_1k_requests"] == "1.05"
    assert found["break_even"]["monthly_saving_usd"] == "246.38"
    assert [tile["value"] for tile in found["decision"]["tiles"]][1] == "$246 / month"
    assert found["decision"]["options"][0] == {
        **{"system": "today", "name": "Today's model", "origin": "gpt-6.1-terra"},
        **{"as_good": "not tested", "usd_per_month": "$319", "latency": "not measured"},
    }
    assert found["decision"]["verdict"] == "not_proven", "nobody compared today's model"
    assert "would save $246 a month" in found["decision"]["why"]
    assert "evaluate.baselines" in found["decision"]["next"][0]["do"]
    assert "not measured" in html(found) and "as good as the teacher?" in summary(found)


@pytest.mark.parametrize(("today", "verdict"), [(90, "switch"), (92, "switch"), (99, "not_proven")])
def test_todays_model_is_compared_where_the_task_names_it(
    today: int, verdict: str, workspace: Workspace, pets: WriteTask
) -> None:
    """The student is right on 92 of 100 messages, and 2 points less are allowed."""
    terra = '[prices."gpt-6.1-terra"]\ninput = 1\noutput = 5\n'
    given = '[today]\nmodel = "openai:gpt-6.1-terra"\n'
    compared = '[evaluate]\nbaselines = ["openai:gpt-6.1-terra"]\n'
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[:240])}
    case = replace(CASES[0], named={"openai:gpt-6.1-terra": (today, Usage(1000, 10))})
    found = figures_of(case, workspace, pets, rows, more=given + compared + terra)
    assert found["break_even"]["today"]["compared"] == "openai:gpt-6.1-terra"
    assert found["decision"]["verdict"] == verdict
    assert found["break_even"]["today"]["usd_per_1k_requests"] == "1.05", "as measured"


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("accuracy", "right on 92 % of messages, today's model on 99 %"),
        ("field_f1", "scores 92 % on the fields, today's model 99 %"),
        ("win_rate", "wins 92 % of comparisons with the teacher, today's model 99 %"),
    ],
)
def test_todays_model_is_told_in_the_words_of_the_metric(
    metric: str, said: str, workspace: Workspace, pets: WriteTask
) -> None:
    def of_metric(found: Figures) -> Figures:
        return {**found, "systems": [row | {"metric": metric} for row in found["systems"]]}

    terra = '[prices."gpt-6.1-terra"]\ninput = 1\noutput = 5\n'
    given = '[today]\nmodel = "openai:gpt-6.1-terra"\n'
    compared = '[evaluate]\nbaselines = ["openai:gpt-6.1-terra"]\n'
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[:240])}
    named = {"openai:gpt-6.1-terra": (99, Usage(1000, 10))}
    case = replace(CASES[0], named=named, change=of_metric)
    found = figures_of(case, workspace, pets, rows, more=given + compared + terra)
    assert said in found["decision"]["why"]


def test_without_tokens_of_its_own_todays_model_has_the_teachers(
    workspace: Workspace, pets: WriteTask
) -> None:
    given = '[today]\nmodel = "openai:gpt-6-luna"\n'
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[:240])}
    found = figures_of(CASES[0], workspace, pets, rows, more=given)["break_even"]["today"]
    assert (found["prompt_tokens"], found["completion_tokens"]) == (1200, 5)


def test_a_rival_that_is_dearer_than_todays_model_is_not_advised(
    workspace: Workspace, pets: WriteTask
) -> None:
    """The teacher costs $167 a month and today's model $10: the student saves nothing."""
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[:240])}
    tokens = "prompt_tokens = 300\ncompletion_tokens = 8\n"
    given = f'[today]\nmodel = "openai:gpt-6-luna"\n{tokens}'
    found = figures_of(CASES[0], workspace, pets, rows, more=given)
    assert found["decision"]["verdict"] == "dont_switch"
    assert "$73 instead of $10 a month" in found["decision"]["why"]


@pytest.mark.parametrize(
    ("student", "verdict", "why"),
    [
        (
            99,
            "switch",
            "The trained model is right on 99 % of messages, today's model on 90 %, the simple "
            "classifier on 91 %. It saves $94 a month.",
        ),
        (
            95,
            "use_cheaper",
            "It is right on 91 % of messages, today's model on 90 %. The trained model gets 95 %, "
            "a lead that may be within the loss you allow.",
        ),
    ],
)
def test_a_free_rival_must_lose_more_than_the_margin_to_be_passed_over(
    student: int, verdict: str, why: str, workspace: Workspace, pets: WriteTask
) -> None:
    """2 points are allowed; the leads of 8 and 4 points begin at 4.6 and 1.5."""
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[:240])}
    found = figures_of(replace(CASES[0], free=91, student=student), workspace, pets, rows)
    assert (found["decision"]["verdict"], found["decision"]["why"]) == (verdict, why)
    assert found.get("beaten", []) == (["embeddings_seeds"] if verdict == "switch" else [])
    assert ("beats it by more than the margin (+7.9" in found["headline"]) == (verdict == "switch")


def test_a_rival_that_is_beaten_is_used_while_the_student_does_not_pay(
    workspace: Workspace, pets: WriteTask
) -> None:
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[:240])}
    found = figures_of(replace(CASES[5], free=91, student=99), workspace, pets, rows)
    assert found["decision"]["verdict"] == "use_cheaper" and "beaten" not in found
    assert found["decision"]["why"].endswith("gets 99 %, but does not pay for itself.")


def test_a_student_that_obeys_is_trained_against_it_first(
    workspace: Workspace, pets: WriteTask
) -> None:
    """The recorded student learnt no injected rows; with them the examples must get better."""
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[:240])}
    found = figures_of(CASES[1], workspace, pets, rows)
    first, _ = found["decision"]["next"]
    assert "student.injected_share" in first["do"]
    assert first["command"] == "distill run pets --new"
    recipe = found["student"]["recipe"] | {"injected_rows": 5}
    again = decision_figures(found | {"student": found["student"] | {"recipe": recipe}}, {})
    first, _ = again["next"]
    assert "to prompts/pets/seeds.jsonl" in first["do"] and first["command"] == "distill run pets"


def test_a_difference_close_to_the_margin_asks_for_no_labels(
    workspace: Workspace, pets: WriteTask
) -> None:
    """Of 60 messages the student is right on 53 and the teacher on 54; 2 points are allowed."""
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[:60])}
    case = replace(CASES[3], student=88)
    found = figures_of(case, workspace, pets, rows)["decision"]
    assert found["title"] == "Not proven: the loss is close to the one you allow."
    assert "You allow 2 points less." in found["why"]
    assert "raise evaluate.margin" in found["next"][0]["do"]


def test_values_of_training_rows_are_the_biggest_risk(
    workspace: Workspace, pets: WriteTask
) -> None:
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[:240])}
    case = replace(CASES[0], change=inventing)
    risk = figures_of(case, workspace, pets, rows)["decision"]["tiles"][3]
    assert (risk["value"], risk["bad"]) == ("12 % invented", True)


def test_list_prices_are_of_this_traffic(workspace: Workspace, pets: WriteTask) -> None:
    """1,200 tokens in and 5 out: at $0.10 and $0.50 a million $0.1225 for 1,000, $37.26 a month."""
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[:240])}
    found = figures_of(CASES[0], workspace, pets, rows)["list_prices"]
    assert (found["prompt_tokens"], found["completion_tokens"]) == (1200, 5)
    models = {row["model"]: Decimal(row["usd_per_month"]) for row in found["models"]}
    assert round(models["gpt-6-luna"], 2) == Decimal("37.26")
    assert round(models["gpt-6-luna, decisions"], 2) == Decimal("36.50"), "output is free"
    assert list(models.values()) == sorted(models.values())


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (dollars, Decimal("0"), "$0"),
        (dollars, Decimal("0.0004"), "under 1 cent"),
        (dollars, Decimal("2.4"), "$2.40"),
        (dollars, Decimal("73.04"), "$73"),
        (dollars, Decimal("-5"), "-$5"),
        (dollars, Decimal("1234.5"), "$1,230"),
        (dollars, Decimal("9.999"), "$10"),
        (dollars, Decimal("12345678"), "$12.3 million"),
        (percent, 0.754, "75 %"),
        (percent, 0.999, "over 99 %"),
        (percent, 0.001, "under 1 %"),
        (percent, 1.0, "100 %"),
        (span, None, "never"),
        (span, 0.2, "within a day"),
        (span, 1.0, "after 1 day"),
        (span, 2.1, "after 3 days"),
        (span, 400.0, "after 14 months"),
        (span, 5000.0, "after 14 years"),
        (latency, 0.0004, "under 1 ms"),
        (latency, 0.0134, "13 ms"),
        (latency, 0.66, "0.7 s"),
        (latency, 12.3, "12 s"),
    ],
)
def test_numbers_have_at_most_three_digits_that_count(show: Any, value: Any, text: str) -> None:
    assert show(value) == text


def test_a_report_of_an_older_version_is_written_anew(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    path = pipeline.run(workspace, "pets").context.folder / "report.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    old = {key: value for key, value in whole.items() if key != "decision"}
    path.write_text(json.dumps(old), encoding="utf-8")
    asked = scripted_backends.total
    pipeline.run(workspace, "pets")
    assert json.loads(path.read_text(encoding="utf-8"))["decision"] == whole["decision"]
    assert scripted_backends.total == asked


def test_naming_todays_model_writes_the_report_anew(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    run = pipeline.run(workspace, "pets")
    toml = (workspace.prompts / "pets" / "task.toml").read_text(encoding="utf-8")
    pets(task_toml=toml + '\n[today]\nmodel = "openai:gpt-6-luna"\n')
    again = pipeline.run(workspace, "pets")
    assert (again.run.id, again.stages_run) == (run.run.id, ("report",))
    found = json.loads((again.context.folder / "report.json").read_text(encoding="utf-8"))
    assert found["break_even"]["today"]["model"] == "gpt-6-luna"
