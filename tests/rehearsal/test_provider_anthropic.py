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


TOOL = {"name": "sort", "input_schema": SCHEMA}
FORCED = {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "sort"}}
ENABLED = {"type": "enabled", "budget_tokens": 1024}
REFUSED = [
    ({"nonsense": 1}, "nonsense: Extra inputs are not permitted"),
    ({"temperature": 1}, "temperature: Extra inputs are not permitted"),
    ({"top_p": 1}, "top_p: Extra"),
    ({"top_k": 5}, "top_k: Extra"),
    ({"max_tokens": "5"}, "max_tokens: Input should be an integer"),
    ({"max_tokens": 10**6}, "max_tokens: 1000000 > 128000"),
    ({"messages": []}, "messages: Input should be"),
    ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content"),
    ({"messages": [QUESTION, {"role": "assistant", "content": "x"}]}, "prefill"),
    ({"messages": [{"role": "assistant", "content": "x"}, QUESTION]}, "user role"),
    ({"stream": True}, "stream"),
    ({"service_tier": "flex"}, "service_tier"),
    ({"metadata": {"key": "x"}}, "metadata.key: Extra"),
    ({"stop_sequences": [" "]}, "stop_sequences.0"),
    ({"thinking": ENABLED}, "thinking.type.enabled"),
    ({"model": "claude-haiku-4-5", "thinking": ENABLED}, "greater than `thinking.budget_tokens`"),
    ({"thinking": {"type": "between_tools"}}, "between_tools"),
    ({"model": "claude-sonnet-5-5", "thinking": {"type": "disabled"}}, "between_tools"),
    ({"model": "claude-opus-5-5", "thinking": {"type": "between_tools"}}, "adaptive"),
    ({"model": "claude-sonnet-5-5", "thinking": {"type": "adaptive"}} | FORCED, "forced tool"),
    ({"model": "claude-haiku-4-5", "output_config": {"effort": "low"}}, "effort"),
    ({"output_config": {"effort": "minimal"}}, "output_config.effort"),
    ({"output_config": {"format": {"type": "json_schema"}}}, "schema: Field required"),
    ({"output_format": {}}, "output_format: Extra"),
    ({"tool_choice": {"type": "any"}}, "tool_choice"),
    ({"system": marked(5)}, "maximum of 4"),
    ({"system": [*marked(1, "5m"), *marked(1, "1h")]}, "must not come after"),
    ({"cache_control": {"type": "forever"}}, "cache_control.type"),
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
    content = [{"type": "text", "text": f"could you feed {label[:-1]} 3 please"}]
    answer = ask(client, MESSAGE | {"messages": [*earlier, {"role": "user", "content": content}]})
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
    ("claude-haiku-5-5", {"thinking": {"type": "disabled"}}, False),
    ("claude-sonnet-5-5", {"output_config": {"effort": "low"}}, True),
    ("claude-sonnet-5-5", {"thinking": {"type": "between_tools"}}, False),
    ("claude-opus-5-5", {"thinking": {"type": "adaptive", "display": "summarized"}}, True),
    ("claude-haiku-4-5", {}, False),
    ("claude-haiku-4-5", {"thinking": ENABLED, "max_tokens": 2000}, True),
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
    if "display" in str(changes):
        assert message.content[0].thinking


def test_an_answer_that_does_not_fit_is_cut_and_billed(
    client: anthropic.Anthropic, standin: StandIn
) -> None:
    before = standin.bill()
    short = ask(client, MESSAGE | {"max_tokens": 4})
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 4)
    assert '{"label":"dogs"}'.startswith(text_of(short))
    choked = ask(client, MESSAGE | {"max_tokens": 4, "thinking": {"type": "adaptive"}})
    assert [block.type for block in choked.content] == ["thinking"]
    assert ask(client, MESSAGE | {"max_tokens": 0}).usage.output_tokens == 0
    assert standin.bill().requests == before.requests + 3


