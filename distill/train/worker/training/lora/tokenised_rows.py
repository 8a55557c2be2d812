"""The token ids, batches and training order of chat rows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..messages import UnusableBaseError

IGNORED = -100

Row = dict[str, Any]
Chat = list[dict[str, str]]


def read_rows(path: Path, tokenizer: Any) -> list[Row]:
    """Return the chat rows of a file, as token ids and labels.

    The labels exclude all tokens except the answer and its end. Raises UnusableBaseError for a
    tokenizer without a chat template."""
    if not tokenizer.chat_template:
        raise UnusableBaseError(
            "The base has no chat template: choose a base that was tuned for chats (-Instruct, "
            "-it), or put a chat_template.jinja into its folder."
        )
    rows = [answer_tokens(turns, tokenizer) for turns in read_chats(path)]
    return [
        {
            "input_ids": prompt + answer,
            "labels": [IGNORED] * len(prompt) + answer,
            "length": len(prompt + answer),
        }
        for prompt, answer in rows
    ]


def read_chats(path: Path) -> list[Chat]:
    """Return the chats of a JSON lines file. U+2028 and similar characters do not end a line."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["messages"] for line in lines]


def answer_tokens(turns: Chat, tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the tokens of a chat's prompt, and the tokens of its answer including the end token.

    Some tokenizers add a space before a separate text. The answer is therefore tokenised together
    with the prompt, unless that changes the prompt's tokens.
    """
    asked = tokenizer.apply_chat_template(turns[:-1], add_generation_prompt=True, tokenize=False)
    answered = turns[-1]["content"] + tokenizer.eos_token
    prompt, whole, alone = (
        tokenizer(text, add_special_tokens=False).input_ids
        for text in (asked, asked + answered, answered)
    )
    return prompt, whole[len(prompt) :] if whole[: len(prompt)] == prompt else alone


class LengthBuckets:
    """A sampler of row numbers grouped by length, in a different order in each epoch.

    The order depends only on the seed and the epoch, so that a resumed training continues it.
    """

    def __init__(self, lengths: list[int], batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed = lengths, batch_size, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0. The trainer calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        import torch
        from transformers.trainer_pt_utils import get_length_grouped_indices

        order = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        yield from get_length_grouped_indices(self.lengths, self.batch_size, generator=order)


def filler(tokenizer: Any) -> int:
    """Return the token that pads a batch's shorter rows, which is masked.

    It is the end token if the tokenizer has no padding token.
    """
    found = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    return int(found)


def collator(pad_token_id: int, multiple: int = 1) -> Any:
    """Return a function from rows to a batch.

    The batch is padded at the right to a multiple of `multiple` tokens."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    def padded(rows: list[list[int]], fill: int) -> Any:
        batch = pad_sequence([torch.tensor(row) for row in rows], True, fill)
        return torch.nn.functional.pad(batch, (0, -batch.shape[1] % multiple), value=fill)

    def collate(batch: list[Row]) -> dict[str, Any]:
        ids = [row["input_ids"] for row in batch]
        return {
            "input_ids": padded(ids, pad_token_id),
            "attention_mask": padded([[1] * len(row) for row in ids], 0),
            "labels": padded([row["labels"] for row in batch], IGNORED),
        }

    return collate
