"""Which tokens of a prompt providers bill as read from their cache, and which as written to it.

OpenAI caches by itself whatever is long enough, in steps; Anthropic what is marked: our
instructions. What follows them differs from request to request.
"""

from distill.core.requests import Model
from distill.llm.providers.capabilities import anthropic_cache_minimum
from distill.llm.tokens import PromptTokens

OPENAI_MINIMUM, OPENAI_STEP = 1024, 128


def cached_and_written(model: Model, prompt: PromptTokens, *, warm: bool) -> tuple[int, int]:
    """(tokens read, tokens written) of a prompt; `warm`: one of its kind was answered shortly
    before. Models that bill no writing have it priced like any token."""
    if model.api == "openai":
        return _openai(prompt, warm=warm)
    if model.api == "anthropic" and prompt.shared >= anthropic_cache_minimum(model.name):
        return (prompt.shared, 0) if warm else (0, prompt.shared)
    return 0, 0


def _openai(prompt: PromptTokens, *, warm: bool) -> tuple[int, int]:
    usable = _in_steps(prompt.total)
    read = _in_steps(prompt.shared) if warm else 0
    return read, usable - read


def _in_steps(tokens: int) -> int:
    """How many of so many first tokens can be cached. Lengths are estimates, so what is left over
    after the last whole step is taken to be half of one."""
    return 0 if tokens < OPENAI_MINIMUM else tokens - OPENAI_STEP // 2