def test_an_answer_ends_before_a_stop_sequence(client: anthropic.Anthropic) -> None:
    message = ask(client, MESSAGE | {"stop_sequences": ["zz", "og"]})
    assert (text_of(message), message.stop_reason) == ('{"label":"d', "stop_sequence")
    assert message.stop_sequence == "og"


def test_a_forced_tool_is_used(client: anthropic.Anthropic) -> None:
    message = ask(client, MESSAGE | FORCED | {"output_config": {}})
    assert message.stop_reason == "tool_use"
    (use,) = message.content
    assert (use.name, use.input) == ("sort", {"label": "dogs"})


LONG = "word " * 700


def test_what_is_marked_is_cached_and_paid_for_as_such(
    client: anthropic.Anthropic, standin: StandIn
) -> None:
    life = {"type": "ephemeral"}
    hour = life | {"ttl": "1h"}
    system = [
        {"type": "text", "text": "hour " + LONG, "cache_control": hour},
        {"type": "text", "text": "minutes " + LONG, "cache_control": life},
    ]
    body = MESSAGE | {"system": system}
    before = standin.bill().usd
    first, second = ask(client, body).usage, ask(client, body).usage
    created = first.cache_creation
    assert created.ephemeral_1h_input_tokens > 700 and created.ephemeral_5m_input_tokens > 700
    parts = created.ephemeral_1h_input_tokens + created.ephemeral_5m_input_tokens
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (parts, 0)
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens) == (0, parts)
    assert first.input_tokens == second.input_tokens > 0
    exact = (
        created.ephemeral_1h_input_tokens * Decimal("0.20")
        + created.ephemeral_5m_input_tokens * Decimal("0.125")
        + parts * Decimal("0.01")
        + 2 * first.input_tokens * Decimal("0.10")
        + (first.output_tokens + second.output_tokens) * Decimal("0.50")
    )
    assert standin.bill().usd - before == exact / 1_000_000
    total = {name: body[name] for name in ("model", "messages", "system", "output_config")}
    counted = client.messages.count_tokens(**total).input_tokens
    assert counted == first.input_tokens + parts


def test_a_marker_at_the_top_caches_the_whole_prompt_if_it_is_long_enough(
    client: anthropic.Anthropic,
) -> None:
    top = {"cache_control": {"type": "ephemeral"}}
    long = MESSAGE | top | {"system": "top " + LONG}
    assert ask(client, long).usage.input_tokens == 0
    assert ask(client, long).usage.cache_read_input_tokens > 700
    assert ask(client, long | {"model": "claude-sonnet-5-5"} | PLAIN).usage.input_tokens == 0
    older = long | {"model": "claude-haiku-4-5"}
    for body in (MESSAGE | top, older, older):  # too short, and 4,096 tokens at least
        usage = ask(client, body).usage
        assert (usage.cache_creation_input_tokens, usage.cache_read_input_tokens) == (0, 0)


PLAIN = {"thinking": {"type": "between_tools"}}


def test_long_prompts_cost_five_times_as_much_on_the_small_model(
    client: anthropic.Anthropic, standin: StandIn
) -> None:
    before = standin.bill().usd
    usage = ask(client, MESSAGE | {"system": "word " * 100_001}).usage
    exact = usage.input_tokens * Decimal("0.50") + usage.output_tokens * Decimal("2.50")
    assert standin.bill().usd - before == exact / 1_000_000


def test_models_are_those_of_the_provider(client: anthropic.Anthropic) -> None:
    names = [model.id for model in client.models.list()]
    assert "claude-haiku-5-5" in names
    assert not [name for name in names if name.startswith("gpt")]
    model = client.models.retrieve("claude-opus-5-5")
    assert (model.lifecycle, model.max_tokens) == ("active", 128_000)
    for missing in (
        lambda: client.models.retrieve("claude-9"),
        lambda: ask(client, MESSAGE | {"model": "claude-9"}),
    ):
        with pytest.raises(anthropic.NotFoundError) as error:
            missing()
        assert error.value.type == "not_found_error"
