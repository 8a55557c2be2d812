"""The trainers' child without a model: rows, their order, checkpoints, and failures in words."""

import errno
import json
from pathlib import Path

import pytest

from distill.backends.trainers import lora
from distill.backends.trainers.children.lora.loop import last_checkpoint
from distill.backends.trainers.children.lora.rows import (
    IGNORED,
    LengthBuckets,
    read_chats,
    read_rows,
)
from distill.backends.trainers.children.lora.telling import tell
from distill.backends.trainers.children.lora.troubles import (
    DivergedError,
    UnusableBaseError,
    in_words,
)


class Words:
    """A tokenizer of words, with a template of its own."""

    chat_template = "a template"
    eos_token = " <end>"

    def apply_chat_template(
        self, turns: list[dict[str, str]], *, add_generation_prompt: bool, tokenize: bool
    ) -> str:
        assert add_generation_prompt and not tokenize
        return "".join(f"{turn['role']}: {turn['content']} " for turn in turns) + "assistant:"

    def __call__(self, text: str, *, add_special_tokens: bool) -> "Words":
        assert not add_special_tokens
        self.input_ids = [hash(word) for word in text.split()]
        return self


CHAT = [
    {"role": "system", "content": "Which pet?"},
    {"role": "user", "content": "it barks"},
    {"role": "assistant", "content": "dogs"},
]


def test_the_loss_is_on_the_answer_and_its_end_alone(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"messages": CHAT}) + "\n", encoding="utf-8")
    (row,) = read_rows(rows, Words())
    words = ["system:", "Which", "pet?", "user:", "it", "barks", "assistant:", "dogs", "<end>"]
    assert row["input_ids"] == [hash(word) for word in words]
    assert row["labels"] == [IGNORED] * 7 + [hash("dogs"), hash("<end>")]
    assert row["length"] == 9


def test_a_texts_own_line_separators_end_no_row(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    turns = [*CHAT[:1], {"role": "user", "content": "one\u2028two\x85three\x0bfour"}, *CHAT[2:]]
    line = json.dumps({"messages": turns}, ensure_ascii=False)
    rows.write_text(f"{line}\n{line}\n", encoding="utf-8")
    assert read_chats(rows) == [turns, turns]


def test_a_base_without_a_chat_template_says_so(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"messages": CHAT}) + "\n", encoding="utf-8")
    tokenizer = Words()
    tokenizer.chat_template = ""
    with pytest.raises(UnusableBaseError, match="has no chat template"):
        read_rows(rows, tokenizer)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = [5, 50, 7, 9, 30, 31, 8, 6, 40, 12] * 10
    order = LengthBuckets(lengths, 4, seed=1)
    first = list(order)
    assert sorted(first) == list(range(100))
    assert list(order) == first
    order.set_epoch(1)
    assert list(order) != first
    resumed = LengthBuckets(lengths, 4, seed=1)
    resumed.set_epoch(1)
    assert list(resumed) == list(order)
    assert list(LengthBuckets(lengths, 4, seed=2)) != first


def test_rows_of_like_length_share_a_batch() -> None:
    lengths = [n % 50 for n in range(200)]
    order = list(LengthBuckets(lengths, 4, seed=1))
    batches = [[lengths[row] for row in order[at : at + 4]] for at in range(0, 200, 4)]
    padding = sum(max(batch) * 4 - sum(batch) for batch in batches)
    assert padding < 0.15 * sum(lengths)


def test_only_a_whole_checkpoint_is_gone_on_with(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path / "none") is None
    for step, whole in ((9, True), (100, True), (110, False)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if whole:
            (folder / "trainer_state.json").write_text("{}", encoding="utf-8")
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-100")
    assert not (tmp_path / "checkpoint-110").exists()


def test_failures_in_words() -> None:
    assert "student.learning_rate" in str(in_words(DivergedError("loss", 7)))
    memory = RuntimeError(
        "[enforce fail at alloc_cpu.cpp:125] DefaultCPUAllocator: not enough memory"
    )
    for error in (
        MemoryError(),
        memory,
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    ):
        assert "student.batch_size" in str(in_words(error))
    full = OSError(errno.ENOSPC, "No space left on device")
    safetensors = RuntimeError("Error: IoError(Os { code: 28, kind: StorageFull })")
    assert "disk is full" in str(in_words(full))
    assert "disk is full" in str(in_words(safetensors))
    assert in_words(ValueError("anything else")) is None


def test_the_seconds_of_children_that_were_cut_off_are_counted(tmp_path: Path) -> None:
    told = [("begun", 0.1), ("steps", 5.0), ("begun", 0.2), ("steps", 3.0), ("steps", 7.5)]
    progress = tmp_path / "progress.jsonl"
    lines = [json.dumps({"event": event, "seconds": seconds}) for event, seconds in told]
    progress.write_text("\n".join([*lines, '{"event": "ste']), encoding="utf-8")
    whole = lora.whole_lines(progress)
    assert whole == "\n".join(lines) + "\n"
    assert lora.seconds_told(whole) == 12.5
    assert lora.whole_lines(tmp_path / "none") == ""


def test_each_line_has_the_seconds_that_its_process_worked(tmp_path: Path) -> None:
    job = {"progress": str(tmp_path / "progress.jsonl")}
    tell(job, {"event": "begun"})
    tell(job, {"event": "steps", "steps": 1})
    first, second = map(json.loads, (tmp_path / "progress.jsonl").read_text("utf-8").splitlines())
    assert (first["event"], second["steps"]) == ("begun", 1)
    assert 0 <= first["seconds"] <= second["seconds"]
