"""Tasks of kind `extract`: from the files of the task to its report."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from distill import pipeline
from distill.cli import cli
from distill.core.dataset import Candidate, Example, LabelledExample, SplitExample
from distill.core.errors import InputError
from distill.core.evaluation import Prediction
from distill.core.requests import Endpoint, Model
from distill.core.workspace import Workspace
from distill.curate import answer_format as form
from distill.curate import balance
from distill.curate.context import CheckContext
from distill.curate.masking import masked
from distill.curate.pii import TORN, check
from distill.estimate.run_start import RunOptions
from distill.llm.student_endpoint import curl_line
from distill.pricing.token_prices import MachinePrice
from distill.rehearsal.rehearse import RehearsalOptions, rehearse
from distill.report.memorisation import memorised_values
from distill.store import open_store
from distill.task import Task
from distill.task.groups import group_shares
from distill.task.kinds.extract import Fields
from distill.task.loading import load_task
from tests.conftest import write_files
from tests.support.figures import figures
from tests.support.standin import BOOKING, StandIn
from tests.support.teachers import ANTHROPIC_NOW

Row = tuple[str, dict[str, Any]]
SEEDS: list[Row] = [
    *((f"hi, people is {n}, day is mon{n}", {"people": n, "day": f"mon{n}"}) for n in range(3)),
    *((f"book it, name is smith{n}", {"name": f"smith{n}"}) for n in range(3)),
    ("is the kitchen still open", {}),
    ("do you have parking", {}),
]
GOLD: list[Row] = [
    ("could we come, day is MON7 and people is 4", {"people": 4, "day": "mon7"}),
    ("another evening, day is tue2", {"day": "tue2"}),
    ("please, name is jones", {"name": "jones"}),
    ("this one says name is wrong", {"name": "says"}),
    ("the two of us, day is fri1", {"day": "fri1", "people": 2}),
    ("may dogs come in", {}),
]
NULLABLE = {"anyOf": [{"type": "string"}, {"type": "null"}]}
TASK = """name = "bookings"
kind = "extract"
description = "Take a booking out of a message."
[teacher]
few_shot = 2
[generate]
requests = 30
seeds_shown = 2
[curate]
min_words = 2
"""


def rows(rows: list[Row]) -> str:
    return "".join(json.dumps({"input": text, "answer": answer}) + "\n" for text, answer in rows)


def write(workspace: Workspace, **changes: str) -> Task:
    texts = {
        "task_toml": TASK,
        "schema_json": json.dumps(BOOKING),
        "synthesize_md": "With {{ names }}:\n{% for seed in seeds %}\n- {{ seed.input }}\n"
        "{% endfor %}\n-\n",
        "answer_md": "{% for seed in seeds %}\n{{ seed.input }} -> {{ seed.answer }}\n"
        "{% endfor %}\n{{ input }} ->\n",
        "student_md": "Which booking?\n",
        "seeds_jsonl": rows(SEEDS),
        "gold_jsonl": rows(GOLD),
    }
    write_files(workspace.prompts / "bookings", texts | changes)
    return load_task(workspace.prompts, "bookings")


def options(workspace: Workspace) -> list[str]:
    return ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]


@pytest.mark.usefixtures("drawn_charts")
def test_a_run_ends_in_a_report_with_fields(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    write(workspace)
    outcome = pipeline.run(workspace, "bookings")
    found = figures(outcome.context.folder)
    assert [row["name"] for row in found["systems"]] == [
        *("teacher", "student", "base", "base_few_shot", "linear_seeds", "linear")
    ]
    student = next(row for row in found["systems"] if row["name"] == "student")
    # By hand: "says" for "wrong" has nothing right, {day} for {day, people} has F1 2 · 1 ÷ 3.
    assert student["metric"] == "field_f1"
    assert student["value"] == pytest.approx((4 + 0 + 2 / 3) / 6)
    assert student["exact_match"]["value"] == pytest.approx(4 / 6)
    assert (student["filled"]["n"], student["empty"]["n"]) == (5, 1)
    assert student["filled"]["value"] == pytest.approx((3 + 2 / 3) / 5)
    assert student["empty"]["value"] == student["valid_rate"] == 1.0
    assert student["ci_low"] < student["value"] < student["ci_high"]
    assert "macro_f1" not in student and "labels" not in found
    assert "mcnemar_p" not in student["to_base"]
    by_field = {row["field"]: row["student"] for row in found["fields"]}
    assert by_field["name"] == {
        **{"n": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5},
        **{"wrong": 1, "missing": 0, "too_many": 0},
    }
    assert by_field["people"]["missing"] == 1 and by_field["day"]["f1"] == 1.0
    assert found["mistakes"] == {"worst": 0, "better": 0, "both_wrong": 2}
    assert found["memorised"]["value"] == 0.0
    assert {row["label"] for row in found["data"]["spread"]} >= {"people, day", "name", "nothing"}
    assert "agreement: another answer than asked for" in found["data"]["dropped"]
    assert "field F1" in found["headline"] or "as well as the teacher" in found["headline"]
    for name in ("report.full.md", "report.html", "student/README.md"):
        text = (outcome.context.folder / name).read_text(encoding="utf-8")
        assert "field F1" in text, name


def test_an_answer_that_is_no_object_counts_as_wrong_and_as_invalid(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    gold = [("we break off, people is 4", {"people": 4}), ("please break off, people is none", {})]
    write(workspace, gold_jsonl=rows(gold))
    found = figures(pipeline.run(workspace, "bookings").context.folder)
    assert {row["n"] for row in found["systems"]} == {2}
    models = [row for row in found["systems"] if not row["name"].startswith("linear")]
    assert {row["valid_rate"] for row in models} == {0.0}
    assert {row["value"] for row in models} == {0.0}
    assert found["systems"][0]["empty"]["value"] == 0.0, "a broken {} is no {}"
    assert found["mistakes"] == {"worst": 0, "better": 0, "both_wrong": 2}
    people = next(row for row in found["fields"] if row["field"] == "people")
    assert people["student"]["missing"] == 1 and people["student"]["too_many"] == 0


@pytest.mark.usefixtures("drawn_charts")
@pytest.mark.parametrize("gold", [[GOLD[0]], [("may dogs come in", {})]])
def test_little_gold_gives_a_report_all_the_same(
    workspace: Workspace, scripted_backends: StandIn, gold: list[Row]
) -> None:
    write(workspace, gold_jsonl=rows(gold))
    found = figures(pipeline.run(workspace, "bookings").context.folder)
    student = next(row for row in found["systems"] if row["name"] == "student")
    assert student["value"] == 1.0 and student["n"] == len(gold)
    assert "filled" not in student, "there are no two sorts of rows"


def test_what_the_student_learns_is_compact_json_in_the_order_of_the_schema(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    write(workspace)
    folder = pipeline.run(workspace, "bookings", RunOptions("train")).context.folder
    learned = (folder / "student" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    answers = {json.loads(line)["messages"][-1]["content"] for line in learned}
    assert {'{"people":1,"day":"mon1"}', "{}"} <= answers


def test_a_killed_run_asks_nothing_twice(workspace: Workspace, scripted_backends: StandIn) -> None:
    write(workspace)
    pipeline.run(workspace, "bookings")
    asked = scripted_backends.total
    pipeline.run(workspace, "bookings", RunOptions(new=True))
    assert scripted_backends.total == asked


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"schema_json": "{"}, r"schema.json:1: not valid JSON"),
        ({"schema_json": "[]"}, r"schema.json: must be a JSON Schema of an object"),
        ({"schema_json": '{"type": "object", "properties": {}}'}, "at least one of"),
        (
            {"schema_json": '{"type": "object", "properties": {"a": {"type": "strange"}}}'},
            "schema.json: properties: a: type: 'strange' is not valid",
        ),
        (
            {"schema_json": json.dumps(BOOKING).replace('"case"', '"Case"')},
            "x-normalize: unknown 'Case'; known: whitespace, case, number, date",
        ),
        (
            {"seeds_jsonl": rows([("four of us", {"people": "four"})])},
            r"seeds.jsonl:1: answer: people: 'four' is not of type 'integer'",
        ),
        (
            {"seeds_jsonl": rows([("it is for Ann", {"name": "Bob"})])},
            r"seeds.jsonl:1: answer: name: is not in the input word for word",
        ),
        (
            {"schema_json": json.dumps(BOOKING).replace('"integer"', '"integer", "$ref": "#"')},
            "ref",
        ),
        ({"gold_jsonl": '{"input": "x y"}\n'}, r'gold.jsonl:1: "answer" is missing: add it'),
        ({"seeds_jsonl": ""}, r"seeds.jsonl is empty"),
        (
            {"task_toml": TASK + '[labels]\na = "A"\n'},
            "labels: remove them; an extract task has fields instead",
        ),
        (
            {"reviews_jsonl": '{"input": "x y", "answer": {"people": "many"}}\n'},
            r"reviews.jsonl:1: answer: people: 'many' is not of type 'integer'",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(
    workspace: Workspace, changes: dict[str, str], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        write(workspace, **changes)


def test_without_a_schema(workspace: Workspace) -> None:
    write(workspace)
    (workspace.prompts / "bookings" / "schema.json").unlink()
    with pytest.raises(InputError, match=r"schema\.json is missing"):
        load_task(workspace.prompts, "bookings")


def test_an_edited_schema_is_another_task(workspace: Workspace) -> None:
    before = write(workspace).hash
    assert (
        write(
            workspace,
            schema_json=json.dumps(BOOKING | {"required": ["day"]}, indent=1).replace(
                '"required": [\n  "day"\n ]', '"required": []'
            ),
        ).hash
        != before
    )


@ANTHROPIC_NOW
def test_a_rehearsal_goes_the_whole_way(
    workspace: Workspace,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    teacher: str,
) -> None:
    """The stand-ins of both providers refuse a schema that the real ones would."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    write(workspace, task_toml=TASK.replace("few_shot = 2", "few_shot = 2\nrationale = true"))
    done = rehearse(workspace, "bookings", RehearsalOptions(teacher, "online"))
    assert done.agrees and done.bill.usd > 0
    found = figures(done.outcome.context.folder)
    assert found["data"]["kept"] > 0
    by_name = {row["name"]: row for row in found["systems"]}
    assert by_name["teacher"]["valid_rate"] == 1.0


