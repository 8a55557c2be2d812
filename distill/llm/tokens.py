"""About how many tokens a text is billed for, before it is sent: the providers' tokenizers are not
to be had, and loading any takes longer than a plan may.

Measured against the mean of the tokenizers of Gemma 3 (262,144 tokens) and of Mistral (tekken,
131,072), which differ by up to 5 %: prompts, schemas, answers and messages in English within
5 %, German, French and Spanish within 7 %, Polish 25 % too few, Greek, Russian, Arabic, Hindi,
Chinese, Japanese and Korean within 25 %. They make a token of every digit; this rule makes one of
two, between them and OpenAI's, which take up to three. Anthropic's tokenizers are not public. A
probe, and every answer that is stored, corrects the count.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from distill.core.requests import Model, Request
from distill.llm.models import provider_api
from distill.llm.providers.wire import answer_schema
from distill.serve.context_length import Chat

PER_MESSAGE = 4  # its role, and the marks around it
MOST_PER_MESSAGE = 8  # twice that: no provider says how many
WORD_LETTERS = 8  # a word of no more letters is one token, with the space before it
FURTHER_LETTERS = 5  # of a longer one, each token more
ACCENTED_LETTERS = 4  # of a word that has an accent, each token
CHARACTERS = {"digits": 2.0, "marks": 3.0, "script": 3.3, "ideographs": 1.5, "lines": 99.0}

_PIECE = re.compile(
    r"(?P<word>[A-Za-z\u00c0-\u024f]+)"
    r"|(?P<digits>\d+)"
    r"|(?P<lines>\n+)"
    r"|(?P<marks>[!-/:-@\[-`{-~]+)"
    r"|(?P<ideographs>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+)"
    r"|(?P<script>[\u0370-\u1fff]+)"
    r"|(?P<other>\S)"
)


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """Tokens of a prompt; the first `shared` of them are the same for every request of its kind:
    the schema of the answer and the instructions."""

    total: int
    shared: int

    def times(self, factor: float) -> "PromptTokens":
        """The same prompt for a tokenizer that makes so many times the tokens."""
        return PromptTokens(round(self.total * factor), round(self.shared * factor))


def of_prompt(request: Request) -> PromptTokens:
    """What the prompt of a request is billed as."""
    schema = answer_schema(request.sampling)
    shared = of_text(json.dumps(schema)) if schema else 0
    total = shared
    for turn in request.messages:
        tokens = of_message(turn.content)
        total += tokens
        shared += tokens if turn.role == "system" else 0
    return PromptTokens(total, shared)


def of_chat(chat: Chat) -> int:
    """What the messages of an example are billed as."""
    return sum(of_message(turn["content"]) for turn in chat)


def most_of_chat(chat: Chat) -> int:
    """The most that the messages of an example can be billed as, by any tokenizer: none in use
    makes more tokens than a text has bytes."""
    return sum(
        MOST_PER_MESSAGE + len(turn["content"].encode("utf-8", "surrogatepass")) for turn in chat
    )


def of_message(content: str, name: str = "") -> int:
    """What a message is billed as, with its role."""
    return PER_MESSAGE + of_text(content) + of_text(name)


@lru_cache(maxsize=4096)
def of_text(text: str) -> int:
    """What a text is billed as, by itself."""
    return sum(_tokens(found.lastgroup or "", found[0]) for found in _PIECE.finditer(text))


def _tokens(kind: str, piece: str) -> int:
    if kind == "word" and not piece.isascii():
        return ceil(len(piece) / ACCENTED_LETTERS)
    if kind == "word":
        return 1 + ceil(max(0, len(piece) - WORD_LETTERS) / FURTHER_LETTERS)
    return ceil(len(piece) / CHARACTERS.get(kind, 1.0))


# Providers put a few hundred tokens of their own around messages and schemas.
PROVIDERS_OWN_TOKENS = 600
LIMITS = ("max_completion_tokens", "max_tokens")


def worst_case(model: Model, request: Request) -> tuple[int, int]:
    """(prompt, completion) tokens at most. No tokenizer in use makes more tokens than bytes."""
    body = provider_api(model.api).body(request)
    prompt = len(json.dumps(body, ensure_ascii=False).encode()) + PROVIDERS_OWN_TOKENS
    return prompt, next(body[limit] for limit in LIMITS if limit in body)
