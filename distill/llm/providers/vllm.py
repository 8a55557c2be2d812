"""Bodies for the vLLM that we start, with its own way of constraining an answer.

A base model gets the turns as one text.
"""

import json

from distill.core.requests import Request
from distill.llm.providers.openai_compatible import turns
from distill.llm.providers.wire import Body


def chat_body(request: Request) -> Body:
    """For a model with a chat template."""
    told = {"logprobs": True} if request.sampling.logprobs else {}
    return {"messages": turns(request)} | _common(request) | told


def completion_body(request: Request) -> Body:
    """For a base model."""
    prompt = "\n\n".join(turn.content for turn in request.messages)
    return {"prompt": prompt} | _common(request)


def _common(request: Request) -> Body:
    sampling = request.sampling
    beyond_openai: Body = {}
    if sampling.choices:
        beyond_openai["structured_outputs"] = {"choice": list(sampling.choices)}
    if sampling.schema:
        beyond_openai["structured_outputs"] = {"json": json.loads(sampling.schema)}
    if sampling.min_p:
        beyond_openai["min_p"] = sampling.min_p
    body: Body = {
        "model": request.model,
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
    }
    return body | beyond_openai | ({"stop": list(sampling.stop)} if sampling.stop else {})
