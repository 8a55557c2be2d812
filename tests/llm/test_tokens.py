"""Tokens counted without a tokenizer, held against those of real ones; what providers cache."""

import pytest

from distill.core.requests import Message, Model, Request, Sampling
from distill.llm.models import cached_and_written
from distill.llm.tokens import PER_MESSAGE, PromptTokens, of_prompt, of_text
from distill.rehearsal.provider import tokens

OPENAI = Model("gpt-6-luna", None, "openai")
ANTHROPIC = Model("claude-haiku-5-5", None, "anthropic")
OLDER = Model("claude-haiku-4-5", None, "anthropic")

# How many tokens the tokenizers of Gemma 3 (262,144 tokens) and of Mistral (tekken, 131,072) make
# of a text.
COUNTED = {
    "My parcel was due on Tuesday and tracking hasn't moved since Sunday. Where is it?": (19, 18),
    "driver was really rude and threw the box over my fence, i want to complain": (16, 16),
    (
        '{"type": "object", "properties": {"label": {"type": "string", "enum": ["delivery", '
        '"returns", "billing"]}}, "required": ["label"], "additionalProperties": false}'
    ): (43, 44),
    (
        '{"inputs":["Where is my parcel???","The left shoe is too small, can I swap it for a '
        '43?","You charged me twice in March."]}'
    ): (35, 37),
    (
        "You sort inputs into categories. Examples labelled by people come first, the nearest"
        " to the input last. They count for more than the descriptions. Give the one category"
        " of the last input, and nothing else."
    ): (41, 41),
    (
        "Mein Paket ist seit Dienstag nicht angekommen, obwohl die Sendungsverfolgung etwas "
        "anderes behauptet. Können Sie bitte nachsehen, wo es ist?"
    ): (31, 33),
    (
        "Ma commande n'est pas encore arrivée alors que le suivi indique qu'elle a été livrée hier."
    ): (22, 20),
    "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。": (
        31,
        39,
    ),
}


@pytest.mark.parametrize("text", COUNTED)
def test_a_text_has_about_as_many_tokens_as_real_tokenizers_make(text: str) -> None:
    mean = sum(COUNTED[text]) / 2
    assert abs(of_text(text) - mean) <= 0.15 * mean


@pytest.mark.parametrize("text", [text for text in COUNTED if text.isascii()])
def test_the_stand_in_counts_about_like_real_tokenizers_too(text: str) -> None:
    """By another rule than the estimate's, so that the one is a test of the other."""
    mean = sum(COUNTED[text]) / 2
    assert abs(tokens.count(text) - mean) <= 0.15 * mean


def test_schema_and_instructions_are_shared_by_all_prompts_of_a_kind() -> None:
    def prompt(text: str, *choices: str) -> PromptTokens:
        turns = (Message("system", "Which pet is it?"), Message("user", text))
        return of_prompt(Request("m", turns, Sampling(5, choices=choices)))

    short, long = prompt("a cat"), prompt("a cat that sleeps all day and is hungry at night")
    assert short.shared == long.shared < short.total < long.total
    assert prompt("a cat", "cats", "dogs").shared > short.shared + 10
    assert short.total - short.shared == PER_MESSAGE + 2
    assert PromptTokens(100, 40).times(1.5) == PromptTokens(150, 60)


@pytest.mark.parametrize(
    ("model", "total", "shared", "warm", "expected"),
    [
        (OPENAI, 1023, 500, True, (0, 0)),
        (OPENAI, 1500, 1023, True, (0, 1436)),
        (OPENAI, 1500, 1200, False, (0, 1436)),
        (OPENAI, 1500, 1200, True, (1136, 300)),
        (ANTHROPIC, 2000, 511, True, (0, 0)),
        (ANTHROPIC, 2000, 512, False, (0, 512)),
        (ANTHROPIC, 2000, 512, True, (512, 0)),
        (OLDER, 8000, 4095, True, (0, 0)),
        (OLDER, 8000, 4096, True, (4096, 0)),
        (Model("url#m", None, "compatible"), 8000, 8000, True, (0, 0)),
    ],
)
def test_what_providers_cache(
    model: Model, total: int, shared: int, warm: bool, expected: tuple[int, int]
) -> None:
    assert cached_and_written(model, PromptTokens(total, shared), warm=warm) == expected
