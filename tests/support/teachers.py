"""The two providers that a test of paid calls is tried with."""

import pytest

TEACHERS = ("openai:gpt-6-luna", "anthropic:claude-haiku-5-5")
BOTH = pytest.mark.parametrize("teacher", TEACHERS)
# What differs between the providers is tested by quick tests of its own.
OPENAI_NOW = pytest.mark.parametrize(
    "teacher", [TEACHERS[0], pytest.param(TEACHERS[1], marks=pytest.mark.nightly)]
)
ANTHROPIC_NOW = pytest.mark.parametrize(
    "teacher", [pytest.param(TEACHERS[0], marks=pytest.mark.nightly), TEACHERS[1]]
)
