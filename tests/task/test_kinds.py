"""Forms of answers: one text for what is equal, what fits, what is sent to servers."""

import json
from typing import Any, Literal, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from distill.core.requests import Sampling
from distill.llm.providers.wire import answer_schema
from distill.rehearsal.provider.schemas import check_anthropic, check_openai
from distill.task.kinds.classify import Labels
from distill.task.kinds.extract import Fields
from distill.task.kinds.json_schema import inline, schema_problem
from distill.task.kinds.normalise import NORMALISERS
from distill.task.strict_schema import strict

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["total"],
    "properties": {
        "total": {"type": ["number", "null"], "x-normalize": "number"},
        "title": {"type": "string", "x-verbatim": True, "x-normalize": ["case", "whitespace"]},
        "tags": {"type": "array", "items": {"type": "string", "x-normalize": "case"}},
        "buyer": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "city": {"type": "string"}},
        },
    },
}
FORM = Fields(SCHEMA)


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        (
            {"anyOf": [{"$ref": "#/$defs/day"}, {"type": "null"}]},
            "$ref: this reference is not supported",
        ),
        ({"x-normalise": "case"}, "x-normalise: unknown; known: x-normalize, x-verbatim"),
        ({"x-normalize": {"case": True}}, "x-normalize: must be a name or a list of names"),
        ({"x-normalize": [["case"]]}, "x-normalize: unknown ['case']; known: whitespace"),
        ({"anyOf": [{"x-normalize": "case"}]}, "x-normalize: is only allowed in properties"),
        ({"x-verbatim": "yes"}, "x-verbatim: must be true or false, not 'yes'"),
        ({"items": {"x-verbatim": True}}, "x-verbatim: is only allowed in the properties"),
        ({"properties": {"x-mark": {"enum": ["$ref", {"x-any": 1}]}}}, ""),
        (True, "properties: 'field': a field needs a name without commas"),
    ],
)
def test_a_schema_that_would_not_do_what_it_says(part: object, problem: str) -> None:
    found = schema_problem({"type": "object", "properties": {"field": part}})
    assert found.startswith(problem) and bool(found) == bool(problem)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"title": "A", "total": 3}', '{"total":3,"title":"A"}'),
        (' {"total": null, "title": null}\n', '{"total":null}'),
        ('{"rationale": "so", "answer": {"total": 1}}', '{"total":1}'),
        (
            '{"total":1,"buyer":{"city":"ü","name":"n"}}',
            '{"total":1,"buyer":{"name":"n","city":"ü"}}',
        ),
        ("no object", "no object"),
        ('{"total": 1', '{"total": 1'),
        ('{"total": NaN}', '{"total": NaN}'),
        ('{"total":1e999}', '{"total":1e999}'),
        ("[1]", "[1]"),
    ],
)
def test_an_object_has_one_text(text: str, answer: str) -> None:
    assert FORM.of_text(text) == answer
    assert FORM.of_text(answer) == answer


@pytest.mark.parametrize(
    ("answer", "fits"),
    [
        ('{"total":1}', True),
        ('{"total":null,"tags":["a"]}', True),
        ('{"title":"a"}', False),
        ('{"total":"1"}', False),
        ('{"total":1,"tags":"a"}', False),
        ("[]", False),
        ("", False),
        ('{"total":' + "[" * 5000 + "]" * 5000 + "}", False),
    ],
)
def test_what_fits_the_schema(answer: str, fits: bool) -> None:
    assert FORM.is_valid(answer) is fits


def test_pairs_are_leaves_list_items_and_normalised() -> None:
    answer = FORM.of_row(
        {"total": 2.0, "title": " The  Best ", "tags": ["A", "a", "b"], "buyer": {"city": "Rom"}}
    )
    assert FORM.pairs(answer) == {
        ("total", "2"): 1,
        ("title", '"the best"'): 1,
        ("tags", '"a"'): 2,
        ("tags", '"b"'): 1,
        ("buyer.city", '"Rom"'): 1,
    }
    assert FORM.pairs('{"total":null}') == {}


