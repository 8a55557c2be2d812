"""What the stand-in takes and answers as OpenAI."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel

from distill.rehearsal.provider import StandIn
from tests.rehearsal.test_provider import (
    CHAT,
    FORMAT,
    LABELS,
    QUESTION,
    SCHEMA,
    openai_client,
    rehearsal,
)

OLD = {name: CHAT[name] for name in ("messages", "response_format")} | {"model": "gpt-4.1-mini"}


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with rehearsal(tmp_path_factory.mktemp("rehearsal")) as server:
        yield server


@pytest.fixture
def client(standin: StandIn) -> Iterator[openai.OpenAI]:
    with openai_client(standin) as made:
        yield made


def ask(client: openai.OpenAI, body: dict[str, Any]) -> Any:
    """Sends the body as it is, whatever the client thinks of it."""
    rest = {name: value for name, value in body.items() if name not in ("model", "messages")}
    missing: Any = openai.omit
    return client.chat.completions.create(
        model=body.get("model", missing), messages=body.get("messages", missing), extra_body=rest
    )


def form(schema: dict[str, Any], **changes: Any) -> dict[str, Any]:
    named: dict[str, Any] = FORMAT["json_schema"]  # type: ignore[assignment]
    return {"type": "json_schema", "json_schema": named | {"schema": schema} | changes}


def array(items: dict[str, Any], **bounds: int) -> dict[str, Any]:
    """A schema of an object that holds an array."""
    properties = {"items": {"type": "array", "items": items} | bounds}
    fixed = {"type": "object", "additionalProperties": False}
    return fixed | {"properties": properties, "required": ["items"]}


REFUSED = [
    ({"nonsense": 1}, "nonsense", "unknown_parameter"),
    ({"guided_choice": ["a"]}, "guided_choice", "unknown_parameter"),
    ({"messages": []}, "messages", "invalid_value"),
    ({"messages": "hello"}, "messages", "invalid_type"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
    ({"messages": [QUESTION | {"x": 1}]}, "messages[0].x", "unknown_parameter"),
    ({"max_completion_tokens": "5"}, "max_completion_tokens", "invalid_type"),
    ({"max_completion_tokens": True}, "max_completion_tokens", "invalid_type"),
    ({"max_completion_tokens": 0}, "max_completion_tokens", "invalid_value"),
    ({"max_completion_tokens": 10**6}, "max_completion_tokens", "invalid_value"),
    ({"temperature": 3}, "temperature", "invalid_value"),
    ({"n": 2}, "n", "invalid_value"),
    ({"stream": True}, "stream", "invalid_value"),
    ({"stop": ["a"] * 5}, "stop", "invalid_value"),
    ({"service_tier": "flex"}, "service_tier", "invalid_value"),
    ({"metadata": {}}, "metadata", "unknown_parameter"),
    ({"top_logprobs": 3}, "top_logprobs", None),
    ({"tools": []}, "tools", "unknown_parameter"),
    ({"stop": "x"}, "stop", "invalid_type"),
    ({"reasoning_effort": "minimal"}, "reasoning_effort", "unsupported_value"),
    ({"reasoning_effort": "much"}, "reasoning_effort", "invalid_value"),
    ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
    ({"response_format": {"type": "json_object"}}, "response_format.type", "invalid_value"),
    ({"response_format": None}, "response_format", "invalid_type"),
    ({"messages": [{"role": "user", "content": []}]}, "messages[0].content", "invalid_type"),
    ({"response_format": form(SCHEMA, name="a b")}, "response_format.json_schema.name", None),
]


@pytest.mark.parametrize(("changes", "param", "code"), REFUSED)
def test_what_it_does_not_know_is_refused(
    client: openai.OpenAI, standin: StandIn, changes: Any, param: str, code: str | None
) -> None:
    before = standin.bill()
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, CHAT | changes)
    assert (error.value.param, error.value.type) == (param, "invalid_request_error")
    assert code is None or error.value.code == code
    after = standin.bill()
    assert (after.usd, after.refused) == (before.usd, before.refused + 1)


@pytest.mark.parametrize("name", ["model", "messages"])
def test_what_is_missing_is_named(client: openai.OpenAI, name: str) -> None:
    body = {key: value for key, value in CHAT.items() if key != name}
    with pytest.raises(openai.BadRequestError, match=f"Missing required parameter: '{name}'"):
        ask(client, body)


def test_a_body_that_is_not_json_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="could not parse the JSON body"):
        client.post("/chat/completions", cast_to=object, content=b"{")


RULES = [
    ("gpt-6-luna", {"max_tokens": 5}, "max_tokens"),
    ("gpt-6-luna", {"temperature": 1}, "temperature"),
    ("gpt-6-luna", {"reasoning_effort": "low", "top_p": 0.5}, "top_p"),
    ("gpt-6-luna", {"logprobs": True}, "logprobs"),
    ("gpt-6.1-sol", {"reasoning_effort": "none"}, "reasoning_effort"),
    ("gpt-6.1-sol", {"temperature": 0}, "temperature"),
    ("gpt-4.1-mini", {"reasoning_effort": "low"}, None),
    ("gpt-4.1-mini", {"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens"),
    ("gpt-4o-mini", {"prompt_cache_options": {"mode": "explicit"}}, "prompt_cache_options"),
]


@pytest.mark.parametrize(("model", "changes", "param"), RULES)
def test_each_model_has_its_own_rules(
    client: openai.OpenAI, model: str, changes: Any, param: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, {"model": model, "messages": [QUESTION]} | changes)
    assert error.value.param == param


ALLOWED = [
    ("gpt-6-luna", {"reasoning_effort": "none", "temperature": 0.9, "top_p": 0.5}),
    ("gpt-6.1-terra", {"reasoning_effort": "max", "seed": 1}),
    ("gpt-6.1-sol", {"service_tier": "auto"}),
    ("gpt-4o-mini", {"max_tokens": 9, "temperature": 0, "stop": ["\n"], "n": 1}),
    ("gpt-4.1-mini-2025-04-14", {"max_completion_tokens": 9, "top_p": 1, "logprobs": True}),
]


@pytest.mark.parametrize(("model", "changes"), ALLOWED)
def test_what_a_model_takes_is_answered(client: openai.OpenAI, model: str, changes: Any) -> None:
    answer = ask(client, {"model": model, "messages": [QUESTION]} | changes)
    assert answer.model.startswith(model)
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content


BAD_SCHEMAS = [
    SCHEMA | {"additionalProperties": True},
    SCHEMA | {"required": []},
    SCHEMA | {"type": "array"},
    SCHEMA | {"allOf": []},
    array({"type": "string", "pattern": "a+"}),
    array({"type": "object", "properties": {}, "required": []}),
    array({"type": "thing"}),
    array({"type": {}}),
    array({"$ref": "#/$defs/none"}),
    array({"$ref": "#/properties/items/items"}),
    SCHEMA | {"properties": ["label"]},
    SCHEMA | {"required": "label"},
    SCHEMA | {"properties": {"label": {"type": "string", "enum": []}}},
    SCHEMA | {"properties": {"label": {"$ref": "#"}}},
    array({}),
]


@pytest.mark.parametrize("schema", BAD_SCHEMAS)
def test_a_schema_that_strict_mode_does_not_take_is_refused(
    client: openai.OpenAI, schema: dict[str, Any]
) -> None:
    with pytest.raises(openai.BadRequestError, match="Invalid schema") as error:
        ask(client, CHAT | {"response_format": form(schema)})
    assert error.value.param in ("response_format", None)


class Answer(BaseModel):
    """What the clients' own helpers make schemas from."""

    label: Literal["cats", "dogs", "birds"]


