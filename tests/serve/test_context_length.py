"""What the student cannot take in whole is left out with its reason, and never cut."""

import base64
import json
import random
from pathlib import Path

import pytest

from distill.serve import context_length
from distill.serve.context_length import at_most, long_chats, longer_than, tokenizer_here, tokens_of
from distill.serve.embedded_models import STUDENT, embedded
from distill.train.split import find_too_long
from distill.train.worker.training.lora.tokenised_rows import read_rows
from tests.conftest import WriteTask
from tests.train.test_split import example


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
    monkeypatch.delattr(context_length, "tokens_of")
    assert longer_than([chat("a" * 700)], Path("nowhere"), 1024) == {}


def test_long_examples_are_dropped_with_their_reason(pets: WriteTask) -> None:
    task = pets()
    rows = [example("one " * 400), example("one " * 1200)]
    (drop,) = find_too_long(rows, task)
    assert (drop.candidate_id, drop.check) == (rows[1].id, "context")
    assert drop.reason == "has more tokens than the student takes"
    assert drop.score is not None and drop.score > 1200


TEXTS = [
    "ส่งของมาผิดครับ " * 40,
    "አማርኛ ቋንቋ " * 50,
    "我想知道快递现在在哪个城市" * 20,
    "Siparisim nerede kaldi, ucuncu gundur bekliyorum ama kimse cevap vermiyor " * 20,
    "Gdzie jest moja paczka, czekam juz trzeci dzien i nikt nie odpowiada " * 20,
    base64.b64encode(random.Random(0).randbytes(900)).decode(),
    " ".join(str(random.Random(n).randint(0, 99_999)) for n in range(300)),
    json.dumps([{"name": "x", "qty": 3}] * 30, indent=4),
    "zxqv wbkjh " * 40,
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_bound_is_not_below_the_tokens_of_the_default_student(text: str) -> None:
    count = tokenizer_here("auto")
    if count is None:
        pytest.skip("the default student is not unpacked here")
    assert at_most(text) >= 0.95 * count(text)
    assert at_most(text) <= 3 * count(text)


def test_a_base_that_is_not_here_has_no_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTILL_MODELS", "/nowhere")
    assert tokenizer_here("auto") is None
    assert tokenizer_here("owner/model") is None
    chat = [{"role": "user", "content": TEXTS[0]}, {"role": "assistant", "content": "a"}]
    assert long_chats([chat, chat[1:]], 1_024, "auto") == ([0], False)
