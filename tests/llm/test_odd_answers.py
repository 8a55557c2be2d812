"""Answers as servers really write them: endings, thoughts, fences, counts, refusals, sizes."""

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from distill.core.answer_text import json_of, without_thoughts
from distill.core.errors import DistillError
from distill.core.requests import (
    AttemptOutcome,
    Completion,
    Endpoint,
    Message,
    Model,
    Request,
    Sampling,
)
from distill.llm import client as asking
from distill.llm.client import complete_all
from distill.llm.completions import BEYOND, DEARER, NO_USAGE
from distill.llm.providers import transport
from distill.pricing.token_prices import MachinePrice, Rates, TokenPrice
from distill.store import open_store
from tests.support.books import Books
from tests.support.odd_server import OddServer, always, completion, in_turn, odd_server

PRICE = TokenPrice(((0, Rates(Decimal(2), Decimal(10), Decimal("0.2"), Decimal(2))),), "a test")
LABELS = Sampling(5, choices=("cats", "dogs"))
LISTS = Sampling(50, inputs=3)
TEXT = Sampling(50)


def endpoint(server: OddServer, *, priced: bool = True, in_flight: int = 2) -> Endpoint:
    model = Model(f"{server.url}#m", None, "compatible")
    price = PRICE if priced else MachinePrice(Decimal("0.1"), in_flight)
    return Endpoint(server.url, model, in_flight, price)


def asked(sampling: Sampling, count: int = 1) -> list[Request]:
    return [Request("m", (Message("user", f"say cat {n}"),), sampling) for n in range(count)]


def answer_to(
    payload: object, sampling: Sampling = LABELS, *, priced: bool = True
) -> tuple[AttemptOutcome, Completion]:
    """The last outcome of one request that is always answered so."""
    books = Books(asked(sampling), PRICE.worst(700, 5) if priced else Decimal(0))
    with odd_server(always(payload)) as server:
        complete_all(endpoint(server, priced=priced), books)
    outcome = books.outcomes[-1]
    assert outcome.completion is not None
    return outcome, outcome.completion


def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "delay", lambda tries, wait_s: 0.0)


@pytest.mark.parametrize(
    "reason",
    [
        *("stop", "eos_token", "end_turn", "stop_sequence", "STOP", "EOS", "", None),
        *("<|im_end|>", "</s>", "<|eot_id|>", "end_of_text", "FINISH_REASON_STOP", "stopSequence"),
        *("FINISHED", "COMPLETE", "done", "success", "null", "unknown", "UNSPECIFIED"),
    ],
)
def test_a_whole_answer_may_end_by_any_word(reason: object) -> None:
    _, found = answer_to(completion('{"label": "cats"}', reason))
    assert (found.problem, found.finish_reason) == ("", "stop")


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        *((word, "cut off") for word in ("max_tokens", "MAX_TOKENS", "max_new_tokens")),
        *((word, "cut off") for word in ("FINISH_REASON_MAX_TOKENS", "maxTokens", "max_length")),
        *((word, "content filter") for word in ("SAFETY", "RECITATION", "guardrail_intervened")),
        *((word, "content filter") for word in ("ERROR_TOXIC", "blocked", "IMAGE_SAFETY")),
        *(("refusal", "refused"), ("tool_calls", "ended by tool_calls")),
    ],
)
def test_other_words_for_a_cut_and_a_filter(reason: str, problem: str) -> None:
    assert answer_to(completion("x", reason))[1].problem == problem


