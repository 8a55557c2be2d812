"""The training rows: token ids, targets, and batches of rows of similar length."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..protocol import EncoderJob
from .loading import tokenised
from .tags import NO_WORD, tags_of

SHUFFLED_BATCHES = 16  # batches whose rows are sorted by length together


@dataclass(frozen=True)
class Row:
    """A row: the text's token ids and its target.

    For labels, `target` has the probability of each label, which sum to 1. For fields, it has a tag
    for each token, NO_WORD where a token begins no word.
    """

    ids: Sequence[int]
    target: Sequence[float]


def read_rows(path: Path, tokenizer: Any, job: EncoderJob) -> list[Row]:
    """Return the rows of a file of chats. The last user message is the text.

    An answer that is none of the labels is left out.
    """
    with path.open(encoding="utf-8") as lines:
        chats = [json.loads(line)["messages"] for line in lines]
    if not job["fields"]:
        chats = [turns for turns in chats if turns[-1]["content"] in job["choices"]]
    if not chats:
        return []
    texts = [turns[-2]["content"] for turns in chats]
    tokens = tokenised(texts, tokenizer, job)
    answers = [turns[-1]["content"] for turns in chats]
    places = {label: place for place, label in enumerate(job["choices"])}
    return [
        Row(
            ids,
            tags_of(texts[place], json.loads(answers[place]), tokens, place, list(job["fields"]))
            if job["fields"]
            else one_hot(places[answers[place]], len(places)),
        )
        for place, ids in enumerate(tokens["input_ids"])
    ]


def one_hot(place: int, labels: int) -> list[float]:
    """Return the target of a row with one right label."""
    return [float(number == place) for number in range(labels)]


def loss_of(logits: Any, rows: Sequence[Row]) -> Any:
    """Return the mean cross entropy of rows.

    Logits of the shape (rows, labels) are compared with probabilities, and those of the shape
    (rows, tokens, tags) with the tags of words.
    """
    import torch

    entropy = torch.nn.functional.cross_entropy
    if logits.dim() == 2:
        return entropy(logits, torch.tensor([row.target for row in rows], device=logits.device))
    tags = torch.full(logits.shape[:2], NO_WORD)
    for place, row in enumerate(rows):
        tags[place, : len(row.target)] = torch.tensor(row.target)
    return entropy(logits.flatten(0, 1), tags.flatten().to(logits.device), ignore_index=NO_WORD)


def batches(rows: Sequence[Row], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Return the row numbers of an epoch's batches, with rows of similar length together.

    The order depends only on seed and epoch, so that a resumed training continues it.
    """
    draw = random.Random(seed * 1_000_003 + epoch)
    order = list(range(len(rows)))
    draw.shuffle(order)
    together = size * SHUFFLED_BATCHES
    found: list[list[int]] = []
    for start in range(0, len(order), together):
        part = sorted(order[start : start + together], key=lambda place: len(rows[place].ids))
        found += (part[place : place + size] for place in range(0, len(part), size))
    draw.shuffle(found)
    return found
