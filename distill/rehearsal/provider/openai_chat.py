"""POST /v1/chat/completions and GET /v1/models/{model} of OpenAI."""

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from random import Random
from typing import Any

from distill.rehearsal.provider import openai_params, tokens
from distill.rehearsal.provider.answer_writer import NONSENSE, Writer
from distill.rehearsal.provider.billing import HALF, Use, body_hash, cost
from distill.rehearsal.provider.errors import ApiError, invalid
from distill.rehearsal.provider.memory import Memory
from distill.rehearsal.provider.models import OPENAI, OpenAIModel
from distill.rehearsal.provider.state import Body, Call, ProviderReply, ProviderState, now

CACHE_MINIMUM = 1024
CACHE_STEP = 128
REASONING_TOKENS = {"none": 0, "low": 32, "medium": 128, "high": 512, "xhigh": 1024, "max": 2048}
"""Mean reasoning tokens by effort; each answer has 0.5 to 1.5 times the mean."""
PRIORITY = Decimal(2)
"""The price of the priority tier as a multiple of the standard price."""
REFUSAL = "I'm sorry, but I can't help with that."


@dataclass
class _Draft:
    """A model's answer before it is put in the form of the API."""

    text: str | None
    finish: str = "stop"
    refusal: str | None = None
    reasoning: int = 0

    @property
    def tokens(self) -> int:
        return self.reasoning + tokens.count(self.text or self.refusal or "")


async def create(world: ProviderState, call: Call) -> ProviderReply:
    """Answer a request."""
    return ProviderReply(answer(world, call.json(), fault=call.fault))


def answer(
    world: ProviderState, body: Any, *, batch: bool = False, fault: str | None = None
) -> Body:
    """Return the completion object of the answer, and bill it.

    Raises ApiError for a refused request.
    """
    openai_params.check_form(body)
    found = world.openai_model(body["model"])
    if found is None:
        raise ApiError(
            404,
            "invalid_request_error",
            f"The model `{body['model']}` does not exist or you do not have access to it.",
            None,
            "model_not_found",
        )
    model, memory = found
    openai_params.check_for_model(model, body)
    prompt = _prompt(body)
    if len(prompt) + (openai_params.output_limit(body) or 0) > model.context:
        raise invalid(
            f"This model's maximum context length is {model.context} tokens. However, your "
            f"messages resulted in {len(prompt)} tokens.",
            "messages",
            "context_length_exceeded",
        )
    name = body_hash(body)
    draft = _draft(body, model, memory, world.random(name))
    _spoil(draft, fault)
    cached, written = (0, 0) if batch and not model.reasons else _cached(world, body, prompt)
    tier = "default" if batch else _service_tier(world, body, model)
    tier = "priority" if fault == "priority" and model.reasons else tier
    rate = PRIORITY if tier == "priority" else HALF if batch else Decimal(1)
    use = Use(len(prompt) - cached - written, draft.tokens, cached, written)
    world.ledger.charge(cost(model.price, use) * rate, name)
    return _completion(world, body, draft, use) | {"model": model.id, "service_tier": tier}


def _service_tier(world: ProviderState, body: Body, model: OpenAIModel) -> str:
    """Return the service tier that answers and is billed.

    A project may have a fast tier for requests that name no tier. Older models have only the
    standard tier.
    """
    named = body.get("service_tier") == "default"
    fast = world.faults.value("fast_project") and not named and model.reasons
    return "priority" if fast else "default"


_schema_tokens = lru_cache(maxsize=64)(tokens.pieces)


def _prompt(body: Body) -> list[str]:
    """Return the tokens of the prompt: the schema, if any, and the messages."""
    wanted = body.get("response_format")
    prompt = list(_schema_tokens(str(wanted["json_schema"]))) if wanted else []
    for message in body["messages"]:
        prompt += tokens.message(message["role"], message["content"])
    return prompt


def _cached(world: ProviderState, body: Body, prompt: list[str]) -> tuple[int, int]:
    """Return the numbers of tokens read from the cache and written to it.

    Older models report and bill only the tokens read.
    """
    if len(prompt) < CACHE_MINIMUM:
        return 0, 0
    steps = range(CACHE_MINIMUM, len(prompt) + 1, CACHE_STEP)
    digests = world.cache.digests(body["model"], prompt, steps)
    hit = world.cache.longest(digests)
    world.cache.remember(digests)
    cached = steps[hit - 1] if hit else 0
    family = OPENAI.get(body["model"])
    writes = family is not None and family.reasons
    return cached, steps[-1] - cached if writes else 0


