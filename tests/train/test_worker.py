"""The trainers' child without a model: rows, their order, checkpoints, and failures in words."""

import ast
import errno
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, cast, get_type_hints

import pytest

from distill.task.spec import StudentSpec
from distill.train.trainers import lora
from distill.train.trainers.base import LocalWeights, TrainJob
from distill.train.trainers.child import CHILDREN, seconds_told, whole_lines
from distill.train.trainers.recipes import Recipe, recipe_for
from distill.train.worker.training.lora import precision
from distill.train.worker.training.lora.checkpoints import last_checkpoint
from distill.train.worker.training.lora.choice_loss import branches, choice_loss
from distill.train.worker.training.lora.loading import without_date
from distill.train.worker.training.lora.merging import halve
from distill.train.worker.training.lora.reference_answers import text_after
from distill.train.worker.training.lora.tokenised_rows import (
    IGNORED,
    LengthBuckets,
    collator,
    read_chats,
    read_rows,
)
from distill.train.worker.training.messages import DivergedError, UnusableBaseError, in_words
from distill.train.worker.training.protocol import Job, tell


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


def test_the_choices_are_told_apart_where_their_tokens_part() -> None:
    choices = ("dogs", "cats and kittens", "cats alone", "birds")
    dogs, cats, end, more, alone, birds = (
        hash(word) for word in ("dogs", "cats", "<end>", "and", "alone", "birds")
    )
    assert branches(CHAT, choices, Words()) == {
        (): sorted([dogs, cats, birds]),
        (cats,): sorted([more, alone]),
    }
    ends = branches(CHAT, ("cats", "cats alone"), Words())
    assert ends == {(cats,): sorted([alone, end])}, "an end is told from going on, too"


def test_the_loss_of_a_choice_is_that_among_the_choices_and_some_of_the_rest() -> None:
    """Against probabilities worked out one by one, for two answers of two and three tokens."""
    import torch

    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 7, generator=draw, requires_grad=True)
    labels = torch.tensor([[IGNORED, 1, 6, IGNORED], [IGNORED, 2, 3, 6]])
    parted = {(): [1, 2, 5], (2,): [3, 4]}
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    among = [
        p[0, 1] / (p[0, 1] + p[0, 2] + p[0, 5]),
        p[2, 2] / (p[2, 1] + p[2, 2] + p[2, 5]),
        p[3, 3] / (p[3, 3] + p[3, 4]),
    ]
    chosen = -sum(share.log() for share in among)
    whole = -(p[0, 1] * p[1, 6] * p[2, 2] * p[3, 3] * p[4, 6]).log()
    loss = choice_loss(logits, labels, parted)
    assert loss.item() == pytest.approx(((chosen + 0.3 * (whole - chosen)) / 2).item(), rel=1e-5)
    loss.backward()
    pull = logits.grad[0].abs()
    assert pull[2] > pull[[0, 3, 4, 6]].max(), "the wrong choice is what is learned from"


def test_an_answer_that_is_no_choice_is_learned_as_text() -> None:
    """Among choices that leave it out its loss would fall without end."""
    import torch

    logits = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[IGNORED, 4, 6]])
    whole = torch.nn.functional.cross_entropy(logits, labels[0, 1:], reduction="sum")
    loss = choice_loss(logits, labels, {(): [1, 2, 5]})
    assert loss.item() == pytest.approx(0.3 * whole.item(), rel=1e-5)


