"""Tagged words of a text → the fields of an object.

A word of no field has the tag 0. The first word of a value of field f has 1 + 2f, and every further
word 2 + 2f (BIO). A value is the text from its first word to its last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

from distill.text.field_tagger import number_in

LISTS, NUMBERS = ("texts", "numbers"), ("number", "numbers")


@dataclass(frozen=True, slots=True)
class TaggedWord:
    """A word's characters, from `start` to before `end`, its tag, and the tag's probability."""

    start: int
    end: int
    tag: int
    probability: float


def object_in(text: str, words: Sequence[TaggedWord], fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that the tags find. A field without a list has its likeliest value.

    `fields`: field → type of its values: text, number, texts or numbers."""
    found: dict[str, Any] = {}
    names = list(fields)
    values = sorted(_values(words), key=lambda value: -_probability(value))
    for value in values:
        name = names[(value[0].tag - 1) // 2]
        said: Any = text[value[0].start : value[-1].end].strip()
        if fields[name] in NUMBERS and (said := number_in(said)) is None:
            continue
        if fields[name] in LISTS:
            found.setdefault(name, []).append((value[0].start, said))
        else:
            found.setdefault(name, said)
    return {
        name: [said for _, said in sorted(found[name])] if fields[name] in LISTS else found[name]
        for name in names
        if name in found
    }


def probability_of(words: Sequence[TaggedWord]) -> float:
    """Return the probability of all tags together, as if words were independent."""
    return prod(word.probability for word in words)


def _values(words: Sequence[TaggedWord]) -> list[list[TaggedWord]]:
    """Group the words of each value. A word inside a value that has not begun begins one."""
    found: list[list[TaggedWord]] = []
    for before, word in pairwise([TaggedWord(0, 0, 0, 1.0), *words]):
        if word.tag == 0:
            continue
        inside = word.tag % 2 == 0 and before.tag in (word.tag, word.tag - 1)
        if inside:
            found[-1].append(word)
        else:
            found.append([word])
    return found


def _probability(words: Sequence[TaggedWord]) -> float:
    return sum(word.probability for word in words) / len(words)
