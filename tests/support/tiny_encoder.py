"""An encoder as small as it can be, with random weights, and jobs that train it."""

import json
from collections.abc import Sequence
from pathlib import Path

from distill.train.trainers.base import TrainJob

WORDS = ("the", "cat", "dog", "bird", "is", "hungry", "number", "a", "it", "barks", "sings")
RECIPE: dict[str, object] = {
    "epochs": 6,
    "learning_rate": 1e-3,
    "head_learning_rate": 1e-2,
    "schedule": "cosine",
    "warmup_share": 0.1,
    "batch_size": 4,
    "patience": 0,
    "context_tokens": 32,
    "seed": 0,
}
PETS = ("cats", "dogs", "birds")


def write_encoder(folder: Path) -> Path:
    """A folder with a random BERT of two layers, and a tokenizer that knows WORDS and letters."""
    import torch
    from tokenizers import Tokenizer, normalizers, pre_tokenizers
    from tokenizers.models import WordPiece
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    letters = [chr(code) for code in range(33, 127)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{sign}" for sign in letters)]
    vocabulary = {piece: place for place, piece in enumerate([*pieces, *WORDS])}
    words = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer()
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    words.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    ).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    config = BertConfig(
        vocab_size=len(vocabulary), num_attention_heads=2, max_position_embeddings=64, **sizes
    )
    BertModel(config).save_pretrained(folder)
    return folder


def write_chats(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    """A file of chats with these (input, answer)."""
    lines = []
    for text, answer in rows:
        turns = [("system", "Which pet?"), ("user", text), ("assistant", answer)]
        chat = [{"role": role, "content": content} for role, content in turns]
        lines.append(json.dumps({"messages": chat}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def pet_chats(path: Path, count: int) -> Path:
    """A file of `count` chats about each pet."""
    rows = [(f"the {pet[:-1]} number {n} is hungry", pet) for n in range(count) for pet in PETS]
    return write_chats(path, rows)


def encoder_job(folder: Path, **recipe: object) -> TrainJob:
    """A job on 24 rows of pets, 6 steps an epoch, validated on 21."""
    return TrainJob(
        base=str(write_encoder(folder / "base")),
        train=pet_chats(folder / "train.jsonl", 8),
        validation=pet_chats(folder / "validation.jsonl", 7),
        parity=pet_chats(folder / "parity.jsonl", 2),
        out=folder / "out",
        log=folder / "trainer.log",
        recipe=RECIPE | recipe,
        tag="",
        choices=PETS,
    )