def test_groups_are_the_fields_that_are_there() -> None:
    assert FORM.group('{"total":1,"tags":[]}') == "total, tags"
    assert Fields({"type": "object", "properties": {"a": {}}}).group("{}") == "nothing"
    assert Labels({"x": "X"}).group("x") == "x"


@pytest.mark.parametrize(
    ("text", "field"),
    [("the best of all", ""), ("THE   BEST", ""), ("the worst", "title")],
)
def test_verbatim_overlooks_case_and_white_space(text: str, field: str) -> None:
    assert FORM.not_verbatim(text, '{"total":1,"title":"The Best"}') == field


def test_a_number_can_stand_word_for_word_and_a_part_can_be_anything() -> None:
    form = Fields(
        {
            "type": "object",
            "properties": {
                "n": {"type": "integer", "x-verbatim": True},
                "any": {"type": "array", "items": True},
            },
        }
    )
    assert form.not_verbatim("we are 4", '{"n":4}') == ""
    assert form.not_verbatim("we are four", '{"n":4}') == "n"
    assert form.of_row({"any": [{"b": None, "a": 1}, 2]}) == '{"any":[{"a":1},2]}'
    assert form.pairs('{"any":[{"a":1.0},2]}') == {("any", '{"a":1}'): 1, ("any", "2"): 1}
    with pytest.raises(ValueError, match="NaN and Infinity are not valid JSON"):
        form.of_row({"any": [float("nan")]})


def test_servers_get_a_schema_without_what_is_ours() -> None:
    sent = json.loads(FORM.schema_text)
    assert "x-" not in FORM.schema_text and "$schema" not in sent
    assert list(sent["properties"]) == ["total", "title", "tags", "buyer"], "a field may be a title"
    assert sent["additionalProperties"] is False
    assert sent["properties"]["buyer"]["additionalProperties"] is False


def test_providers_get_every_field_required_and_null_for_what_may_be_missing() -> None:
    found = answer_schema(Sampling(9, schema=FORM.schema_text))
    assert found is not None
    assert found["required"] == ["total", "title", "tags", "buyer"]
    assert found["properties"]["total"] == {"type": ["number", "null"]}
    assert found["properties"]["title"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    buyer = found["properties"]["buyer"]["anyOf"][0]
    assert buyer["required"] == ["name", "city"]
    with_reasons = answer_schema(Sampling(9, schema=FORM.schema_text, rationale=True))
    assert with_reasons is not None and list(with_reasons["properties"]) == ["rationale", "answer"]
    rows = {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}
    inner = strict({"type": "object", "properties": {"rows": rows}})["properties"]["rows"]
    assert inner["anyOf"][0]["items"]["required"] == ["a"]


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=30)
    | st.from_regex(r"[0-9/\-. :a-zTZ]{0,20}")
)
def test_no_text_breaks_a_normaliser(text: str) -> None:
    for name, normalise in NORMALISERS.items():
        assert normalise(normalise(text)) == normalise(text), name


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("whitespace", "  a \n b ", "a b"),
        ("case", "ÄB", "äb"),
        ("number", "$1,250.00", "1250"),
        ("number", "1250", "1250"),
        ("number", "-0.50", "-0.5"),
        ("number", "12 %", "12%"),
        ("number", "0.0", "0"),
        ("number", "1,25", "1,25"),
        ("number", "four", "four"),
        ("number", "1 2", "1 2"),
        ("date", "2026-11-25", "2026-11-25"),
        ("date", "Nov 25, 2026", "2026-11-25"),
        ("date", "25 November 2026", "2026-11-25"),
        ("date", "03/04/2026", "2026-03-04"),
        ("date_dayfirst", "03/04/2026", "2026-04-03"),
        ("date_dayfirst", "2026-03-04", "2026-03-04"),
        ("date", "November 2026", "November 2026"),
        ("date", "tomorrow", "tomorrow"),
        ("date", "", ""),
        ("date", "99999999999999999999", "99999999999999999999"),
    ],
)
def test_what_means_the_same(name: str, text: str, same: str) -> None:
    assert NORMALISERS[name](text) == same
    assert NORMALISERS[name](same) == same


