"""Logs as calls: every tool's form, and calls that cannot be used."""

import gzip
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as some
from pyarrow import parquet

from distill.core.errors import InputError
from distill.task.logs import LoggedCall, UnusableCall
from distill.task.logs.models import is_same, named
from distill.task.logs.reading import Broken, read_calls
from distill.task.logs.shapes import calls_of
from tests.conftest import jsonl
from tests.task.logs.samples import (
    AT,
    FORMS,
    MODEL,
    SYSTEM,
    Row,
    exchange,
    langfuse,
    litellm,
    otlp,
    stored,
    turns,
)

TEXT = "The kitten sleeps all day"
TOOLS = [{"id": "call_1", "type": "function", "function": {"name": "find", "arguments": "{}"}}]


def read(path: Path) -> list[LoggedCall | UnusableCall]:
    return list(read_calls([path], Broken()))


def written(folder: Path, *rows: Any, name: str = "log") -> Path:
    """A log without a telling name."""
    path = folder / name
    path.write_text(jsonl(rows), encoding="utf-8")
    return path


def reasons(path: Path) -> list[str]:
    return [row.reason if isinstance(row, UnusableCall) else row.answer for row in read(path)]


@pytest.mark.parametrize("form", FORMS)
def test_a_call_of_each_form(form: str, tmp_path: Path) -> None:
    (call,) = read(written(tmp_path, FORMS[form](TEXT, "cats")))
    assert isinstance(call, LoggedCall)
    assert (call.input, call.answer, call.system) == (TEXT, "cats", SYSTEM)
    if form == "chat":  # a chat file has no more
        assert (call.model, call.prompt_tokens, call.usd, call.at) == ("", None, None, None)
        return
    assert call.model == f"openai:{MODEL}"
    assert (call.prompt_tokens, call.completion_tokens) == (60, 2)
    assert call.at == AT
    paid = Decimal("0.0000102") if form in ("litellm", "langfuse") else None
    assert call.usd == paid
    assert call.place.startswith(f"{tmp_path / 'log'}:1")


@pytest.mark.parametrize("form", FORMS)
def test_the_arguments_of_a_call_and_an_empty_answer(form: str, tmp_path: Path) -> None:
    rows = [FORMS[form](TEXT, None, tool_calls=TOOLS), FORMS[form](TEXT, "")]
    called, empty = read(written(tmp_path, *rows))
    assert isinstance(called, LoggedCall)
    assert (called.answer, called.tool) == ("{}", "find")
    assert isinstance(empty, UnusableCall) and empty.reason == "no text in the answer"


@pytest.mark.parametrize("form", ["stored", "exchange", "litellm", "span"])
def test_an_answer_that_is_not_complete(form: str, tmp_path: Path) -> None:
    rows = [
        FORMS[form](TEXT, "cat", finish_reason="length"),
        FORMS[form](TEXT, "cat", finish_reason="content_filter"),
    ]
    assert reasons(written(tmp_path, *rows)) == ["cut off", "refused or filtered"]


def test_a_failed_call_in_each_way_to_say_it(tmp_path: Path) -> None:
    rows = [
        {**litellm(TEXT, None), "status": "failure", "response": {}},
        {**langfuse(TEXT, None), "level": "ERROR", "status_message": "Rate limit", "output": None},
        {**exchange(TEXT, None), "response": None, "error": {"code": "server_error"}},
        {
            "request": {"messages": turns(TEXT)},
            "response": {"status_code": 429, "body": {"error": {"message": "slow down"}}},
        },
        otlp({"gen_ai.request.model": "gpt-4o-mini", "error.type": "timeout"}, code=2),
    ]
    assert reasons(written(tmp_path, *rows)) == ["failed"] * len(rows)


def test_a_stream_without_its_text(tmp_path: Path) -> None:
    chunk = stored(TEXT, "cats")
    chunk["object"] = "chat.completion.chunk"
    chunk["choices"] = [{"index": 0, "delta": {"content": "ca"}, "finish_reason": None}]
    row = {**litellm(TEXT, None), "response": {}}
    assert reasons(written(tmp_path, chunk, row)) == [
        "streamed, without the text",
        "no text in the answer",
    ]


def test_turns_that_do_not_belong_to_one_text(tmp_path: Path) -> None:
    assistant = {"role": "assistant", "content": "cats"}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    rows = [
        {"messages": [*turns(TEXT), assistant, assistant]},
        {"messages": [*turns(TEXT), {"role": "tool", "content": "1"}, assistant]},
        {"messages": [{"role": "user", "content": [image]}, assistant]},
        {"messages": turns(TEXT)},
        {**litellm(TEXT, "cats"), "messages": {}},  # prompts are not stored
        {**litellm(TEXT, "cats"), "cache_hit": "True"},
        {**langfuse(TEXT, "cats"), "type": "SPAN"},
        otlp({"http.request.method": "GET"}),
    ]
    assert reasons(written(tmp_path, *rows)) == [
        "several turns",
        "tool call",
        "images, sound or files in the request",
        "no text in the answer",
        "no text of the request in the log",
        "answered from a cache",
        "no call of a model",
        "no call of a model",
    ]


