"""What the stand-in takes and answers as Anthropic."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

import anthropic
import pytest
from pydantic import BaseModel

from distill.rehearsal.provider import StandIn
from tests.rehearsal.test_provider import (
    LABELS,
    MESSAGE,
    QUESTION,
    SCHEMA,
    anthropic_client,
    rehearsal,
)


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with rehearsal(tmp_path_factory.mktemp("rehearsal")) as server:
        yield server


@pytest.fixture
def client(standin: StandIn) -> Iterator[anthropic.Anthropic]:
    with anthropic_client(standin) as made:
        yield made


def ask(client: anthropic.Anthropic, body: dict[str, Any]) -> Any:
    """Sends the body as it is, whatever the client thinks of it."""
    return client.post("/v1/messages", cast_to=anthropic.types.Message, body=body)


def text_of(message: Any) -> str:
    """The message's text, wherever it stands."""
    (text,) = [block.text for block in message.content if block.type == "text"]
    assert isinstance(text, str)
    return text


def marked(count: int, ttl: str | None = None) -> list[dict[str, Any]]:
    life = {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})
    return [{"type": "text", "text": f"block {n}", "cache_control": life} for n in range(count)]


OFF = {"type": "disabled"}
REFUSED = [
    ({"nonsense": 1}, "nonsense: Extra inputs are not permitted"),
    ({"temperature": 1}, "temperature: Extra inputs are not permitted"),
    ({"top_p": 1}, "top_p: Extra"),
    ({"top_k": 5}, "top_k: Extra"),
    ({"max_tokens": "5"}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": 10**6}, "max_tokens: 1000000 > 128000"),
    ({"messages": []}, "messages: List should have at least 1 item"),
    ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content"),
    ({"messages": [QUESTION, {"role": "assistant", "content": "x"}]}, "prefill"),
    ({"messages": [{"role": "assistant", "content": "x"}, QUESTION]}, "user role"),
    ({"stream": True}, "stream"),
    ({"service_tier": "flex"}, "service_tier"),
    ({"metadata": {"key": "x"}}, "metadata: Extra"),
    ({"stop_sequences": [" "]}, "stop_sequences.0"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking.type: Input should be"),
    ({"model": "claude-sonnet-5-5"}, "thinking.type.disabled"),
    ({"model": "claude-opus-5-5"}, "thinking.type.disabled"),
    ({"model": "claude-haiku-4-5", "output_config": {"effort": "low"}}, "effort"),
    ({"output_config": {"effort": "minimal"}}, "output_config.effort"),
    ({"output_config": {"format": {"type": "json_schema"}}}, "schema: Field required"),
    ({"output_format": {}}, "output_format: Extra"),
    ({"tools": []}, "tools: Extra"),
    ({"system": "text"}, "system: Input should be a valid list"),
    ({"system": marked(5)}, "maximum of 4"),
    ({"system": marked(1, "1h")}, "system.0.cache_control.ttl: Extra"),
    ({"cache_control": {"type": "ephemeral"}}, "cache_control: Extra"),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED)
def test_what_it_does_not_know_is_refused(
    client: anthropic.Anthropic, standin: StandIn, changes: Any, said: str
) -> None:
    before = standin.bill()
    with pytest.raises(anthropic.BadRequestError) as error:
        ask(client, MESSAGE | changes)
    assert said in str(error.value)
    assert error.value.type == "invalid_request_error"
    after = standin.bill()
    assert (after.usd, after.refused) == (before.usd, before.refused + 1)


@pytest.mark.parametrize("name", ["model", "messages", "max_tokens"])
def test_what_is_missing_is_named(client: anthropic.Anthropic, name: str) -> None:
    body = {key: value for key, value in MESSAGE.items() if key != name}
    with pytest.raises(anthropic.BadRequestError, match=f"{name}: Field required"):
        ask(client, body)


@pytest.mark.parametrize("version", ["2023-06-01", ""])
def test_only_the_version_of_the_client_is_spoken(
    client: anthropic.Anthropic, version: str
) -> None:
    with pytest.raises(anthropic.BadRequestError, match="anthropic-version"):
        client.messages.create(**MESSAGE, extra_headers={"anthropic-version": version})


BAD_SCHEMAS = [
    ({"additionalProperties": True}, "additionalProperties"),
    ({"properties": {"n": {"type": "integer", "minimum": 1}}, "required": []}, "minimum"),
    ({"properties": {"n": {"type": "string", "maxLength": 1}}, "required": []}, "maxLength"),
    (
        {
            "properties": {"n": {"type": "array", "items": {"type": "string"}, "minItems": 2}},
            "required": [],
        },
        "minItems",
    ),
    ({"required": ["other"]}, "required"),
]


@pytest.mark.parametrize(("changes", "said"), BAD_SCHEMAS)
def test_a_schema_that_it_does_not_take_is_refused(
    client: anthropic.Anthropic, changes: dict[str, Any], said: str
) -> None:
    wanted = {"format": {"type": "json_schema", "schema": SCHEMA | changes}}
    with pytest.raises(anthropic.BadRequestError, match=said):
        ask(client, MESSAGE | {"output_config": wanted})


@pytest.mark.parametrize("label", LABELS)
def test_an_enum_gets_the_label_of_the_seed_most_like_the_question(
    client: anthropic.Anthropic, label: str
) -> None:
    earlier = [{"role": "user", "content": "cat dog bird"}, {"role": "assistant", "content": "x"}]
    asked = {"role": "user", "content": f"could you feed {label[:-1]} 3 please"}
    answer = ask(client, MESSAGE | {"messages": [*earlier, asked]})
    assert json.loads(text_of(answer)) == {"label": label}
    assert answer.stop_reason == "end_turn"


class Answer(BaseModel):
    """What the client's own helper makes a schema from."""

    label: Literal["cats", "dogs", "birds"]


def test_the_schemas_of_the_client_itself_are_taken(client: anthropic.Anthropic) -> None:
    message = client.messages.parse(
        model="claude-opus-5-5",
        messages=[{"role": "user", "content": "feed the cat"}],
        max_tokens=1000,
        output_format=Answer,
    )
    assert message.parsed_output == Answer(label="cats")


def test_many_texts_come_from_an_array(client: anthropic.Anthropic) -> None:
    schema = SCHEMA | {
        "properties": {"texts": {"type": "array", "items": {"type": "string"}}},
        "required": ["texts"],
    }
    changes = {
        "messages": [{"role": "user", "content": "Write 25 messages about birds"}],
        "max_tokens": 9000,
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
    }
    texts = json.loads(text_of(ask(client, MESSAGE | changes)))["texts"]
    assert len(set(texts)) == 25 and all("bird" in text for text in texts)


THINKING = [
    ("claude-haiku-5-5", {}, True),
    ("claude-haiku-5-5", {"thinking": OFF}, False),
    ("claude-sonnet-5-5", {"output_config": {"effort": "low"}}, True),
    ("claude-opus-5-5", {}, True),
    ("claude-haiku-4-5", {}, False),
    ("claude-haiku-4-5", {"thinking": OFF}, False),
]


@pytest.mark.parametrize(("model", "changes", "thinks"), THINKING)
def test_thinking_comes_first_and_counts_as_output(
    client: anthropic.Anthropic, model: str, changes: dict[str, Any], thinks: bool
) -> None:
    body: dict[str, Any] = {"model": model, "messages": [QUESTION], "max_tokens": 1000}
    message = ask(client, body | changes)
    assert [block.type for block in message.content] == ["thinking"] * thinks + ["text"]
    thought = message.usage.output_tokens_details.thinking_tokens
    assert (thought > 0) == thinks and message.usage.output_tokens > thought


def test_an_answer_that_does_not_fit_is_cut_and_billed(
    client: anthropic.Anthropic, standin: StandIn
) -> None:
    before = standin.bill()
    short = ask(client, MESSAGE | {"max_tokens": 4})
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 4)
    assert '{"label":"dogs"}'.startswith(text_of(short))
    thinks = {key: value for key, value in MESSAGE.items() if key != "thinking"}
    choked = ask(client, thinks | {"max_tokens": 4})
    assert [block.type for block in choked.content] == ["thinking"]
    assert ask(client, MESSAGE | {"max_tokens": 0}).usage.output_tokens == 0
    assert standin.bill().requests == before.requests + 3


def test_an_answer_ends_before_a_stop_sequence(client: anthropic.Anthropic) -> None:
    message = ask(client, MESSAGE | {"stop_sequences": ["zz", "og"]})
    assert (text_of(message), message.stop_reason) == ('{"label":"d', "stop_sequence")
    assert message.stop_sequence == "og"


LONG = "word " * 700


def test_what_is_marked_is_cached_and_paid_for_as_such(
    client: anthropic.Anthropic, standin: StandIn
) -> None:
    life = {"type": "ephemeral"}
    system = [
        {"type": "text", "text": f"{name} {LONG}", "cache_control": life} for name in ("one", "two")
    ]
    body = MESSAGE | {"system": system}
    before = standin.bill().usd
    first, second = ask(client, body).usage, ask(client, body).usage
    size = first.cache_creation.ephemeral_5m_input_tokens
    assert size > 1400
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (size, 0)
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens) == (0, size)
    assert first.input_tokens == second.input_tokens > 0
    exact = (
        size * Decimal("0.125")
        + size * Decimal("0.01")
        + 2 * first.input_tokens * Decimal("0.10")
        + (first.output_tokens + second.output_tokens) * Decimal("0.50")
    )
    assert standin.bill().usd - before == exact / 1_000_000


