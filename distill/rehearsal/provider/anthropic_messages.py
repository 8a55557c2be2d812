"""POST /v1/messages and GET /v1/models/{model} of Anthropic."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from distill.rehearsal.provider import anthropic_params, tokens
from distill.rehearsal.provider.answer_writer import NONSENSE, Writer
from distill.rehearsal.provider.billing import HALF, Use, body_hash, cost
from distill.rehearsal.provider.errors import ApiError, invalid
from distill.rehearsal.provider.models import ANTHROPIC, AnthropicModel
from distill.rehearsal.provider.state import Body, Call, ProviderReply, ProviderState

THINKING_TOKENS = {"low": 32, "medium": 96, "high": 256, "xhigh": 512, "max": 1024}
"""Mean thinking tokens by effort; each answer has 0.5 to 1.5 times the mean."""


@dataclass
class _Draft:
    """A model's answer before it is put in the form of the API."""

    text: str
    stop: str = "end_turn"
    stop_sequence: str | None = None
    thinking: int = 0

    @property
    def tokens(self) -> int:
        return self.thinking + tokens.count(self.text)


async def create(world: ProviderState, call: Call) -> ProviderReply:
    """Answer a request."""
    return ProviderReply(answer(world, call.json(), fault=call.fault))


def answer(
    world: ProviderState, body: Any, *, batch: bool = False, fault: str | None = None
) -> Body:
    """Return the message object of the answer, and bill it.

    Raises ApiError for a refused request.
    """
    anthropic_params.check_create(body, batch=batch)
    model = _model(body["model"])
    anthropic_params.check_for_model(model, body)
    prompt, marked = _prompt(body)
    length = len(prompt)
    if length + body["max_tokens"] > model.context:
        raise invalid(f"prompt is too long: {length} tokens > {model.context} maximum")
    name = body_hash(body)
    draft = _draft(body, model, world, world.random(name))
    _spoil(draft, fault)
    cached, written = _cached(world, model, prompt, marked)
    use = Use(length - cached - written, draft.tokens, cached, written)
    world.ledger.charge(cost(model.price_of(length), use) * (HALF if batch else Decimal(1)), name)
    return {
        "id": world.new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": model.id,
        "content": _content(draft),
        "stop_reason": draft.stop,
        "stop_sequence": draft.stop_sequence,
        "stop_details": _REFUSED if draft.stop == "refusal" else None,
        "container": None,
        "usage": _usage(draft, use, "batch" if batch else "standard"),
    }


_REFUSED = {
    "type": "refusal",
    "category": "general_harms",
    "explanation": "The rehearsal was told to refuse.",
}


def _model(name: str) -> AnthropicModel:
    if name not in ANTHROPIC:
        raise ApiError(404, "not_found_error", f"model: {name}")
    return ANTHROPIC[name]


def _prompt(body: Body) -> tuple[list[str], list[int]]:
    """Return the tokens of the prompt, and the positions of its cache markers in tokens."""
    wanted = body.get("output_config", {}).get("format")
    prompt, marked = tokens.pieces(str(wanted["schema"])) if wanted else [], []
    for block in body.get("system", []):
        prompt += tokens.pieces(block["text"])
        if block.get("cache_control"):
            marked.append(len(prompt))
    for message in body["messages"]:
        prompt += tokens.message(message["role"], message["content"])
    return prompt, marked


def _cached(
    world: ProviderState, model: AnthropicModel, prompt: list[str], marked: list[int]
) -> tuple[int, int]:
    """Return the numbers of tokens read from the cache and written to it.

    Of the tokens before the last marker, those written earlier are read. The rest is written.
    """
    ends = [end for end in marked if end >= model.cache_minimum]
    if not ends:
        return 0, 0
    digests = world.cache.digests(model.id, prompt, ends)
    hit = world.cache.longest(digests)
    world.cache.remember(digests)
    read = ends[hit - 1] if hit else 0
    return read, ends[-1] - read


def _draft(body: Body, model: AnthropicModel, world: ProviderState, random: Random) -> _Draft:
    users = [message["content"] for message in body["messages"] if message["role"] == "user"]
    writer = Writer(world.memory, users[-1], random)
    config = body.get("output_config", {})
    wanted = config.get("format")
    draft = _Draft(writer.json(wanted["schema"]) if wanted else writer.text())
    _stop(draft, body.get("stop_sequences", []))
    if model.thinks and "thinking" not in body:
        about = THINKING_TOKENS[config.get("effort") or "medium"]
        draft.thinking = random.randint(about // 2, about + about // 2)
    _limit(draft, body["max_tokens"])
    return draft


def _stop(draft: _Draft, marks: list[str]) -> None:
    found = [(draft.text.find(mark), mark) for mark in marks if mark in draft.text]
    if found:
        place, mark = min(found)
        draft.text, draft.stop, draft.stop_sequence = draft.text[:place], "stop_sequence", mark


def _limit(draft: _Draft, limit: int) -> None:
    """Cut an answer to `limit` tokens, including thinking, which may leave none for the text."""
    draft.thinking = min(draft.thinking, limit)
    if draft.tokens > limit:
        draft.text = tokens.cut(draft.text, limit - draft.thinking)
        draft.stop, draft.stop_sequence = "max_tokens", None


def _spoil(draft: _Draft, fault: str | None) -> None:
    if fault == "refuse":
        draft.text, draft.stop = "", "refusal"
    elif fault == "length":
        draft.text = tokens.cut(draft.text, tokens.count(draft.text) // 2)
        draft.stop = "max_tokens"
    elif fault == "nonsense":
        draft.text, draft.stop = NONSENSE, "end_turn"


def _content(draft: _Draft) -> list[Body]:
    thinking = [{"type": "thinking", "thinking": "", "signature": "rehearsal"}]
    text = [{"type": "text", "text": draft.text, "citations": None}]
    return thinking * bool(draft.thinking) + text * bool(draft.text)


def _usage(draft: _Draft, use: Use, tier: str) -> Body:
    return {
        "input_tokens": use.input,
        "cache_creation_input_tokens": use.written,
        "cache_read_input_tokens": use.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": use.written,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": use.output,
        "output_tokens_details": {"thinking_tokens": draft.thinking},
        "service_tier": tier,
    }


async def model(world: ProviderState, call: Call) -> ProviderReply:
    """Return the model object of the API."""
    found = _model(call.path["model"])
    named = {"type": "model", "id": found.id, "display_name": found.name}
    return ProviderReply(named | {"created_at": "2026-10-01T00:00:00Z"})