@pytest.mark.parametrize(("labelled", "loss"), [(True, "choice"), (False, "tokens")])
def test_the_recipe_says_which_loss_it_was(labelled: bool, loss: str) -> None:
    """So that a training goes on with its own loss alone, and runs with different ones differ."""
    recipe = recipe_for(StudentSpec().model_dump(), 135_000_000, labelled=labelled)
    assert recipe.loss == loss


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
    for step, state in ((9, '{"epoch": 1}'), (100, '{"epoch": 2}'), (105, '{"epo'), (110, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state, encoding="utf-8")
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-100")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"checkpoint-9", "checkpoint-100"}


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
    whole = whole_lines(progress)
    assert whole == "\n".join(lines) + "\n"
    assert seconds_told(whole) == 12.5
    assert whole_lines(tmp_path / "none") == ""


def test_parent_and_child_name_the_same_keys() -> None:
    told = {name.name for name in fields(TrainJob)} | {"trainer", "progress"}
    assert set(get_type_hints(Job)) == told
    assert set(get_type_hints(get_type_hints(Job)["recipe"])) == {
        one.name for one in fields(Recipe)
    }


def test_each_line_has_the_seconds_that_its_process_worked(tmp_path: Path) -> None:
    job = cast(Job, {"progress": str(tmp_path / "progress.jsonl")})
    tell(job, {"event": "begun"})
    tell(job, {"event": "steps", "steps": 1})
    first, second = map(json.loads, (tmp_path / "progress.jsonl").read_text("utf-8").splitlines())
    assert (first["event"], second["steps"]) == ("begun", 1)
    assert 0 <= first["seconds"] <= second["seconds"]


def test_an_answer_is_read_behind_its_prompt(tmp_path: Path) -> None:
    """Some tokenizers put a space before a text that stands alone."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"messages": CHAT}) + "\n", encoding="utf-8")

    class Spaced(Words):
        eos_token = "<end>"

        def __call__(self, text: str, *, add_special_tokens: bool) -> "Spaced":
            words = [word for word in re.split(r"(?<=:)|(?=<)|(?= )", text) if word]
            first = words[0] if words[0].endswith(":") else f"_{words[0]}"
            self.input_ids = [hash(word) for word in [first, *words[1:]]]
            return self

    (row,) = read_rows(rows, Spaced())
    assert row["input_ids"][-2:] == [hash("dogs"), hash("<end>")]
    assert row["labels"].count(IGNORED) == len(row["labels"]) - 2


class Pieces:
    """Tokens are texts; the first of what is decoded loses its space, as with SentencePiece."""

    def decode(self, ids: list[str], *, skip_special_tokens: bool) -> str:
        return "".join(ids).removeprefix(" ")


def test_what_follows_a_prompt_is_told_as_a_server_does() -> None:
    prompt: list[Any] = ["user:", " hi", "assistant:"]
    assert text_after(prompt, [" dogs", " too"], Pieces()) == " dogs too"  # type: ignore[list-item]
    assert text_after(prompt, [], Pieces()) == ""


def test_a_template_says_the_same_every_day() -> None:
    from jinja2 import Environment

    dated = "{{ strftime_now('%d %b %Y') }}: {{ text }}"
    same = without_date(dated)
    assert same is not None and without_date(same) == same
    environment = Environment()
    environment.globals["strftime_now"] = lambda _: "another day"
    assert environment.from_string(dated).render(text="hi") == "another day: hi"
    assert environment.from_string(same).render(text="hi") == "26 Jul 2024: hi"
    assert without_date("{{ text }}") == "{{ text }}" and without_date(None) is None


def test_a_training_that_had_ended_is_not_done_again(tmp_path: Path) -> None:
    """The child had told its end; its parent ended before it could write that down."""
    out = tmp_path / "out"
    (out / "checkpoints").mkdir(parents=True)
    losses = [{"step": 2.0, "loss": 0.5}]
    told = [
        {"event": "begun", "seconds": 1.0},
        {"event": "done", "seconds": 9.0, "trained_tokens": 7, "kept_step": 2, "losses": losses},
    ]
    lines = "".join(json.dumps(event) + "\n" for event in told)
    (out / "progress.jsonl").write_text(lines, encoding="utf-8")
    file = tmp_path / "rows.jsonl"
    job = TrainJob("nowhere", file, file, file, out, tmp_path / "log", {}, "")
    trained = lora.train("peft", job, lambda steps: None)
    assert (trained.trained_tokens, trained.kept_step, trained.earlier_seconds) == (7, 2, 9.0)
    assert trained.losses == tuple(losses) and trained.model == LocalWeights(out / "merged")
    assert not (out / "checkpoints").exists()


def test_batches_are_padded_to_lengths_that_come_again() -> None:
    rows = [
        {"input_ids": [5] * n, "labels": [IGNORED] * (n - 1) + [5], "length": n} for n in (3, 9)
    ]
    batch = collator(7, 8)(rows)
    assert {name: tuple(value.shape) for name, value in batch.items()} == dict.fromkeys(
        ("input_ids", "attention_mask", "labels"), (2, 16)
    )
    assert batch["attention_mask"].sum(1).tolist() == [3, 9]
    assert batch["input_ids"][0].tolist() == [5] * 3 + [7] * 13
    assert (batch["labels"][0] == IGNORED).sum() == 15
    assert collator(7)(rows)["input_ids"].shape == (2, 9)


@pytest.mark.parametrize(
    ("able", "dtype", "lengths"),
    [
        ({"avx2": True, "avx512_bf16": False}, "torch.float32", 1),
        ({"avx512_bf16": True}, "torch.bfloat16", 8),
        ({"amx_bf16": True}, "torch.bfloat16", 8),
    ],
)
def test_a_processor_computes_in_what_it_multiplies(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, bool], dtype: str, lengths: int
) -> None:
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert str(precision.dtype_on_processor()) == dtype
    assert precision.lengths_of_batches() == lengths
    one = torch.ones(1, 1)
    with precision.computing():
        assert str((one @ one).dtype) == dtype


def test_weights_are_the_same_in_32_bits() -> None:
    import torch

    layer = torch.nn.Linear(4, 4, dtype=torch.bfloat16)
    before = layer.weight.detach().clone()
    precision.widen(layer)
    assert layer.weight.dtype == torch.float32
    assert torch.equal(layer.weight.detach(), before.float())


@pytest.mark.parametrize(
    ("said", "parameters", "in_4bit"),
    [(None, 135_000_000, False), (None, 1_200_000_000, True), (True, 135_000_000, True)],
)
def test_a_small_base_is_not_rounded_to_4_bits(
    said: bool | None, parameters: int, in_4bit: bool
) -> None:
    choices = StudentSpec(load_in_4bit=said).model_dump()
    assert recipe_for(choices, parameters, labelled=True).load_in_4bit is in_4bit


def merged_layer(largest: float) -> tuple[Any, Any, Any]:
    """A layer in whose weights, numbers of bfloat16 before, a little was learned: the layer, the
    weights before, and what was learned."""
    import torch

    chance = torch.Generator().manual_seed(1)
    before = (0.05 * torch.randn(400, 400, generator=chance)).bfloat16().float()
    before[0, 0] = largest or before[0, 0]
    learned = before.abs() * 2.0**-11
    learned[0] = 0.0
    layer = torch.nn.Linear(400, 400, bias=False)
    layer.weight.data = before + learned
    assert torch.equal(layer.weight.bfloat16().float(), before), "the nearest is what was before"
    return layer, before, learned


@pytest.mark.parametrize(
    ("asked", "largest", "found", "step"),
    [
        ("float16", 0.0, "float16", 2.0**-10),
        ("bfloat16", 0.0, "bfloat16", 2.0**-7),
        ("float16", 70_144.0, "bfloat16", 2.0**-7),
    ],
)
def test_what_was_learned_survives_16_bits(
    asked: str, largest: float, found: str, step: float
) -> None:
    import torch

    layer, before, learned = merged_layer(largest)
    halve(layer, getattr(torch, asked))
    assert layer.weight.dtype == getattr(torch, found)
    kept = layer.weight.float() - before
    assert kept.sum().item() == pytest.approx(learned.sum().item(), rel=0.05)
    assert (kept.abs() <= before.abs() * step + 6e-8).all(), "the next number, and none beyond"
    assert torch.equal(kept[0], torch.zeros(400)), "where nothing was learned nothing is changed"


def test_the_worker_imports_nothing_of_the_tool() -> None:
    """It runs in an interpreter of its own, in which the tool is not installed."""
    for path in (CHILDREN / "training").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert not str(node.module).startswith("distill"), path
            elif isinstance(node, ast.Import):
                assert not any(name.name.startswith("distill") for name in node.names), path
