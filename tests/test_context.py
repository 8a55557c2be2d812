"""What the student cannot take in whole is left out with its reason, and never cut."""

import json
from pathlib import Path

import pytest

from distill.backends import context
from distill.backends.context import longer_than, tokens_of
from distill.backends.trainers.children.lora.rows import read_rows
from distill.backends.weights import STUDENT, embedded
from distill.split import find_too_long
from tests.conftest import WriteTask
from tests.test_split import example


def chat(text: str) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": "Which pet?"},
        {"role": "user", "content": text},
        {"role": "assistant", "content": "cats"},
    ]


@pytest.fixture(scope="module")
def base() -> Path:
    return embedded(STUDENT)[1]


def test_a_chat_has_as_many_tokens_as_the_trainer_makes_of_it(base: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    texts = ["it barks", "two\nlines and 3 numbers", "Straße, कुत्ता, 🐈", ""]
    rows = tmp_path / "rows.jsonl"
    lines = [json.dumps({"messages": chat(text)}) + "\n" for text in texts]
    rows.write_text("".join(lines), encoding="utf-8")
    trained = read_rows(rows, AutoTokenizer.from_pretrained(base))
    assert [tokens_of(chat(text), base) for text in texts] == [row["length"] for row in trained]


def test_a_chat_of_exactly_the_limit_stays(base: Path) -> None:
    chats = [chat("word " * 900), chat("short"), chat("word " * 901)]
    limit = tokens_of(chats[0], base)
    assert longer_than(chats, base, limit) == {2: limit + 1}


def test_short_chats_need_no_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(context, "tokens_of")
    assert longer_than([chat("a" * 700)], Path("nowhere"), 1024) == {}


def test_long_examples_are_dropped_with_their_reason(pets: WriteTask) -> None:
    task = pets()
    rows = [example("one " * 400), example("one " * 1200)]
    (drop,) = find_too_long(rows, task)
    assert (drop.candidate_id, drop.check) == (rows[1].id, "context")
    assert drop.reason == "has more tokens than the student takes"
    assert drop.score is not None and drop.score > 1200
