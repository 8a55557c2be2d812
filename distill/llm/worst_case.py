"""The most tokens that a request can be billed for, known before it is sent."""

import json

from distill.core.requests import Model, Request
from distill.llm.providers import DIALECTS

# Providers put a few hundred tokens of their own around messages and schemas.
PROVIDERS_OWN_TOKENS = 600
LIMITS = ("max_completion_tokens", "max_tokens")


def worst_case(model: Model, request: Request) -> tuple[int, int]:
    """(prompt, completion) tokens at most. No tokenizer in use makes more tokens than bytes."""
    body = DIALECTS[model.api].body(request)
    prompt = len(json.dumps(body, ensure_ascii=False).encode()) + PROVIDERS_OWN_TOKENS
    return prompt, next(body[limit] for limit in LIMITS if limit in body)