def test_a_schema_of_pydantic_goes_through_a_run(
    workspace: Workspace, scripted_backends: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    place = {"type": "object", "properties": {"city": {"type": "string"}, "zip": NULLABLE}}
    place |= {"required": ["city", "zip"], "title": "Place"}
    parts = BOOKING["properties"] | {"at": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}]}}
    schema = {"type": "object", "properties": parts, "$defs": {"Place": place}}
    seeds: list[Row] = [*SEEDS, ("we are in Rome", {"at": {"zip": None, "city": "Rome"}})]
    write(workspace, schema_json=json.dumps(schema), seeds_jsonl=rows(seeds))
    done = rehearse(
        workspace, "bookings", RehearsalOptions("openai:gpt-6-luna", "online", until="generate")
    )
    assert done.agrees
    with open_store(done.outcome.context.database) as store:
        answers = [row.answer for row in store.candidates(done.outcome.run.id)]
    assert '{"at":{"city":"Rome","zip":null}}' in answers


def test_a_value_that_was_learned_and_does_not_stand_in_the_message_is_memorised() -> None:
    form = Fields(BOOKING)
    learned = [SplitExample(Example("e", "x", '{"people":2,"day":"mon1"}', "inputs"), "train")]
    texts = {
        "we come, day is tue2": '{"day":"mon1"}',  # learned, and not in the message
        "we come, day is mon1": '{"people":2,"day":"mon1"}',  # people: learned, and not there
        "we 2 come": '{"people":2}',  # in the message
        "all of us come": '{"people":9}',  # invented, not learned
        "we come": '{"people":',
    }
    gold = [LabelledExample(text, "{}", "gold.jsonl", n) for n, text in enumerate(texts)]
    answers = [
        Prediction("student", row.id, texts[row.input], form.is_valid(texts[row.input]), 0.1)
        for row in gold
    ]
    found = memorised_values(form, gold, answers, learned, 0.95)
    assert (found["n"], found["value"]) == (5, 0.4)
    assert [row["values"] for row in found["examples"]] == [['day: "mon1"'], ["people: 2"]]