def test_the_schemas_of_the_client_itself_are_taken(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(
        model="gpt-6-luna",
        messages=[{"role": "user", "content": "feed the cat"}],
        response_format=Answer,
    )
    assert answer.choices[0].message.parsed == Answer(label="cats")


def test_models_tell_when_they_end(client: openai.OpenAI) -> None:
    for name, end in (("gpt-4o-mini-2024-07-18", "2027-01-14"), ("gpt-6-luna", None)):
        assert client.models.retrieve(name).shutdown_date == end
    assert client.models.retrieve("gpt-4.1-mini").shutdown_date == "2027-01-14"
    assert client.models.retrieve("gpt-6.1-sol").object == "model"
    for missing in (lambda: client.models.retrieve("gpt-9"), lambda: ask(client, CHAT | NO_MODEL)):
        with pytest.raises(openai.NotFoundError) as error:
            missing()
        assert error.value.code == "model_not_found"


NO_MODEL = {"model": "gpt-9"}


@pytest.mark.parametrize("label", LABELS)
def test_an_enum_gets_the_label_of_the_seed_most_like_the_question(
    client: openai.OpenAI, label: str
) -> None:
    asked = f"could you feed {label[:-1]} 3 please"
    earlier = [{"role": "user", "content": "cat dog bird"}, {"role": "assistant", "content": "x"}]
    messages = [*earlier, {"role": "user", "content": asked}]
    answer = ask(client, CHAT | {"messages": messages})
    assert json.loads(answer.choices[0].message.content) == {"label": label}


def texts(client: openai.OpenAI, asked: str, schema: dict[str, Any]) -> list[Any]:
    body = CHAT | {"messages": [{"role": "user", "content": asked}], "max_completion_tokens": 9000}
    answer = ask(client, body | {"response_format": form(schema)})
    assert answer.choices[0].finish_reason == "stop"
    found: list[Any] = json.loads(answer.choices[0].message.content)["items"]
    return found


def test_an_array_gets_as_many_new_texts_as_were_asked_for(client: openai.OpenAI) -> None:
    plain = array({"type": "string"})
    asked = "Write 40 new messages about dogs"
    found = texts(client, asked, plain)
    assert len(set(found)) == 40
    assert all("dog" in text and "cat" not in text for text in found)
    assert not {f"the seed dog number {n} of ours is hungry" for n in range(4)} & set(found)
    assert len(texts(client, asked, array({"type": "string"}, maxItems=7))) == 7
    assert len(texts(client, asked, array({"type": "string"}, minItems=60))) == 60
    assert len(texts(client, "Write some", plain)) == 5


def test_items_of_texts_and_labels_fit_each_other(client: openai.OpenAI) -> None:
    item = SCHEMA | {
        "properties": {"input": {"type": "string"}, "label": {"type": "string", "enum": LABELS}},
        "required": ["input", "label"],
    }
    found = texts(client, "Write 30 messages", array(item))
    assert len({row["input"] for row in found}) == 30
    assert {row["label"] for row in found} == set(LABELS)
    assert all(row["label"][:-1] in row["input"] for row in found)


def test_everything_else_of_a_schema_gets_something_valid(client: openai.OpenAI) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "score": {"type": "integer", "minimum": 3, "maximum": 4},
            "share": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            "sure": {"type": "boolean"},
            "day": {"type": "string", "format": "date"},
            "kind": {"const": "k"},
            "none": {"type": "null"},
            "maybe": {"anyOf": [{"$ref": "#/$defs/deep"}, {"type": "null"}]},
            "reason": {"type": ["string", "null"]},
        },
        "$defs": {
            "deep": {
                "type": "object",
                "properties": {
                    "next": {"anyOf": [{"$ref": "#/$defs/deep"}, {"type": "null"}]},
                },
                "required": ["next"],
                "additionalProperties": False,
            }
        },
        "additionalProperties": False,
    }
    schema["required"] = list(schema["properties"])
    body = CHAT | {"max_completion_tokens": 2000, "response_format": form(schema)}
    value = json.loads(ask(client, body).choices[0].message.content)
    assert list(value) == schema["required"]
    assert value["score"] in (3, 4) and 0 <= value["share"] < 1
    assert isinstance(value["sure"], bool) and isinstance(value["reason"], str)
    assert (value["day"], value["kind"], value["none"]) == ("2026-11-20", "k", None)
    assert "next" in value["maybe"]


