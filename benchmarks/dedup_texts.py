"""Texts like those of a corpus, with planted copies and near copies, the same for the same seed."""

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

EXACT, NEAR = 0.05, 0.10  # shares of the texts


@dataclass(frozen=True, slots=True)
class Planted:
    """Texts, and the places of each planted copy and of its original; the smaller place first."""

    texts: list[str]
    exact: list[tuple[int, int]]
    near: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Words:
    """A corpus as what its bigram walks need: each text's length and first word, every word, and
    the words that follow a word, as often as they do."""

    lengths: list[int]
    starts: list[str]
    words: list[str]
    after: dict[str, list[str]]


def read(folder: Path) -> Words:
    """The inputs of train.jsonl.gz."""
    with gzip.open(folder / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line)["input"].split() for line in file]
    after = defaultdict(list)
    for row in rows:
        for word, following in pairwise(row):
            after[word].append(following)
    words = [word for row in rows for word in row]
    return Words([len(row) for row in rows], [row[0] for row in rows], words, after)


def plant(corpus: Words, count: int, seed: int = 0) -> Planted:
    """`count` texts in random order."""
    draw = random.Random(seed)
    exact, near = int(count * EXACT), int(count * NEAR)
    texts = [_walk(corpus, draw) for _ in range(count - exact - near)]
    originals = [draw.randrange(len(texts)) for _ in range(exact + near)]
    copies = [_respelt(texts[place], draw) for place in originals[:exact]]
    copies += [_changed(texts[place], corpus.words, draw) for place in originals[exact:]]
    order = list(range(count))
    draw.shuffle(order)
    pairs = [
        (min(order[place], order[copy]), max(order[place], order[copy]))
        for copy, place in enumerate(originals, start=len(texts))
    ]
    shuffled = [""] * count
    for place, text in zip(order, texts + copies, strict=True):
        shuffled[place] = text
    return Planted(shuffled, pairs[:exact], pairs[exact:])


def _walk(corpus: Words, draw: random.Random) -> str:
    words = [draw.choice(corpus.starts)]
    length = draw.choice(corpus.lengths)
    while len(words) < length:
        words.append(draw.choice(corpus.after.get(words[-1]) or corpus.words))
    return " ".join(words)


def _respelt(text: str, draw: random.Random) -> str:
    """The same text in another case or with other white space."""
    return draw.choice([text.upper(), text.title(), f" {text}\n", text.replace(" ", "  ")])


def _changed(text: str, vocabulary: Sequence[str], draw: random.Random) -> str:
    """A word changed, dropped or swapped with the next, or a letter."""
    words = text.split()
    at = draw.randrange(len(words))
    match draw.choice(["change", "drop", "swap", "typo"]):
        case "change":
            words[at] = draw.choice(vocabulary)
        case "drop":
            del words[at]
        case "swap":
            words[at : at + 2] = reversed(words[at : at + 2])
        case _:
            letter = draw.randrange(len(words[at]))
            typed = draw.choice("abcdefghijklmnopqrstuvwxyz")
            words[at] = words[at][:letter] + typed + words[at][letter + 1 :]
    return " ".join(words)