def test_texts_in_parts_and_texts_that_are_json(tmp_path: Path) -> None:
    ticket = json.dumps({"subject": "cat", "body": "sleeps"})
    rows = [
        {
            "model": "gpt-4o",
            "input": [{"role": "user", "content": [{"type": "input_text", "text": TEXT}]}],
            "instructions": SYSTEM,
            "object": "response",
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "content": [{"type": "output_text", "text": "cats"}]},
            ],
        },
        {**langfuse(TEXT, None), "input": ticket, "output": '{"label": "cats"}'},
    ]
    calls = read(written(tmp_path, *rows))
    assert [(row.input, row.answer) for row in calls if isinstance(row, LoggedCall)] == [
        (TEXT, "cats"),
        (ticket, '{"label": "cats"}'),
    ]


def test_messages_of_anthropic_in_the_export_of_helicone(tmp_path: Path) -> None:
    """The system prompt is beside the messages, and the tokens of the cache are apart."""
    row = {
        "request_body": {
            "model": "claude-sonnet-5-5",
            "system": [{"type": "text", "text": SYSTEM}],
            "messages": [{"role": "user", "content": TEXT}],
        },
        "response_body": {
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": [
                {"type": "thinking", "thinking": "A kitten…"},
                {"type": "text", "text": "cats"},
            ],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 50, "output_tokens": 2},
        },
        "cost": 0.0001,
        "request_created_at": "2026-11-29T10:30:00Z",
        "response_status": 200,
    }
    failed = {**row, "response_status": 529, "response_body": {"error": {"type": "overloaded"}}}
    (call,) = read(written(tmp_path, row))
    assert isinstance(call, LoggedCall)
    assert (call.input, call.answer, call.system) == (TEXT, "cats", SYSTEM)
    assert (call.prompt_tokens, call.completion_tokens) == (60, 2)
    assert (call.model, call.usd, call.at) == ("anthropic:claude-sonnet-5-5", Decimal("0.0001"), AT)
    assert reasons(written(tmp_path, failed)) == ["failed"]


@pytest.mark.parametrize("kind", ["gzip", "list", "pages", "parquet", "csv", "indented", "bom"])
def test_a_file_is_known_by_its_bytes(kind: str, tmp_path: Path) -> None:
    rows = [langfuse(f"{TEXT} {n}", "cats") for n in range(3)]
    path = tmp_path / "log"
    packed = [{k: v if isinstance(v, str) else json.dumps(v) for k, v in r.items()} for r in rows]
    if kind == "gzip":
        path.write_bytes(gzip.compress(jsonl(rows).encode()))
    elif kind == "list":
        path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    elif kind == "pages":
        path.write_text(jsonl([{"data": rows[:2], "meta": {}}, {"data": rows[2:]}]))
    elif kind == "parquet":
        parquet.write_table(pyarrow.Table.from_pylist(packed), path)
    elif kind == "csv":
        lines = [list(packed[0]), *(row.values() for row in packed)]
        cells = [["" if c == "null" else c.replace('"', '""') for c in line] for line in lines]
        path.write_text("".join('"' + '","'.join(line) + '"\n' for line in cells))
    elif kind == "indented":
        path.write_text(json.dumps({"data": rows}, indent=2), encoding="utf-8")
    else:
        path.write_text("\ufeff" + jsonl(rows), encoding="utf-8")
    calls = read(path)
    assert [row.input for row in calls if isinstance(row, LoggedCall)] == [
        f"{TEXT} {n}" for n in range(3)
    ]
    assert all(isinstance(row, LoggedCall) and row.prompt_tokens == 60 for row in calls)


def test_a_table_may_have_another_encoding(tmp_path: Path) -> None:
    row = {**langfuse("où est le colis", "cats"), "input": "où est le colis"}
    cells = {name: str(value).replace('"', '""') for name, value in row.items() if value}
    lines = ['"' + '","'.join(line) + '"\n' for line in (cells, cells.values())]
    path = tmp_path / "log.csv"
    path.write_text("".join(lines), encoding="cp1252")
    with pytest.raises(InputError, match=r"log\.csv:2: not UTF-8: .*--encoding cp1252"):
        list(read_calls([path], Broken()))
    [call] = read_calls([path], Broken(), "cp1252")
    assert isinstance(call, LoggedCall) and call.input == "où est le colis"


