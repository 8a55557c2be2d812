"""Logs as inputs of a task: masked, each once, apart from gold, with today's cost."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.task.loading import load_task
from distill.task.logs.importing import Imported, ImportOptions, import_logs
from tests.conftest import WriteTask, jsonl, pet_rows
from tests.task.logs.samples import FORMS, MODEL, SYSTEM, Row, chat, exchange, litellm, turns

AWS = "AKIA" + "QYLPMN5HHHFPZAM2"
ADDRESS = "anna.lind@lindshop.se"
TOOLS = [{"id": "call_1", "type": "function", "function": {"name": "find", "arguments": "{}"}}]


def text(number: int) -> str:
    """A text with words of its own, near no other."""
    words = ("sofa", "roof", "river", "garden", "window", "market", "train", "winter", "bridge")
    return f"My kitten sat on the {words[number % 9]} of {words[number // 9 % 9]} street {number}"


def bad_log() -> list[Row]:
    """Streamed, failed and tool calls, the same call twice, secrets and personal data."""
    chunk = {**exchange(text(1), "cats")}
    chunk["response"] = {
        "object": "chat.completion.chunk",
        "choices": [{"delta": {"content": "c"}}],
    }
    failed = {**exchange(text(2), None), "response": None, "error": {"code": "timeout"}}
    return [
        exchange(text(10), "cats"),
        exchange(text(10).upper() + "  ", "cats"),
        chunk,
        failed,
        exchange(text(3), None, tool_calls=TOOLS),
        exchange(f"The dog of {ADDRESS} ate the key {AWS}", "dogs"),
        exchange(f"The dog of bob@bobshop.se ate the key {AWS}", "dogs"),
        exchange(pet_rows("gold", 5)[0]["input"], "cats"),
        exchange(pet_rows("gold", 5)[0]["input"] + "!", "cats"),
        exchange(pet_rows("seed", 4)[0]["input"], "cats"),
    ]


def imported(workspace: Workspace, folder: Path, *rows: Row, **options: Any) -> Imported:
    path = folder / "log"
    path.write_text(jsonl(rows), encoding="utf-8")
    return import_logs(workspace, "pets", [path], ImportOptions(**options))


def inputs(workspace: Workspace) -> tuple[str, ...]:
    return load_task(workspace.prompts, "pets").inputs


def test_each_text_once_masked_and_apart_from_gold(
    workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    pets()
    found = imported(workspace, tmp_path, *bad_log())
    assert set(inputs(workspace)) == {
        text(10),
        "The dog of person@example.com ate the key [SECRET]",
    }
    assert found.collected.unusable == {
        "failed": 1,
        "streamed, without the text": 1,
        "tool call": 1,
    }
    assert (found.collected.calls, found.collected.sample.distinct) == (7, 6)
    assert found.left_out == {
        "equal after masking": 1,
        "too close to gold": 2,
        "already in the task": 1,
    }
    assert found.cleaned.masked == {"email": 2, "secret": 2}
    assert found.cleaned.secrets == {"AWS Access Key": 2}


def test_no_secret_and_no_address_reach_the_disk(
    workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    pets()
    imported(workspace, tmp_path, *bad_log())
    files = [path for path in workspace.prompts.parent.rglob("*") if path.is_file()]
    read = {path: path.read_bytes() for path in files if path.name != "log"}
    assert workspace.prompts / "pets" / "inputs.jsonl" in read
    assert [path for path, data in read.items() if AWS.encode() in data] == []
    assert [path for path, data in read.items() if ADDRESS.encode() in data] == []


def test_the_same_log_again_adds_nothing(
    workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    pets()
    imported(workspace, tmp_path, *bad_log())
    before = (workspace.prompts / "pets" / "inputs.jsonl").read_bytes()
    found = imported(workspace, tmp_path, *bad_log())
    assert found.cleaned.texts == []
    assert (workspace.prompts / "pets" / "inputs.jsonl").read_bytes() == before


def test_rows_of_before_stay(workspace: Workspace, pets: WriteTask, tmp_path: Path) -> None:
    pets(inputs_jsonl='{"input": "A parrot speaks"}')  # without the end of the line
    imported(workspace, tmp_path, exchange(text(10), "cats"))
    assert inputs(workspace) == ("A parrot speaks", text(10))


def test_nothing_is_lost_if_the_disk_is_full(
    workspace: Workspace, pets: WriteTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pets(inputs_jsonl='{"input": "A parrot speaks"}\n')
    folder = workspace.prompts / "pets"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        imported(workspace, tmp_path, exchange(text(10), "cats"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_two_system_prompts_are_a_question(
    workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    other = {
        "messages": [
            *turns(text(1), f"Write a poem. {ADDRESS}"),
            {"role": "assistant", "content": "O"},
        ]
    }
    rows = [chat(text(10), "cats"), chat(text(11), "cats"), other]
    task = pets()
    with pytest.raises(
        InputError, match=r"2 system prompts.*Sort a message.*2 calls.*poem"
    ) as told:
        imported(workspace, tmp_path, *rows)
    assert ADDRESS not in str(told.value)
    assert not (task.folder / "inputs.jsonl").exists()
    found = imported(workspace, tmp_path, *rows, system="sort a MESSAGE")
    assert set(inputs(workspace)) == {text(10), text(11)}
    assert found.collected.unusable == {"another system prompt": 1}
    imported(workspace, tmp_path, *rows, any_system=True)
    assert set(inputs(workspace)) == {text(1), text(10), text(11)}


def test_a_date_makes_no_other_system_prompt(
    workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    pets()
    answer = {"role": "assistant", "content": "cats"}
    rows = [{"messages": [*turns(text(n), f"Today is {n}. {SYSTEM}"), answer]} for n in range(3)]
    assert len(imported(workspace, tmp_path, *rows).cleaned.texts) == 3


@pytest.mark.parametrize("form", ["exchange", "litellm", "langfuse", "span", "stored"])
def test_what_it_costs_today_becomes_a_section(
    form: str, workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    before = (pets().folder / "task.toml").read_text(encoding="utf-8")
    found = imported(workspace, tmp_path, *(FORMS[form](text(n), "cats") for n in range(4)))
    assert found.today is not None and found.today.usd_per_1k is not None
    paid = form in ("litellm", "langfuse")
    usd = Decimal("0.0102") if paid else (60 * Decimal("0.15") + 2 * Decimal("0.60")) / 1000
    assert (found.today.usd_per_1k, found.today.is_paid) == (usd, paid)
    assert found.today_written
    spec = load_task(workspace.prompts, "pets").spec
    assert spec.today.given == {
        "model": f"openai:{MODEL}",
        "prompt_tokens": 60,
        "completion_tokens": 2,
    }
    after = (workspace.prompts / "pets" / "task.toml").read_text(encoding="utf-8")
    assert after.startswith(before)


def test_a_section_of_today_stays(workspace: Workspace, pets: WriteTask, tmp_path: Path) -> None:
    own = '\n[today]  # what we pay\nmodel = "openai:gpt-4o"\n'
    folder = pets().folder
    toml = (folder / "task.toml").read_text(encoding="utf-8") + own
    (folder / "task.toml").write_text(toml, encoding="utf-8")
    found = imported(workspace, tmp_path, litellm(text(1), "cats"))
    assert not found.today_written and found.today is not None
    assert (folder / "task.toml").read_text(encoding="utf-8") == toml


def test_the_name_of_a_model_cannot_write_another_key(
    workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    pets()
    row = {**litellm(text(1), "cats"), "model": 'gpt-4o"\n[budget]\nusd = 1000\n#'}
    imported(workspace, tmp_path, row)
    assert load_task(workspace.prompts, "pets").spec.budget.usd == Decimal("5.00")


def test_a_model_without_a_price_is_not_written(
    workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    pets()
    row = {
        **litellm(text(1), "cats"),
        "model": "azure/our-deployment",
        "custom_llm_provider": "azure",
    }
    found = imported(workspace, tmp_path, row)
    assert found.today is not None and not found.today_written
    assert (found.today.model, found.today.priced) == ("azure/our-deployment", False)
    assert found.today.usd_per_1k == Decimal("0.0102")


def test_the_sample_is_bounded_and_its_texts_are_the_same_in_any_order(
    workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    pets()
    rows = [exchange(text(n), "cats") for n in range(60)]
    found = imported(workspace, tmp_path, *rows, *reversed(rows), most=10)
    assert found.left_out["beyond --most"] == 50 and found.copies == 60
    first = inputs(workspace)
    assert len(first) == 10
    (workspace.prompts / "pets" / "inputs.jsonl").unlink()
    again = imported(workspace, tmp_path, *reversed(rows), most=10)
    assert inputs(workspace) == first
    assert {sum(row.answers.values()) for row in found.cleaned.texts} == {2}
    assert {sum(row.answers.values()) for row in again.cleaned.texts} == {1}


@pytest.mark.parametrize(("privacy", "kept"), [("mask", 2), ("drop", 1), ("off", 2)])
def test_privacy_is_as_the_task_says_and_secrets_are_always_masked(
    privacy: str, kept: int, workspace: Workspace, pets: WriteTask, tmp_path: Path
) -> None:
    toml = (pets().folder / "task.toml").read_text(encoding="utf-8")
    pets(task_toml=f'{toml}[curate]\nprivacy = "{privacy}"\n')
    rows = [exchange(f"Dear {ADDRESS}, a dog", "dogs"), exchange(f"The cat ate {AWS}", "cats")]
    imported(workspace, tmp_path, *rows)
    texts = inputs(workspace)
    assert len(texts) == kept and "The cat ate [SECRET]" in texts
    assert any(ADDRESS in one for one in texts) == (privacy == "off")


def test_a_log_without_a_call_to_use(workspace: Workspace, pets: WriteTask, tmp_path: Path) -> None:
    pets()
    with pytest.raises(InputError, match="no call to use: 1 tool call"):
        imported(workspace, tmp_path, exchange(text(3), None, tool_calls=TOOLS))


def test_a_task_that_does_not_exist(workspace: Workspace, pets: WriteTask, tmp_path: Path) -> None:
    pets()
    with pytest.raises(InputError, match="did you mean pets"):
        import_logs(workspace, "pet", [tmp_path / "log"], ImportOptions())
    assert not (workspace.runs / "pet").exists()