def test_what_is_too_short_or_not_marked_is_not_cached(client: anthropic.Anthropic) -> None:
    marker = {"cache_control": {"type": "ephemeral"}}
    long = {"type": "text", "text": "top " + LONG}
    older = MESSAGE | {"model": "claude-haiku-4-5", "output_config": {}}  # 4,096 tokens at least
    for body in (
        MESSAGE | {"system": [{"type": "text", "text": "short"} | marker]},
        MESSAGE | {"system": [long]},
        older | {"system": [long | marker]},
    ):
        for _ in range(2):
            usage = ask(client, body).usage
            assert (usage.cache_creation_input_tokens, usage.cache_read_input_tokens) == (0, 0)


def test_long_prompts_cost_five_times_as_much_on_the_small_model(
    client: anthropic.Anthropic, standin: StandIn
) -> None:
    before = standin.bill().usd
    usage = ask(client, MESSAGE | {"system": [{"type": "text", "text": "word " * 100_001}]}).usage
    exact = usage.input_tokens * Decimal("0.50") + usage.output_tokens * Decimal("2.50")
    assert standin.bill().usd - before == exact / 1_000_000


def test_models_are_those_of_the_provider(client: anthropic.Anthropic) -> None:
    assert client.models.retrieve("claude-opus-5-5").display_name == "Claude Opus 5.5"
    for missing in (
        lambda: client.models.retrieve("claude-9"),
        lambda: ask(client, MESSAGE | {"model": "claude-9"}),
    ):
        with pytest.raises(anthropic.NotFoundError) as error:
            missing()
        assert error.value.type == "not_found_error"
