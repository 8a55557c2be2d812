"""Which chats are longer than a model's context."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from distill.backends.base_folder import tokenizer_of

TEMPLATE_BYTES = 256  # more than any chat template adds to a chat of three turns

Chat = Sequence[Mapping[str, str]]


def longer_than(chats: Sequence[Chat], base: Path, limit: int) -> dict[int, int]:
    """Place → tokens, by the base's own chat template, of every chat of more than `limit` tokens.

    A token is a byte or more, so that chats with few bytes need no tokenizer: loading it takes
    seconds.
    """
    counts = {place: tokens_of(chats[place], base) for place in perhaps_longer_than(chats, limit)}
    return {place: count for place, count in counts.items() if count > limit}


def perhaps_longer_than(chats: Sequence[Chat], limit: int) -> list[int]:
    """The places of chats that may have more than `limit` tokens."""
    return [
        place
        for place, turns in enumerate(chats)
        if TEMPLATE_BYTES + sum(len(turn["content"].encode()) for turn in turns) > limit
    ]


def tokens_of(turns: Chat, base: Path) -> int:
    """Tokens that a trainer makes of a chat, the end of its last answer included."""
    tokenizer = tokenizer_of(base)
    asked = tokenizer.apply_chat_template(turns[:-1], add_generation_prompt=True, tokenize=False)
    text = asked + turns[-1]["content"] + tokenizer.eos_token
    return len(tokenizer(text, add_special_tokens=False).input_ids)