class Zip(BaseModel):
    """A part of an address."""

    code: str
    extension: Optional[str] = None  # noqa: UP045 - as people write it


class Address(BaseModel):
    """What may be missing as a whole."""

    street: str
    zip: Optional[str]  # noqa: UP045
    parts: list[list[Zip]] = []


class Order(BaseModel):
    """Every nested structure that pydantic writes."""

    address: Optional[Address] = None  # noqa: UP045
    other: Union[Address, Zip, None] = None  # noqa: UP007
    history: list[Address] = []
    kind: Literal["new", "old"] = "new"


def test_a_model_of_pydantic_works_from_its_schema_to_its_answers() -> None:
    schema = inline(Order.model_json_schema())
    assert schema_problem(schema) == ""
    form = Fields(schema)
    sent = strict(json.loads(form.schema_text))
    check_openai(sent, "answer", tuned=False)
    check_anthropic(sent)
    row = {
        "address": {"parts": [[{"extension": None, "code": "1"}]], "zip": None, "street": "Main 4"},
        "other": {"extension": None, "code": "9"},
        "history": [{"zip": "1", "street": "Side 2", "parts": []}],
    }
    answer = form.of_row(row)
    assert json.loads(answer) == {
        "address": {"street": "Main 4", "zip": None, "parts": [[{"code": "1"}]]},
        "other": {"code": "9"},
        "history": [{"street": "Side 2", "zip": "1", "parts": []}],
    }
    assert list(json.loads(answer)["history"][0]) == ["street", "zip", "parts"]
    assert form.of_text(json.dumps(row)) == answer and form.is_valid(answer)


STREET = {
    "type": "object",
    "properties": {"street": {"type": "string"}, "zip": {"type": ["string", "null"]}},
    "required": ["street", "zip"],
}
LINE = {"type": "object", "properties": {"name": {"type": "string"}, "qty": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ({"anyOf": [STREET, {"type": "null"}]}, {"street": "M", "zip": None}),
        ({"oneOf": [{"type": "null"}, STREET]}, {"street": "M", "zip": None}),
        ({"anyOf": [{"oneOf": [STREET, LINE]}, {"type": "null"}]}, {"street": "M", "zip": None}),
        ({"type": ["object", "null"], **{k: STREET[k] for k in ("properties", "required")}}, None),
        ({"type": "array", "items": {"anyOf": [LINE, STREET]}}, [{"street": "M", "zip": None}]),
        ({"type": "array", "items": {"type": "array", "items": LINE}}, [[{"name": "a"}]]),
        ({"anyOf": [{"type": "array", "items": LINE}, LINE]}, [{"name": "a"}]),
        ({"properties": {"inner": {"items": LINE}}}, {"inner": [{"name": "a"}]}),
        ({"allOf": [STREET]}, {"street": "M", "zip": None}),
        ({"allOf": [STREET, LINE]}, {"street": "M", "zip": None, "name": "a"}),
        ({"anyOf": [{"allOf": [STREET]}, {"type": "null"}]}, {"street": "M", "zip": None}),
    ],
)
def test_nested_structures_are_sent_as_providers_take_them_and_read_back(
    part: dict[str, Any], value: object
) -> None:
    form = Fields({"type": "object", "properties": {"part": part}, "required": ["part"]})
    sent = strict(json.loads(form.schema_text))
    check_openai(sent, "answer", tuned=False)
    check_anthropic(sent)
    assert json.loads(form.of_row({"part": value})) == {"part": value}


def test_a_definition_that_refers_to_itself_is_refused() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}}}
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/tree"}},
        "$defs": {"tree": tree},
    }
    assert inline(schema) == schema
    assert schema_problem(inline(schema)).startswith("$ref: this reference is not supported")
