"""Logged conversations and calls of tools, in the tasks that take them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from distill.core.conversation import turns_of
from distill.core.errors import InvalidInput
from distill.core.workspace import Workspace
from distill.task.loading import load_task
from distill.task.logs.chat import Unusable, answered, asked
from distill.task.logs.importing import Imported, ImportOptions, import_logs
from tests.conftest import WriteTask, jsonl, write_files
from tests.support.dialogues import GOLD, Row, dialogue, write_dialogues

MAIL = "ann@annshop.se"
TALK = ("The {thing} of {mail} hums", "Is {mail} right?", "Yes, so what about a {kind}")
SCHEMA: Row = {
    "type": "object",
    "properties": {
        "people": {"type": "integer", "description": "how many come"},
        "day": {"type": "string", "description": "when they come"},
    },
}
TOOLS: Mapping[str, object] = {
    "a schema": SCHEMA,
    "OpenAI's chats": {"type": "function", "function": {"name": "book", "parameters": SCHEMA}},
    "OpenAI's responses": {"type": "function", "name": "book", "parameters": SCHEMA},
    "Anthropic": {"name": "book", "description": "Book.", "input_schema": SCHEMA},
    "a list of one": [{"name": "book", "input_schema": SCHEMA}],
    "a request": {"model": "m", "tools": [{"name": "book", "input_schema": SCHEMA}]},
}
ARGUMENTS = {"people": 4, "day": "Friday"}
COMPACT = '{"people":4,"day":"Friday"}'


def exchange(messages: list[Row], answer: str) -> Row:
    message = {"role": "assistant", "content": answer}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    response = {"object": "chat.completion", "model": "gpt-4o-mini", "choices": [choice]}
    system = [{"role": "system", "content": "What does the customer want?"}]
    return {
        "request": {"model": "gpt-4o-mini", "messages": [*system, *messages]},
        "response": response,
    }


def logged(workspace: Workspace, name: str, *rows: Row, **options: Any) -> Imported:
    path = workspace.prompts.parent / "log.jsonl"
    path.write_text(jsonl(rows), encoding="utf-8")
    return import_logs(workspace, name, [path], ImportOptions(**options))


def test_conversations_become_inputs_masked_in_every_turn(workspace: Workspace) -> None:
    write_dialogues(workspace.prompts, inputs_jsonl="")
    one = dialogue(TALK, thing="lamp", kind="repair", mail=MAIL)
    same = dialogue(TALK, thing="LAMP", kind="repair", mail=MAIL)
    gold = dialogue(GOLD, thing="lamp", n=500, kind="refund")
    found = logged(
        workspace,
        "dialogues",
        *(exchange(one, "repairs"), exchange(same, "repairs"), exchange(gold, "refunds")),
        exchange([*one, {"role": "assistant", "content": "Fine"}], "repairs"),
        exchange([one[0], one[1] | {"tool_calls": [{}]}, one[2]], "repairs"),
        answers_as_labels=True,
    )
    assert found.collected.unusable == {"several turns": 1, "tool call": 1}
    assert (found.collected.calls, found.copies) == (3, 1)
    assert found.left_out == {"too close to gold": 1}
    task = load_task(workspace.prompts, "dialogues")
    (text,) = task.inputs
    first, second, last = (turn.content for turn in turns_of(text))
    assert first == "The lamp of person@example.com hums"
    assert (second, last) == ("Is person@example.com right?", "Yes, so what about a repair")
    assert task.logged_answers[text].answer == "repairs"
    for name in ("inputs.jsonl", "answers.jsonl"):
        line = (task.folder / name).read_text(encoding="utf-8").splitlines()[-1]
        assert json.loads(line)["messages"][1]["role"] == "assistant"
    logged(workspace, "dialogues", exchange(one, "returns"), answers_as_labels=True)
    again = load_task(workspace.prompts, "dialogues")
    assert again.inputs == task.inputs
    assert again.logged_answers[text].answer == "returns"  # the new answer, in the old one's place


def test_a_task_of_texts_leaves_them_out(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    one = dialogue(TALK, thing="lamp", kind="cat", mail=MAIL)
    text = {"role": "user", "content": "The cat of the house sleeps on the roof"}
    two = [{"role": "user", "content": "Hello"}, text]
    found = logged(
        workspace, "pets", exchange(one, "cats"), exchange(two, "cats"), exchange([text], "cats")
    )
    assert found.collected.unusable == {"several turns": 2}
    assert load_task(workspace.prompts, "pets").inputs == (text["content"],)


def test_two_messages_of_the_user_are_one_turn(workspace: Workspace) -> None:
    found = asked([{"role": "user", "content": "Hello"}, {"role": "user", "content": "There"}])
    assert (found.input, found.turns) == ("Hello\n\nThere", 2)


def test_a_logged_text_that_looks_like_an_encoding_is_a_text() -> None:
    text = "\x02User: a\n\x02Assistant: b\n\x02User: c"
    (turn,) = turns_of(asked(text).input)
    assert turn.content == text


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_is_a_schema(name: str, workspace: Workspace) -> None:
    task = tables(workspace, TOOLS[name])
    assert task.form.schema_text == tables(workspace, SCHEMA).form.schema_text
    assert task.parts["schema.json"] == tables(workspace, SCHEMA).parts["schema.json"]


def test_several_tools_are_refused(workspace: Workspace) -> None:
    tools = [{"name": name, "input_schema": SCHEMA} for name in ("book", "cancel")]
    with pytest.raises(InvalidInput, match=r"schema\.json has 2 tools, but an answer is a call"):
        tables(workspace, tools)


def tables(workspace: Workspace, schema: object) -> Any:
    """The task `tables`, whose answers are objects of a schema or calls of a tool."""
    rows = [
        {"input": f"day is mon{n}, people is {n}", "answer": {"people": n, "day": f"mon{n}"}}
        for n in range(6)
    ]
    files = {
        "task_toml": 'name = "tables"\nkind = "extract"\n',
        "synthesize_md": "With {{ group }}:\n",
        "answer_md": "{{ input }} ->\n",
        "student_md": "Which table?\n",
        "schema_json": json.dumps(schema),
        "seeds_jsonl": jsonl(rows[:3]),
        "gold_jsonl": jsonl(rows[3:]),
    }
    write_files(workspace.prompts / "tables", files)
    return load_task(workspace.prompts, "tables")


CHAT = {"function": {"name": "book", "arguments": json.dumps(ARGUMENTS)}, "type": "function"}
ANTHROPIC = {"type": "tool_use", "id": "t", "name": "book", "input": ARGUMENTS}
RESPONSES = {"type": "function_call", "name": "book", "arguments": json.dumps(ARGUMENTS)}
CALLS: Mapping[str, Row] = {
    "OpenAI's chats": {
        "choices": [{"finish_reason": "tool_calls", "message": {"tool_calls": [CHAT]}}]
    },
    "the old function_call": {
        "choices": [
            {
                "finish_reason": "function_call",
                "message": {"content": None, "function_call": CHAT["function"]},
            }
        ]
    },
    "OpenAI's responses": {"output": [{"type": "reasoning"}, RESPONSES]},
    "Anthropic": {
        "role": "assistant",
        "stop_reason": "tool_use",
        "content": [{"type": "text", "text": "I book it."}, ANTHROPIC],
    },
    "OpenTelemetry": {
        "role": "assistant",
        "parts": [{"type": "tool_call", "name": "book", "arguments": ARGUMENTS}],
        "finish_reason": "tool_call",
    },
}


@pytest.mark.parametrize("name", CALLS)
def test_the_call_of_every_provider(name: str) -> None:
    assert answered(CALLS[name]) == (COMPACT, "book")


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": [CHAT, CHAT]},
        {"tool_calls": [{"function": {"name": "book", "arguments": '{"people": 4'}}]},
        {"tool_calls": [{"function": {"arguments": "{}"}}]},
        {"tool_calls": [{"type": "custom"}]},
        {"content": "text", "finish_reason": "tool_calls"},
        {"content": [{"type": "tool_result", "content": "4"}]},
    ],
)
def test_calls_that_are_no_answer(message: Row) -> None:
    with pytest.raises(Unusable, match="tool call"):
        answered({"choices": [{"message": message}]})


def test_a_call_of_the_tasks_tool_is_an_answer(workspace: Workspace) -> None:
    def call(text: str, tool: str) -> Row:
        row = exchange([{"role": "user", "content": text}], "")
        function = {"name": tool, "arguments": json.dumps(ARGUMENTS)}
        called = {"type": "function", "function": function}
        row["response"]["choices"][0]["message"] = {"role": "assistant", "tool_calls": [called]}
        return row

    tables(workspace, TOOLS["OpenAI's chats"])
    found = logged(
        workspace,
        "tables",
        *(call("We are four on Friday", "book"), call("Do not come on Monday", "cancel")),
        answers_as_labels=True,
    )
    assert found.collected.unusable == {"tool call": 1}
    task = load_task(workspace.prompts, "tables")
    assert task.logged_answers["We are four on Friday"].answer == COMPACT
    tables(workspace, SCHEMA)  # a schema without a tool takes the calls of all tools
    found = logged(workspace, "tables", call("Do not come on Monday", "cancel"))
    assert not found.collected.unusable