def _draft(body: Body, model: OpenAIModel, memory: Memory, random: Random) -> _Draft:
    users = [m["content"] for m in body["messages"] if m["role"] == "user"]
    asked = users[-1] if users else ""
    writer = Writer(memory, asked, random)
    wanted = body.get("response_format")
    if wanted:
        draft = _Draft(writer.json(wanted["json_schema"]["schema"]))
    elif model.base is not None:  # a fine-tuned model repeats the answers of its training file
        draft = _Draft(memory.label_of(asked) or memory.labels[0])
    else:
        draft = _Draft(writer.text())
    for mark in body.get("stop") or []:
        draft.text = (draft.text or "").split(mark)[0] if mark else draft.text
    if model.reasons:
        about = REASONING_TOKENS[body.get("reasoning_effort") or "medium"]
        draft.reasoning = random.randint(about // 2, about + about // 2)
    _limit(draft, openai_params.output_limit(body) or model.max_output)
    return draft


def _limit(draft: _Draft, limit: int) -> None:
    """Cut an answer to `limit` tokens, including reasoning, which may leave none for the text."""
    draft.reasoning = min(draft.reasoning, limit)
    if draft.tokens > limit:
        draft.text = tokens.cut(draft.text or "", limit - draft.reasoning)
        draft.finish = "length"


def _spoil(draft: _Draft, fault: str | None) -> None:
    if fault == "refuse":
        draft.text, draft.refusal, draft.finish = None, REFUSAL, "stop"
    elif fault == "content_filter":
        draft.text, draft.finish = "", "content_filter"
    elif fault == "length":
        draft.text = tokens.cut(draft.text or "", tokens.count(draft.text or "") // 2)
        draft.finish = "length"
    elif fault == "nonsense":
        draft.text = NONSENSE


def _completion(world: ProviderState, body: Body, draft: _Draft, use: Use) -> Body:
    message: Body = {
        "role": "assistant",
        "content": draft.text,
        "refusal": draft.refusal,
        "annotations": [],
    }
    logprobs = None
    if body.get("logprobs") and draft.text is not None:
        logprobs = {"content": _logprobs(draft.text), "refusal": None}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": draft.finish,
    }
    return {
        "id": world.new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": now(),
        "choices": [choice],
        "usage": _usage(draft, use),
        "system_fingerprint": "fp_rehearsal",
    }


def _usage(draft: _Draft, use: Use) -> Body:
    prompt = use.input + use.cached + use.written
    details = {"cached_tokens": use.cached, "audio_tokens": 0}
    if use.written:
        details["cache_write_tokens"] = use.written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": use.output,
        "total_tokens": prompt + use.output,
        "prompt_tokens_details": details,
        "completion_tokens_details": {
            "reasoning_tokens": draft.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _logprobs(text: str) -> list[Body]:
    """Return an entry for each token, whose probability depends only on the text so far."""
    entries, start = [], 0
    for count in range(1, tokens.count(text) + 1):
        end = len(tokens.cut(text, count))
        said = text[:end].encode("utf-8", "surrogatepass")
        chance = 0.5 + 0.5 * (int.from_bytes(blake2b(said, digest_size=2).digest()) + 1) / 65536
        token = text[start:end]
        known = list(token.encode("utf-8", "surrogatepass"))
        entry = {"token": token, "logprob": math.log(chance), "bytes": known, "top_logprobs": []}
        entries.append(entry)
        start = end
    return entries


async def model(world: ProviderState, call: Call) -> ProviderReply:
    """Return the model object of the API."""
    name = call.path["model"]
    found = world.openai_model(name)
    if found is None:
        raise ApiError(
            404,
            "invalid_request_error",
            f"The model '{name}' does not exist",
            "model",
            "model_not_found",
        )
    owner, end = "rehearsal" if found[0].base else "system", found[0].shutdown
    known = {"id": name, "object": "model", "created": 1_760_000_000}
    return ProviderReply(known | {"owned_by": owner, "shutdown_date": end})