def test_a_list_longer_than_a_read_is_read_whole(tmp_path: Path) -> None:
    rows = [exchange(f"{TEXT} {n} " + "ü" * 1000, "cats") for n in range(3000)]
    path = tmp_path / "log"
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    assert [call.input for call in read(path) if isinstance(call, LoggedCall)] == [
        row["request"]["body"]["messages"][1]["content"] for row in rows
    ]


def test_few_broken_lines_are_counted(tmp_path: Path) -> None:
    lines = jsonl([exchange(f"{TEXT} {n}", "cats") for n in range(299)]).splitlines()
    lines[100] = lines[100][:50]
    path = tmp_path / "log"
    path.write_text("\n".join(lines), encoding="utf-8")
    broken = Broken()
    assert Counter(type(row) for row in read_calls([path], broken)) == {LoggedCall: 298}
    assert broken.count == 1 and broken.first.startswith(f"{path}:101: not valid JSON: ")


def test_many_broken_lines_stop_with_the_first(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(jsonl([exchange(TEXT, "cats")] * 3) + "{no\n[1]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"log:4: not valid JSON: .*2 of 5 lines are broken"):
        read(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ('{"question": "a", "reply": "b"}\n', "log:1: no logged call: known are stored"),
        ('[{"messages": []}', "the file is not complete"),
        ("\x1f\x8b\x08cut", "cannot be read"),
        ("a,b\n1,2\n", "no logged call"),
    ],
)
def test_a_file_that_is_no_log(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=said):
        read(path)


def test_a_row_nested_too_deeply_is_a_broken_line(tmp_path: Path) -> None:
    deep = '{"arrayValue": {"values": [' * 5000 + "1" + "]}}" * 5000
    row = jsonl([otlp({"gen_ai.request.model": "gpt-4o", "gen_ai.prompt": "DEEP"})])
    path = tmp_path / "log"
    path.write_text(
        jsonl([exchange(TEXT, "cats")] * 100) + row.replace('{"stringValue": "DEEP"}', deep),
        encoding="utf-8",
    )
    broken = Broken()
    assert len(list(read_calls([path], broken))) == 100
    assert broken.count == 1 and broken.first.startswith(f"{path}:101: ")


def test_a_missing_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is not a file"):
        read(tmp_path / "nothing")


def test_names_of_models() -> None:
    assert named(MODEL) == f"openai:{MODEL}"
    assert named("openai/gpt-4o") == named("gpt-4o", "OpenAI") == "openai:gpt-4o"
    assert named("azure/gpt-4o") == "azure/gpt-4o"
    assert named("my-own-model") == "my-own-model"
    assert is_same(f"openai:{MODEL}", "openai:gpt-4o-mini")
    assert is_same("anthropic:claude-sonnet-5-5", "anthropic:claude-sonnet-5-5")
    assert is_same("our-model", "https://llm.example.org/v1#our-model")
    assert not is_same("openai:gpt-4o", "https://llm.example.org/v1#gpt-4o")
    assert not is_same("", "embedded") and not is_same("", "https://llm.example.org/v1#m")
    assert not is_same("openai:gpt-4o", f"openai:{MODEL}")
    assert not is_same("azure/gpt-4o", "openai:gpt-4o")


JUNK: some.SearchStrategy[Any] = some.sampled_from(
    [
        *(None, "", "x", "{}", "[]", "\ud800", "9" * 5000, "2026-13-01"),
        *(1, -1, 0.5, True, 10**400, float("inf"), float("nan")),
        *([], {}, [None], [1], ["x"], [[]], {"a": 1}, {"role": "user"}, {"type": "text"}),
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each value inside a row."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    inner = [(key, item) for key, item in items] if isinstance(value, dict | list) else []
    found = [(*path, key) for key, _ in inner]
    for key, item in inner:
        if isinstance(item, dict | list):
            found += places(item, (*path, key))
    return found


@given(some.sampled_from(sorted(FORMS)), some.data())
def test_no_row_ends_the_reading(form: str, data: some.DataObject) -> None:
    """Any value of a row may be anything: it is a call, no call, or of an unknown form."""
    row: Row = json.loads(json.dumps(FORMS[form](TEXT, "cats")))
    *way, last = data.draw(some.sampled_from(places(row)))
    holder: Any = row
    for key in way:
        holder = holder[key]
    holder[last] = data.draw(JUNK)
    for found in calls_of(row, "log:1") or ():
        assert isinstance(found, LoggedCall | UnusableCall)
        if isinstance(found, LoggedCall):
            assert found.input and found.answer