@pytest.mark.parametrize(
    "reason",
    [
        *("error", "network_error", "insufficient_system_resource", "abort", "timeout"),
        *("upstream_error", "canceled", "overloaded", "MALFORMED_FUNCTION_CALL", "rate_limit"),
    ],
)
def test_a_passing_fault_is_asked_again(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unhurried(monkeypatch)
    books = Books(asked(LABELS))
    with odd_server(in_turn([(200, completion("x", reason)), (200, completion("cats"))])) as server:
        complete_all(endpoint(server), books)
    assert [row.result for row in books.outcomes] == ["maybe_billed", "answered"]
    assert [row.text for row in books.completions] == ["cats"]


@pytest.mark.parametrize("reason", ["st\ud800op", "x" * 100_000, {"a": 1}, ["odd"], 5])
def test_any_ending_can_be_stored(reason: object, tmp_path: Path) -> None:
    outcome, found = answer_to(completion('{"label": "cats"}', reason))
    failed = AttemptOutcome(outcome.attempt, failure="\udfff failed", maybe_billed=True)
    with open_store(tmp_path / "distill.duckdb") as store:
        store.add_completions([found])
        store.add_outcomes([failed])
        stored = store.completions([outcome.attempt.request])[found.request_id]
    assert stored.text == '{"label": "cats"}'
    assert stored.problem.startswith("ended by ")
    assert len(stored.problem) < 80


def test_endings_that_old_stores_have_are_read_as_today() -> None:
    def stored(reason: str, text: str = "cats") -> str:
        _, found = answer_to(completion(text))
        fields = {name: getattr(found, name) for name in Completion.__slots__}
        return Completion(**fields | {"finish_reason": reason, "text": text}).problem

    assert stored("eos_token") == stored("None") == stored("") == stored("<|im_end|>") == ""
    assert stored("max_new_tokens") == "cut off" and stored("RECITATION") == "content filter"
    assert stored("error") == "ended by error"
    assert stored("None", "") == "ended by None"


@pytest.mark.parametrize(
    "text",
    [
        "<think>\nThe customer sounds upset…</think>\n\nThank you.",
        "<thinking>a</thinking>Thank you.",
        "<think></think>\n<think>b</think>Thank you.",
        "The template opened it: so…</think>\n\nThank you.",
        "[THINK]hm[/THINK]Thank you.",
        "<seed:think>hm</seed:think>Thank you.",
        '<think duration="3">hm</think >Thank you.',
        "<scratchpad>hm</scratchpad>\nThank you.",
        "◁think▷hm◁/think▷Thank you.",
        "<|begin_of_thought|>hm<|end_of_thought|>\n"
        "<|begin_of_solution|>Thank you.<|end_of_solution|>",
        "<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>Thank you.<|END_RESPONSE|>",
        "<|channel>thought\nhm<channel|>Thank you.<turn|>",
        "analysisThe customer is upset.assistantfinalThank you.",
        "<think>hm</think>\n<answer>Thank you.</answer>",
        "<think>hm</think>Thank you.<|im_end|>",
        "Thank you.</s>",
        "Thank you.<end_of_turn>\n",
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant"
        "<|channel|>final<|message|>Thank you.<|return|>",
        [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Thank you."}],
        [{"type": "text", "text": "Thank"}, {"type": "text", "text": " you."}],
    ],
)
def test_thoughts_are_no_part_of_an_answer(text: object) -> None:
    assert answer_to(completion(text), TEXT)[1].text == "Thank you."


def test_a_text_about_thoughts_stays_as_it_is() -> None:
    for text in (
        *("Use <think> tags?", "I think so.", "a <b>c</b>", "```\ncode\n```", "<s>old</s>"),
        *("<answer>42</answer>", "analysis of the assistant final", "[1] see there"),
    ):
        assert without_thoughts(text) == text
    assert without_thoughts("<think>never ended") == ""


@pytest.mark.timeout(20)
def test_long_texts_are_read_in_one_pass() -> None:
    for text in (
        *("x" * 2_000_000, "<" * 2_000_000, "<think>" * 200_000, "a < b " * 300_000),
        *("<think " * 200_000, "analysis" * 200_000, "```" * 500_000, '{"a":[' * 200_000),
        "```\n" + " " * 1_000_000,
    ):
        assert without_thoughts(text) in (text, "")
        assert json_of(text, listed=True) == text


@pytest.mark.parametrize(
    "wrap",
    [
        *("```json\n{}\n```", "Sure!\n```\n{}\n```\nDone.", "Here: {} ok"),
        *("~~~json\n{}\n~~~", "````\n{}\n````", "``` JSON\r\n{}\r\n```", "`{}`", "\ufeff{}"),
        *("<json>{}</json>", "As {asked}: {}", "{}\n{}", "{}}", "[{}]", "{}<|im_end|>"),
    ],
)
def test_json_comes_out_of_its_fence(wrap: str) -> None:
    label = wrap.replace("{}", '{"label": "cats"}')
    assert answer_to(completion(label))[1].text == '{"label": "cats"}'
    listed = wrap.replace("{}", '{"inputs": ["a", "b"]}')
    assert json.loads(answer_to(completion(listed), LISTS)[1].text) == {"inputs": ["a", "b"]}


@pytest.mark.parametrize(
    "text",
    [
        '["a", "b"]',
        '{"messages": ["a", "b"]}',
        '[{"input": "a"}, {"input": "b"}]',
        '{"count": 2, "inputs": [{"text": "a"}, {"text": "b"}]}',
        'Here are [2] of them:\n\n["a", "b"]\n\nDone.',
        '```\n["a", "b",]\n```',
    ],
)
def test_a_bare_list_is_a_list_of_inputs(text: str) -> None:
    assert json.loads(answer_to(completion(text), LISTS)[1].text) == {"inputs": ["a", "b"]}


def test_json_with_a_comma_too_many_or_quoted_once_more_is_json() -> None:
    assert json.loads(json_of('{"label": "cats",}')) == {"label": "cats"}
    assert json_of(json.dumps('{"label": "cats"}')) == '{"label": "cats"}'
    assert json_of('{"label": "a, ]"}') == '{"label": "a, ]"}'


def test_a_fence_in_a_text_stays() -> None:
    text = "```json\n{}\n```"
    assert answer_to(completion(text), TEXT)[1].text == text
    assert json_of("no JSON at all") == "no JSON at all"


@pytest.mark.parametrize(
    ("usage", "prompt", "completion_tokens", "cached"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}, 10, 2, 0),
        # xAI and Gemini: reasoning stands in the total alone.
        ({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 42}, 10, 32, 0),
        ({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": None}, 10, 2, 0),
        # More reasoning than answer, or beside it, and no total.
        (
            {
                **{"prompt_tokens": 10, "completion_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            *(10, 32, 0),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 2, "reasoning_tokens": 30}, 10, 32, 0),
        ({"prompt_tokens": "10", "completion_tokens": "2"}, 10, 2, 0),
        ({"prompt_tokens": 10, "completion_tokens": None, "total_tokens": 12}, 10, 2, 0),
        ({"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 12}, 10, 2, 0),
        ({"prompt_tokens": 0, "completion_tokens": 2, "total_tokens": 12}, 10, 2, 0),
        ({"input_tokens": 10, "output_tokens": 2}, 10, 2, 0),
        ({"prompt_tokens": 10, "completion_tokens": 2, "cached_tokens": 4}, 10, 2, 4),
        ({"prompt_tokens": 10.0, "completion_tokens": 2}, 10, 2, 0),
        (
            {
                **{"prompt_tokens": 10, "completion_tokens": 2},
                "prompt_tokens_details": {"cached_tokens": 5000},
            },
            *(10, 2, 10),
        ),
        (
            {
                **{"prompt_tokens": 10, "completion_tokens": 2},
                "prompt_tokens_details": {"cached_tokens": -5},
            },
            *(10, 2, 0),
        ),
    ],
)
def test_counts_as_they_can_be(
    usage: object, prompt: int, completion_tokens: int, cached: int
) -> None:
    _, found = answer_to(completion("cats", usage=usage))
    counted = (found.prompt_tokens, found.completion_tokens, found.cached_tokens)
    assert counted == (prompt, completion_tokens, cached)
    fresh = Decimal(prompt - cached)
    assert found.usd == (fresh * 2 + cached * Decimal("0.2") + completion_tokens * 10) / 1_000_000


NO_COUNTS: list[Any] = [
    *(..., None, {}, [], "many"),
    {"prompt_tokens": 0, "completion_tokens": 0},
    {"prompt_tokens": None, "completion_tokens": None},
    {"prompt_tokens": True, "completion_tokens": False},
    {"prompt_tokens": -1000000, "completion_tokens": 2},
    {"prompt_tokens": float("nan"), "completion_tokens": 2},
    {"prompt_tokens": 10**30, "completion_tokens": 2},
    {"prompt_tokens": 3_000_000_000, "completion_tokens": 2},
]


@pytest.mark.parametrize("usage", NO_COUNTS)
def test_without_counts_the_most_is_booked_and_said(usage: object) -> None:
    outcome, found = answer_to(completion("cats", usage=usage))
    assert found.text == "cats" and found.usd == outcome.attempt.worst_usd > 0
    assert outcome.remark == NO_USAGE


@pytest.mark.parametrize("usage", NO_COUNTS)
def test_a_server_that_sends_no_bill_needs_no_counts(usage: object) -> None:
    outcome, found = answer_to(completion("cats", usage=usage), priced=False)
    assert found.text == "cats" and found.prompt_tokens > 0 and outcome.remark == ""


def test_no_prompt_has_more_tokens_than_bytes() -> None:
    usage = {"prompt_tokens": 2_000_000, "completion_tokens": 2}
    outcome, found = answer_to(completion("cats", usage=usage))
    assert found.prompt_tokens < 2_000 and outcome.remark == BEYOND
    assert found.usd < Decimal("0.004")


def test_a_bill_above_the_worst_case_is_booked_and_said() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 5000}
    outcome, found = answer_to(completion("cats", usage=usage))
    assert found.completion_tokens == 4990 and outcome.remark == DEARER


@pytest.mark.parametrize(
    ("counts", "prompt", "made", "remark"),
    [
        ({"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": -5}, 10, 2, ""),
        ({"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": 10**30}, 10, 2, ""),
        ({"input_tokens": 10, "output_tokens": 0}, None, None, NO_USAGE),
        ({"input_tokens": -10, "output_tokens": 2}, None, None, NO_USAGE),
        ({"input_tokens": True, "output_tokens": True}, None, None, NO_USAGE),
        ({"input_tokens": 2, "output_tokens": 2, "cache_read_input_tokens": 10**7}, ..., 2, BEYOND),
    ],
)
def test_anthropics_counts_as_they_can_be(
    counts: Any, prompt: Any, made: int | None, remark: str
) -> None:
    message = {"content": [{"type": "text", "text": "cats"}], "stop_reason": "end_turn"}
    request = Request("claude-haiku-5-5", (Message("user", "say cat"),), LABELS)
    books = Books([request], PRICE.worst(700, 5))
    with odd_server(always(message | {"usage": counts})) as server:
        model = Model("claude-haiku-5-5", None, "anthropic")
        complete_all(Endpoint(server.url.removesuffix("/v1"), model, 1, PRICE), books)
    [outcome], [found] = books.outcomes, books.completions
    assert (found.text, outcome.remark) == ("cats", remark)
    if made is None:
        assert found.usd == outcome.attempt.worst_usd
    elif prompt is ...:
        assert found.prompt_tokens < 2_000 and 0 < found.usd < Decimal("0.004")
    else:
        assert (found.prompt_tokens, found.completion_tokens) == (prompt, made)
        assert found.usd == (Decimal(2) * prompt + Decimal(10) * made) / 1_000_000


REFUSALS = [
    (
        {"error": {"message": "The response was filtered", "code": "content_filter"}},
        "content filter",
    ),
    (
        {"error": {"message": "This model's maximum context length is 4096 tokens", "code": None}},
        "longer than the model takes",
    ),
    ({"error": {"message": "no", "code": "invalid_prompt"}}, "refused as an invalid prompt"),
    ({"detail": "input is too long for this model"}, "longer than the model takes"),
    (
        {
            "error": {
                "message": "The input token count (9) exceeds the maximum number of tokens (8)"
            }
        },
        "longer than the model takes",
    ),
    ({"error": "inputs tokens + max_new_tokens must be <= 4096"}, "longer than the model takes"),
    ({"error": {"code": "exceed_context_size_error"}}, "longer than the model takes"),
    ({"error": {"message": "Content Exists Risk"}}, "content filter"),
    ({"error": {"message": "Input data may contain inappropriate content."}}, "content filter"),
    ({"error": {"message": "The prompt was blocked due to PROHIBITED_CONTENT"}}, "content filter"),
    ({"msg": "系统检测到输入内容可能包含不安全或敏感内容"}, "content filter"),
]


@pytest.mark.parametrize(("payload", "problem"), REFUSALS)
def test_one_row_that_is_refused_stops_no_other(payload: object, problem: str) -> None:
    def answer(body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        poisoned = body["messages"][-1]["content"] == "say cat 3"
        return (400, payload, {}) if poisoned else (200, completion("cats"), {})

    books = Books(asked(LABELS, 10), Decimal("0.001"))
    with odd_server(answer) as server:
        complete_all(endpoint(server), books)
    (bad,) = [row for row in books.completions if row.problem]
    assert (bad.problem, bad.usd, bad.text) == (problem, Decimal(0), "")
    assert len(books.completions) == 10 and len(server.asked) == 10


@pytest.mark.parametrize("choices", [None, []])
def test_an_answer_without_choices_is_the_rows_own_fault_in_the_end(
    choices: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    unhurried(monkeypatch)
    _, found = answer_to(completion(choices=choices))
    assert found.problem == "answered without an answer"


@pytest.mark.parametrize("status", [400, 422, 500, 502])
@pytest.mark.parametrize("place", [15, 29])
def test_a_row_that_fails_in_every_try_while_others_are_answered_is_left_out(
    status: int, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    unhurried(monkeypatch)

    def answer(body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        if body["messages"][-1]["content"] != f"say cat {place}":
            good.append(body)
            if len(good) == 29:
                others_are_done.set()
            return 200, completion("cats"), {}
        bodies.append(body)
        if len(bodies) > 1:
            assert others_are_done.wait(30)
        return status, {"error": "boom"}, {}

    good, bodies = list[Any](), list[Any]()
    others_are_done = threading.Event()
    books = Books(asked(LABELS, 30), Decimal("0.001"))
    with odd_server(answer) as server:
        complete_all(endpoint(server), books)
    (bad,) = [row for row in books.completions if row.problem]
    assert len(books.completions) == 30
    why = "not answered in any try" if status >= 500 else "refused by the provider"
    assert (bad.problem, bad.text) == (why, "")
    assert bad.usd == 0
    (last,) = [row for row in books.outcomes if row.completion is bad]
    assert last.usd == (Decimal("0.001") if status == 502 else 0)


def test_an_outage_leaves_no_row_out_and_names_the_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unhurried(monkeypatch)

    def answer(body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        up = len(server.asked) <= 20
        return (200, completion("cats"), {}) if up else (500, {"error": "down"}, {})

    books = Books(asked(LABELS, 30), Decimal("0.001"))
    with (
        odd_server(answer) as server,
        pytest.raises(DistillError, match=r"down.*\nThe request ends in 'say cat \d+'"),
    ):
        complete_all(endpoint(server), books)
    assert [row.problem for row in books.completions] == [""] * 20


def test_answers_to_requests_sent_before_an_outage_do_not_end_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unhurried(monkeypatch)
    down = threading.Event()

    def answer(body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        text = body["messages"][-1]["content"]
        number = int(text.removeprefix("say cat "))
        if number < 35:
            # The first answers widen the window; the others are in flight when the outage begins.
            assert number < 20 or down.wait(30)
            return 200, completion("cats"), {}
        if len([sent for sent in server.asked if sent == body]) > 1:
            down.set()  # the client has read a failure of this request and asks again
        return 500, {"error": "down"}, {}

    books = Books(asked(LABELS, 40), Decimal("0.001"))
    with odd_server(answer) as server, pytest.raises(DistillError, match="down"):
        complete_all(endpoint(server, in_flight=30), books)
    assert [row.problem for row in books.completions] == [""] * 35


def test_where_most_rows_are_refused_everything_stops() -> None:
    books = Books(asked(LABELS, 300))
    with odd_server(always(REFUSALS[0][0], 400)) as server:
        with pytest.raises(DistillError, match=r"requests were refused for their content"):
            complete_all(endpoint(server), books)
        assert len(server.asked) < 60


def refusing(name: str, status: int, payload: object) -> Callable[[dict[str, Any]], Any]:
    def answer(body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        return (status, payload, {}) if name in body else (200, completion("cats"), {})

    return answer


@pytest.mark.parametrize(
    ("name", "status", "payload"),
    [
        (
            *("seed", 422),
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra"}]},
        ),
        ("temperature", 400, {"error": {"message": "Unsupported parameter: 'temperature'"}}),
        ("seed", 400, [{"error": {"message": 'Unknown name "seed": Cannot find field.'}}]),
    ],
)
def test_a_parameter_that_is_refused_is_left_out(name: str, status: int, payload: object) -> None:
    books, notes = Books(asked(LABELS, 6), Decimal("0.001")), list[str]()
    with odd_server(refusing(name, status, payload)) as server:
        complete_all(endpoint(server), books, notes.append)
    assert [row.text for row in books.completions] == ["cats"] * 6
    assert all(row.result in ("answered", "not_billed") for row in books.outcomes)
    assert len(notes) == 1 and f"refuses {name}" in notes[0]


@pytest.mark.parametrize(
    "said",
    [
        "This response_format type is unavailable now",
        "Unknown name \"additionalProperties\" at 'generation_config.response_schema'",
        "this model does not support structured outputs",
    ],
)
def test_a_schema_that_is_refused_stands_in_the_prompt(said: str) -> None:
    refusal = {"error": {"message": said}}

    def answer(body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        kind = body.get("response_format", {}).get("type")
        return (400, refusal, {}) if kind == "json_schema" else (200, completion("cats"), {})

    notes: list[str] = []
    with odd_server(answer) as server:
        complete_all(endpoint(server), Books(asked(LABELS, 3)), notes.append)
    last = server.asked[-1]
    assert last["response_format"] == {"type": "json_object"}
    assert '"enum": ["cats", "dogs"]' in last["messages"][-1]["content"]
    assert len(notes) == 1


def test_a_server_that_takes_no_format_at_all_is_asked_in_words() -> None:
    refusal = {"error": {"message": "response_format is not supported"}}
    with odd_server(refusing("response_format", 400, refusal)) as server:
        books = Books(asked(LABELS, 3))
        complete_all(endpoint(server), books)
    assert len(books.completions) == 3
    assert "response_format" not in server.asked[-1]
    assert "fits this schema" in server.asked[-1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    "said",
    [
        "System role not supported",
        "Conversation roles must alternate user/assistant/user/assistant",
        "Developer instruction is not enabled for models/gemma-3-27b-it",
    ],
)
def test_a_system_prompt_that_is_refused_stands_before_the_message(said: str) -> None:
    def answer(body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        roles = {turn["role"] for turn in body["messages"]}
        refused = (400, {"error": {"message": said}}, dict[str, str]())
        return refused if "system" in roles else (200, completion("cats"), {})

    turns = (Message("system", "Which pet?"), Message("user", "say cat"))
    books, notes = Books([Request("m", turns, LABELS)], Decimal("0.001")), list[str]()
    with odd_server(answer) as server:
        complete_all(endpoint(server), books, notes.append)
    assert [row.text for row in books.completions] == ["cats"] and len(notes) == 1
    assert server.asked[-1]["messages"] == [{"role": "user", "content": "Which pet?\n\nsay cat"}]


def test_an_unknown_limit_is_written_by_its_new_name() -> None:
    refusal = {"detail": [{"loc": ["body", "max_tokens"], "msg": "Extra inputs are not permitted"}]}
    with odd_server(refusing("max_tokens", 422, refusal)) as server:
        complete_all(endpoint(server), Books(asked(LABELS)))
    assert server.asked[-1]["max_completion_tokens"] == 5


def test_what_a_server_says_of_its_refusal_is_shown() -> None:
    with (
        odd_server(always({"detail": [{"loc": ["body", "model"], "msg": "odd"}]}, 422)) as server,
        pytest.raises(DistillError, match=r'"loc": \["body", "model"\], "msg": "odd"'),
    ):
        complete_all(endpoint(server), Books(asked(LABELS)))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000, "not JSON", "", "null"])
def test_what_is_no_answer_is_asked_again_and_named(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unhurried(monkeypatch)
    books = Books(asked(LABELS), Decimal("0.001"))
    with (
        odd_server(always(text.encode())) as server,
        pytest.raises(DistillError, match="sent something that is not an answer"),
    ):
        complete_all(endpoint(server), books)
    assert {row.result for row in books.outcomes} == {"maybe_billed"}


def test_a_prompt_follows_no_redirect() -> None:
    with odd_server(always(completion("taken"))) as other:
        elsewhere = always({}, 307, location=f"{other.url}/chat/completions")
        with (
            odd_server(elsewhere) as server,
            pytest.raises(DistillError, match=r"redirects to .*Prompts do not follow redirects"),
        ):
            complete_all(endpoint(server), Books(asked(LABELS)))
        assert other.asked == []


def test_an_answer_has_a_limit_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    unhurried(monkeypatch)
    packed = gzip.compress(b"x" * 100_000_000)
    assert len(packed) < 100_000
    with (
        odd_server(always(packed, content_encoding="gzip")) as server,
        pytest.raises(DistillError, match="more than 64,000 bytes"),
    ):
        complete_all(endpoint(server), Books(asked(LABELS)))
    big = completion("x" * 5_000_000)
    with odd_server(always(big)) as server, pytest.raises(DistillError, match="is not an answer"):
        complete_all(endpoint(server), Books(asked(TEXT)))


@pytest.mark.parametrize("encoding", ["gzip, gzip", "GZIP,deflate", "zstd", "br", "gzip, identity"])
def test_an_encoding_without_a_bound_is_not_unpacked(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two layers of gzip, br and zstd make gigabytes of 64,000 bytes."""
    unhurried(monkeypatch)
    packed = gzip.compress(gzip.compress(json.dumps(completion("cats")).encode()))
    with (
        odd_server(always(packed, content_encoding=encoding)) as server,
        pytest.raises(DistillError, match=f"compressed with {encoding.lower()}, which"),
    ):
        complete_all(endpoint(server), Books(asked(LABELS)))


@pytest.mark.parametrize(
    ("encoding", "pack"), [("x-gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_every_encoding_has_a_limit_of_bytes(
    encoding: str, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    unhurried(monkeypatch)
    packed = pack(b"x" * 100_000_000)
    with (
        odd_server(always(packed, content_encoding=encoding)) as server,
        pytest.raises(DistillError, match="more than 64,000 bytes"),
    ):
        complete_all(endpoint(server), Books(asked(LABELS)))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_an_answer_that_is_not_packed_as_it_says_may_be_billed(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unhurried(monkeypatch)
    books = Books(asked(LABELS), Decimal("0.001"))
    with (
        odd_server(always(b"not packed at all", content_encoding=encoding)) as server,
        pytest.raises(DistillError, match="sent an unreadable answer"),
    ):
        complete_all(endpoint(server), books)
    assert "not_billed" not in {row.result for row in books.outcomes}


def test_a_huge_header_ends_in_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    unhurried(monkeypatch)
    with (
        odd_server(always(completion("cats"), x_request_id="x" * 2_000_000)) as server,
        pytest.raises(DistillError, match=r"127\.0\.0\.1"),
    ):
        complete_all(endpoint(server), Books(asked(LABELS)))


def test_a_port_that_never_answers_in_tls_is_left_after_the_time_to_connect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing was sent, so nothing may be billed."""
    unhurried(monkeypatch)
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 0.05)
    books = Books(asked(LABELS), Decimal("0.001"))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}/v1"
        far = Endpoint(url, Model(f"{url}#m", None, "compatible"), 1, PRICE)
        with pytest.raises(DistillError, match=r"127\.0\.0\.1"):
            complete_all(far, books)
    assert {row.result for row in books.outcomes} == {"not_billed"}


@pytest.mark.parametrize(
    ("named", "told"),
    [("gpt-3", 1), ("m", 0), ("M:latest", 0), ("models/m-2024-07-18", 0), ("", 0), (None, 0)],
)
def test_another_models_name_in_the_answers_is_told_once(named: object, told: int) -> None:
    notes: list[str] = []
    with odd_server(always(completion("cats", model=named))) as server:
        complete_all(endpoint(server), Books(asked(LABELS, 3)), notes.append)
    assert len(notes) == told
    assert not told or "reports the model gpt-3, not m" in notes[0]


def test_a_small_packed_answer_is_read() -> None:
    packed = gzip.compress(json.dumps(completion("cats")).encode())
    books = Books(asked(LABELS))
    with odd_server(always(packed, content_encoding="gzip")) as server:
        complete_all(endpoint(server), books)
    assert [row.text for row in books.completions] == ["cats"]
    sent = {name.lower(): value for name, value in server.headers[0].items()}
    assert sent["accept-encoding"] == "identity"


def test_an_attempt_has_a_limit_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    unhurried(monkeypatch)
    monkeypatch.setattr(asking, "ATTEMPT_SECONDS", 0.05)
    gone = threading.Event()

    def answer(body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        gone.wait(5)
        return 200, completion("cats"), {}

    books = Books(asked(LABELS), Decimal("0.001"))
    with odd_server(answer) as server:
        with pytest.raises(DistillError, match="had not answered after"):
            complete_all(endpoint(server), books)
        gone.set()
    assert {row.result for row in books.outcomes} == {"maybe_billed"}


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost", "127.0.0.1", "[::ffff:127.0.0.1]"])
def test_no_address_of_this_machine_is_asked_through_a_proxy(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server prints 0.0.0.0 as its own."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with odd_server(always(completion("cats"))) as server:
        books = Books(asked(LABELS))
        found = endpoint(server)
        complete_all(replace(found, url=server.url.replace("127.0.0.1", host)), books)
    assert [row.text for row in books.completions] == ["cats"]


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "socks://x"])
def test_loopback_is_asked_without_a_proxy(
    name: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, proxy)
    assert answer_to(completion("cats"))[1].text == "cats"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "socks://x"])
def test_a_proxy_that_cannot_be_used_is_named(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    model = Model("http://example.invalid/v1#m", None, "compatible")
    far = Endpoint("http://example.invalid/v1", model, 1, PRICE)
    with pytest.raises(DistillError, match="ALL_PROXY in the environment cannot be used"):
        complete_all(far, Books(asked(LABELS)))


def test_a_key_that_no_header_can_hold_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTILL_TEACHER_KEY", "“curly”")
    model = Model("http://127.0.0.1:9/v1#m", None, "compatible")
    keyed = Endpoint("http://127.0.0.1:9/v1", model, 1, PRICE, "DISTILL_TEACHER_KEY")
    with pytest.raises(DistillError, match="DISTILL_TEACHER_KEY has characters"):
        complete_all(keyed, Books(asked(LABELS)))
