"""Which models take what. A parameter that a model refuses is a 400, so when in doubt it stays out.

Seen in the SDKs of November 2026 (openai 3.54, anthropic 2.12) and in the providers' pages.
"""

from dataclasses import dataclass

ROOM_TO_REASON = 2048


@dataclass(frozen=True, slots=True)
class OpenAIModel:
    """Does it take temperature and seed, and stop; the effort that is asked of it ("" for none to
    be sent); tokens that it may think beyond its answer; does it tell probabilities."""

    sampling: bool
    stop: bool
    effort: str
    reasoning_tokens: int
    logprobs: bool = False


PLAIN = OpenAIModel(sampling=True, stop=True, effort="", reasoning_tokens=0, logprobs=True)
SWITCHED_OFF = OpenAIModel(sampling=True, stop=False, effort="none", reasoning_tokens=0)
REASONS = OpenAIModel(sampling=False, stop=False, effort="low", reasoning_tokens=ROOM_TO_REASON)
UNKNOWN = OpenAIModel(sampling=False, stop=False, effort="", reasoning_tokens=ROOM_TO_REASON)

# The first prefix that fits. A fine-tuned model is like its base.
OPENAI_MODELS = {
    "gpt-4o": PLAIN,
    "gpt-4.1": PLAIN,
    "gpt-6-luna": SWITCHED_OFF,
    "gpt-6.1-terra": SWITCHED_OFF,
    "gpt-6": REASONS,
    "gpt-5": REASONS,
}

# Anthropic's models take no sampling parameters. A label needs no thinking, which is billed.
ANTHROPIC_THINKS_UNLESS_TOLD = ("claude-haiku-5-5",)
ANTHROPIC_ALWAYS_THINKS = ("claude-sonnet-5-5", "claude-opus-5-5")
ANTHROPIC_WITHOUT_EFFORT = ("claude-haiku-4-5", "claude-sonnet-4", "claude-opus-4")

ANTHROPIC_CACHE_MINIMUM = 512
ANTHROPIC_CACHE_MINIMA = {
    "claude-haiku-4-5": 4096,
    "claude-opus-4-5": 4096,
    "claude-opus-4-6": 4096,
    "claude-opus-4": 1024,
    "claude-sonnet-4": 1024,
}


def openai_model(name: str) -> OpenAIModel:
    """What an OpenAI model takes."""
    base = name.removeprefix("ft:")
    return next((m for prefix, m in OPENAI_MODELS.items() if base.startswith(prefix)), UNKNOWN)


def anthropic_cache_minimum(name: str) -> int:
    """Tokens that a marked beginning must have to be cached."""
    found = (n for prefix, n in ANTHROPIC_CACHE_MINIMA.items() if name.startswith(prefix))
    return next(found, ANTHROPIC_CACHE_MINIMUM)
