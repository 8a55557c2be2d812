"""Estimates of the billed tokens of texts before they are sent.

Providers' tokenizers are not available, and loading any tokenizer would make a plan too slow.

The reference is the mean of the tokenizers of Gemma 3 (262,144 tokens) and Mistral (tekken,
131,072), which differ by up to 5 %. English prompts, schemas, answers and messages are within 5 %
of the reference. German, French and Spanish are within 7 %. Polish is 25 % too low. Greek, Russian,
Arabic, Hindi, Chinese, Japanese and Korean are within 25 %.

Gemma and Mistral use one token per digit. OpenAI's tokenizers use one token for up to three digits.
The estimate counts one token for two digits. Anthropic's tokenizers are not public. Probes and
stored answers correct the estimate.
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

PER_MESSAGE = 4  # the role of a message, and its delimiters
MOST_PER_MESSAGE = 8  # twice PER_MESSAGE: no provider publishes the number
WORD_LETTERS = 8  # a word of at most this many letters is one token, including its space
FURTHER_LETTERS = 5  # per further token of a longer word
ACCENTED_LETTERS = 4  # per token of a word with an accent
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
    """The tokens of a prompt.

    `shared`: the leading tokens, which are the same for every request of a kind. They are the
        answer's schema and the instructions.
    """

    total: int
    shared: int

    def times(self, factor: float) -> "PromptTokens":
        """Return the counts for a tokenizer that yields `factor` times as many tokens."""
        return PromptTokens(round(self.total * factor), round(self.shared * factor))


def of_prompt(request: Request) -> PromptTokens:
    """Estimate the billed tokens of a request's prompt."""
    sampling = request.sampling
    schema: object = answer_schema(sampling)
    if sampling.meanings:  # a decision model gets no schema
        schema = dict(zip(sampling.choices, sampling.meanings, strict=True))
    shared = of_text(json.dumps(schema)) if schema else 0
    total = shared
    for turn in request.messages:
        tokens = of_message(turn.content)
        total += tokens
        shared += tokens if turn.role == "system" else 0
    return PromptTokens(total, shared)


def of_chat(chat: Chat) -> int:
    """Estimate the billed tokens of an example's messages."""
    return sum(of_message(turn["content"]) for turn in chat)


def most_of_chat(chat: Chat) -> int:
    """Return the maximum number of tokens of an example's messages, for any tokenizer.

    No tokenizer in use yields more tokens than a text has bytes.
    """
    return sum(
        MOST_PER_MESSAGE + len(turn["content"].encode("utf-8", "surrogatepass")) for turn in chat
    )


def of_message(content: str, name: str = "") -> int:
    """Estimate the billed tokens of a message, with its role."""
    return PER_MESSAGE + of_text(content) + of_text(name)


@lru_cache(maxsize=4096)
def of_text(text: str) -> int:
    """Estimate the billed tokens of a text that is not a whole message."""
    return sum(_tokens(found.lastgroup or "", found[0]) for found in _PIECE.finditer(text))


def _tokens(kind: str, piece: str) -> int:
    if kind == "word" and not piece.isascii():
        return ceil(len(piece) / ACCENTED_LETTERS)
    if kind == "word":
        return 1 + ceil(max(0, len(piece) - WORD_LETTERS) / FURTHER_LETTERS)
    return ceil(len(piece) / CHARACTERS.get(kind, 1.0))


# Providers add a few hundred tokens around messages and schemas.
PROVIDERS_OWN_TOKENS = 600
LIMITS = ("max_completion_tokens", "max_tokens")


def worst_case(model: Model, request: Request) -> tuple[int, int]:
    """Return the maximum numbers of (prompt, completion) tokens of a request.

    The prompt's maximum is the request's bytes plus PROVIDERS_OWN_TOKENS, because no tokenizer
    yields more tokens than bytes.
    """
    body = provider_api(model.api).body(request)
    prompt = len(json.dumps(body, ensure_ascii=False).encode()) + PROVIDERS_OWN_TOKENS
    limits = (body[limit] for limit in LIMITS if limit in body)
    return prompt, next(limits, request.sampling.max_tokens)