def test_the_same_question_gets_the_same_answer_and_another_one_another(
    client: openai.OpenAI,
) -> None:
    body: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [QUESTION], "seed": 1}
    first, same, other = (ask(client, body | {"seed": seed}) for seed in (1, 1, 2))
    said = [answer.choices[0].message.content for answer in (first, same, other)]
    assert said[0] == said[1] != said[2]
    assert len({answer.id for answer in (first, same, other)}) == 3


def test_another_random_seed_gives_other_answers(client: openai.OpenAI, tmp_path: Any) -> None:
    body = {"model": "gpt-4o-mini", "messages": [QUESTION]}
    with rehearsal(tmp_path, random_seed=5) as other, openai_client(other) as theirs:
        said = [ask(each, body).choices[0].message.content for each in (client, theirs)]
    assert said[0] != said[1]


def test_an_answer_that_does_not_fit_is_cut_and_billed(
    client: openai.OpenAI, standin: StandIn
) -> None:
    before = standin.bill()
    answer = ask(client, CHAT | {"max_completion_tokens": 4})
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 4
    assert '{"label":"dogs"}'.startswith(answer.choices[0].message.content)
    after = standin.bill()
    assert after.usd > before.usd and after.requests == before.requests + 1


def test_thinking_is_counted_and_can_eat_the_whole_answer(client: openai.OpenAI) -> None:
    body = CHAT | {"model": "gpt-6.1-sol", "reasoning_effort": "medium"}
    usage = ask(client, body | {"max_completion_tokens": 1000}).usage
    thought = usage.completion_tokens_details.reasoning_tokens
    assert 0 < thought < usage.completion_tokens == usage.total_tokens - usage.prompt_tokens
    choked = ask(client, body | {"max_completion_tokens": 10})
    assert (choked.choices[0].finish_reason, choked.choices[0].message.content) == ("length", "")
    assert choked.usage.completion_tokens == 10
    assert ask(client, CHAT).usage.completion_tokens_details.reasoning_tokens == 0


