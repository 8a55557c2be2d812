"""The answers of decision models, which every protocol of decisions shares.

A decision model answers a question with one of the given choices, and with the probability of each.
Its `confidence` is not read, because each provider has another formula. OpenAI's is the distance
from an even distribution. vLLM's is the probability times the mass of all labels.
"""

from collections.abc import Mapping
from itertools import zip_longest
from math import isfinite, log
from typing import TypeGuard

from distill.core.requests import Sampling, Usage
from distill.llm.providers.lenient import token_count
from distill.llm.providers.wire import Answer, Payload

QUESTION = "label"  # the question's name
ROUNDING = 0.005  # of a probability: providers publish two decimals
SLACK = 0.01
# A rounded probability of 0 is no impossibility.
LEAST_PROBABILITY = ROUNDING


def meanings_of(sampling: Sampling) -> dict[str, str]:
    """Return the choices of a question with their meanings; "" for a choice without a meaning."""
    return dict(zip_longest(sampling.choices, sampling.meanings, fillvalue=""))


def decided(choice: object, told: Mapping[str, object], usage: Usage | None) -> Answer:
    """Return the answer with the choice, the probability of the choice, and that of each choice.

    `told`: the probabilities by choice. They are left out if they are no distribution, or if the
    choice is not among them. Raises ValueError if the choice is not a text.
    """
    if not isinstance(choice, str):
        raise ValueError(f"the choice is no text: {choice!r}")
    shares = _distribution(told)
    if choice not in shares:
        return Answer(choice, "stop", usage)
    chance = max(shares[choice], LEAST_PROBABILITY)
    return Answer(choice, "stop", usage, log(chance), shares)


def refusal(usage: Usage | None) -> Answer:
    """Return the answer to a question that the model declined."""
    return Answer("", "refusal", usage)


def _distribution(told: Mapping[str, object]) -> dict[str, float]:
    """Return probabilities that sum to 1 up to their rounding; {} for other values."""
    found = {name: float(value) for name, value in told.items() if _is_probability(value)}
    slack = ROUNDING * len(found) + SLACK
    is_whole = len(found) == len(told) and abs(sum(found.values()) - 1) <= slack
    return found if is_whole else {}


def _is_probability(value: object) -> TypeGuard[float]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return isfinite(value) and 0 <= value <= 1


def usage_of(counts: object) -> Usage | None:
    """Read the token counts of an answer, whose answer tokens may be 0; None if missing."""
    if not isinstance(counts, dict):
        return None
    prompt = token_count(counts.get("input_tokens"))
    if not prompt:
        return None
    details = counts.get("input_tokens_details")
    read: Payload = details if isinstance(details, dict) else {}
    cached = min(token_count(read.get("cached_tokens")) or 0, prompt)
    written = min(token_count(read.get("cache_write_tokens")) or 0, prompt - cached)
    return Usage(prompt, token_count(counts.get("output_tokens")) or 0, cached, written)