def test_a_field_with_few_values_is_never_memorised() -> None:
    parts = {
        "urgent": {"type": ["boolean", "null"]},
        "kinds": {"type": "array", "items": {"enum": ["a", "b"]}},
        "mood": {"anyOf": [{"enum": ["good"]}, {"type": "null"}]},
        "from": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
    form = Fields({"type": "object", "properties": parts})
    answer = '{"urgent":true,"kinds":["b"],"mood":"good","from":{"city":"Rome"}}'
    learned = [SplitExample(Example("e", "x", answer, "inputs"), "train")]
    gold = [LabelledExample("we come", "{}", "gold.jsonl", 1)]
    said = [Prediction("student", gold[0].id, answer, valid=True, latency_s=0.1)]
    (row,) = memorised_values(form, gold, said, learned, 0.95)["examples"]
    assert row["values"] == ['from.city: "Rome"']


def test_nothing_to_find_is_said_in_more_ways_than_one(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    """A gold row of nulls has its fields, and nothing in them."""
    schema = BOOKING | {
        "properties": {
            name: part | {"type": [part["type"], "null"]}
            for name, part in BOOKING["properties"].items()
        }
    }
    nothing: Row = ("do you have a garden", {"day": None, "people": None, "name": None})
    gold = [GOLD[0], nothing]
    task = write(
        workspace,
        schema_json=json.dumps(schema | {"required": ["day"]}),
        gold_jsonl=rows(gold),
        seeds_jsonl=rows([(text, {"day": None} | answer) for text, answer in SEEDS]),
    )
    assert task.gold[1].answer == '{"day":null}'
    systems = figures(pipeline.run(workspace, "bookings").context.folder)["systems"]
    assert (systems[0]["filled"]["n"], systems[0]["empty"]["n"]) == (1, 1)


def test_the_curl_line_holds_the_student_to_the_schema(workspace: Workspace) -> None:
    task = write(workspace)
    price = MachinePrice(Decimal(1), 1)
    line = curl_line(task, Endpoint("http://127.0.0.1:1/v1", Model("m", None, "chat"), 1, price))
    body = json.loads(line.partition(" -d '")[2].removesuffix("'"))
    assert body["structured_outputs"] == {"json": json.loads(task.form.schema_text)}
    assert body["max_tokens"] >= len('{"people":1,"day":"mon1"}')


def made(text: str, answer: dict[str, Any]) -> Candidate:
    return Candidate(text, None, (json.dumps(answer, separators=(",", ":")),), "synthesis", "r")


def test_personal_data_is_the_same_in_input_and_answer(workspace: Workspace) -> None:
    task = write(workspace)
    booked = made("for jane.roe@corp.com, people is 2", {"people": 2, "name": "jane.roe@corp.com"})
    text, answer = masked(booked, task)
    assert "jane.roe" not in text + answer
    assert json.loads(answer)["name"] in text and json.loads(answer)["people"] == 2
    assert check(list[Candidate]([booked]), CheckContext(task)) == []


def test_an_answer_that_cannot_be_taken_out_of_the_masked_input_goes(workspace: Workspace) -> None:
    task = write(workspace)
    torn = made("book for jane.roe@corp.com", {"name": "jane.roe"})
    plain = made("book for jane", {"name": "jane"})
    (drop,) = check([torn, plain], CheckContext(task))
    assert (drop.candidate_id, drop.reason) == (torn.id, TORN)


def test_a_value_that_is_not_in_the_input_goes(workspace: Workspace) -> None:
    rows = [
        made("two words here", {"name": "jones"}),
        made("jones is here", {"name": "jones"}),
        made("no object at all", {"people": "x"}),
    ]
    reasons = {
        drop.candidate_id: drop.reason for drop in form.check(rows, CheckContext(write(workspace)))
    }
    assert reasons == {
        rows[0].id: "has a value that is not in the input",
        rows[2].id: "does not fit the schema",
    }


def test_fields_together_that_no_seed_has_are_a_group_of_their_own(workspace: Workspace) -> None:
    task = write(workspace, task_toml=TASK + 'balance = "inputs"\n')
    both = made("people is 2, name is ann", {"people": 2, "name": "ann"})
    rows = [replace(both, source="inputs", origin=str(n)) for n in range(4)]
    shares = group_shares(rows, task)
    assert shares["people, name"] == 5 / 8 and sum(shares.values()) == 1
    assert len(balance.check(rows, CheckContext(task))) == 1, "5/8 of the four, rounded up, stay"


def test_decisions_on_objects_come_back(
    workspace: Workspace, scripted_backends: StandIn, tmp_path: Path
) -> None:
    task = write(workspace)
    pipeline.run(workspace, "bookings", RunOptions("curate"))
    with open_store(workspace.database("bookings")) as store:
        made = [r for r in store.candidates(store.runs()[-1].id) if r.source == "synthesis"]
    decided = tmp_path / "decided.csv"
    good, bad = """{""people"":3}""", "{people}"
    for label, failure in ((bad, InputError), (good, type(None))):
        decided.write_text(
            f'id,decision,label\n{made[0].id},correct,"{label}"\n{made[1].id},reject,\n'
        )
        command = ["review", "bookings", "--import", str(decided)]
        result = CliRunner().invoke(cli, [*options(workspace), *command])
        assert isinstance(result.exception, failure), result.output
    reviews = load_task(workspace.prompts, "bookings").reviews
    assert [row.answer for row in reviews] == ['{"people":3}', None]
    assert task.reviews == ()