def test_an_answer_ends_before_a_stop_mark(client: openai.OpenAI) -> None:
    answer = ask(client, CHAT | {"stop": ["og", "zz"]})
    assert answer.choices[0].message.content == '{"label":"d'
    assert answer.choices[0].finish_reason == "stop"


def test_logprobs_come_for_every_token(client: openai.OpenAI) -> None:
    answer = ask(client, OLD | {"logprobs": True}).choices[0]
    tokens = answer.logprobs.content
    assert "".join(token.token for token in tokens) == answer.message.content
    assert all(token.logprob < 0 for token in tokens)
    assert ask(client, OLD).choices[0].logprobs is None


LONG = {"role": "system", "content": "word " * 1500}


def test_a_long_beginning_is_cached_and_paid_for_as_such(
    client: openai.OpenAI, standin: StandIn
) -> None:
    body = CHAT | {"messages": [LONG, QUESTION], "model": "gpt-6.1-terra"}
    before = standin.bill().usd
    first, second = ask(client, body).usage, ask(client, body).usage
    details = [usage.prompt_tokens_details for usage in (first, second)]
    size = first.prompt_tokens // 128 * 128
    assert (details[0].cached_tokens, details[0].cache_write_tokens) == (0, size)
    assert (details[1].cached_tokens, details[1].cache_write_tokens) == (size, None)
    rest = Decimal(first.prompt_tokens - size) * 2
    said = Decimal(first.completion_tokens + second.completion_tokens) * 5
    exact = size * Decimal("1.25") + size * Decimal("0.05") + rest + said
    assert standin.bill().usd - before == exact / 1_000_000


def test_the_cache_keeps_apart_what_is_apart(client: openai.OpenAI) -> None:
    def cached(**changes: Any) -> int:
        question = {"role": "user", "content": "cat 1"}
        body = CHAT | {"messages": [LONG | {"content": "other " * 1500}, question]} | changes
        count: int = ask(client, body).usage.prompt_tokens_details.cached_tokens
        return count

    assert cached(model="gpt-6-luna") == cached(model="gpt-6.1-terra") == 0
    assert cached(model="gpt-6-luna") >= 1024
    assert cached(messages=[QUESTION]) == cached(messages=[QUESTION]) == 0


def test_older_models_pay_nothing_for_writing_to_the_cache(client: openai.OpenAI) -> None:
    body = OLD | {"messages": [LONG, QUESTION]}
    first, second = (ask(client, body).usage.prompt_tokens_details for _ in range(2))
    assert (first.cached_tokens, first.cache_write_tokens) == (0, None)
    assert second.cached_tokens % 128 == 0 and second.cached_tokens >= 1024


def test_a_prompt_that_is_too_long_is_refused(client: openai.OpenAI) -> None:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "a " * 130_000}]}
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, body)
    assert error.value.code == "context_length_exceeded"
