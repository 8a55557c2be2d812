"""The tags of a text's words, from the fields of its answer (BIO).

The tag 0 is that of no field. The first word of a value of field f has 1 + 2f, and every further
word 2 + 2f. Only the first piece of a word has a tag.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NO_WORD = -100  # the tag of a token that begins no word

Span = tuple[int, int]


def tags_of(
    text: str, answer: Mapping[str, Any], tokens: Any, row: int, fields: Sequence[str]
) -> list[int]:
    """Return the tag of each token of a text, which has the number `row` among `tokens`."""
    words = words_of(tokens, row)
    found = [NO_WORD] * len(tokens["input_ids"][row])
    for piece, _, _ in words:
        found[piece] = 0
    for number, start, end in spans_of(text, answer, fields):
        inside = [piece for piece, first, last in words if first < end and start < last]
        for piece in inside:
            found[piece] = 2 + 2 * number
        if inside:
            found[inside[0]] = 1 + 2 * number
    return found


def words_of(tokens: Any, row: int) -> list[tuple[int, int, int]]:
    """Return (number of its first piece, start, end) of each word."""
    found: list[tuple[int, int, int]] = []
    before = None
    pairs = zip(tokens.word_ids(row), tokens["offset_mapping"][row], strict=True)
    for piece, (word, (start, end)) in enumerate(pairs):
        if word is not None and word == before:
            found[-1] = (*found[-1][:2], end)
        elif word is not None:
            found.append((piece, start, end))
        before = word
    return found


def spans_of(
    text: str, answer: Mapping[str, Any], fields: Sequence[str]
) -> Iterator[tuple[int, int, int]]:
    """Yield (number of the field, start, end) of each value that is in the text.

    Equal values of two fields get different places, if the text has them.
    """
    taken: list[Span] = []
    for number, field in enumerate(fields):
        value = answer.get(field)
        for one in value if isinstance(value, list) else [value]:
            if span := _span(text, one, taken):
                taken.append(span)
                yield number, *span


def _span(text: str, value: object, taken: Sequence[Span]) -> Span | None:
    """Return the first place of a value that is not taken, between words if there is one.

    None without such a place."""
    words = r"\s+".join(re.escape(word) for word in str(value).split())
    if value is None or not words:
        return None
    for pattern in (rf"(?<!\w){words}(?!\w)", words):
        for match in re.finditer(pattern, text, re.IGNORECASE):
            start, end = match.span()
            if not any(first < end and start < last for first, last in taken):
                return start, end
    return None
