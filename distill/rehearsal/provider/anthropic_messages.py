"""POST /v1/messages, its count_tokens and GET /v1/models of Anthropic."""

import json
from dataclasses import dataclass, field
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
    """A model's answer before it gets the API's form."""

    text: str
    stop: str = "end_turn"
    stop_sequence: str | None = None
    thinking: int = 0
    tool: Body | None = None

    @property
    def tokens(self) -> int:
        return self.thinking + tokens.count(self.text)


@dataclass
class _Prompt:
    """A prompt's tokens, the ends of its blocks, and its cache markers as (end, lifetime)."""

    tokens: list[str] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    marked: list[tuple[int, str]] = field(default_factory=list)

    def add(self, block: Body, start: list[str]) -> None:
        """Append a block, after the tokens that introduce it."""
        self.tokens += start + tokens.pieces(_text(block))
        self.ends.append(len(self.tokens))
        self.mark(block.get("cache_control"))

    def mark(self, marker: Body | None) -> None:
        """Mark the prompt so far for the cache, if there is a marker."""
        if marker:
            self.marked.append((len(self.tokens), marker.get("ttl", "5m")))


async def create(world: ProviderState, call: Call) -> ProviderReply:
    """Answer one request."""
    return ProviderReply(answer(world, call.json(), fault=call.fault))


async def count_tokens(world: ProviderState, call: Call) -> ProviderReply:
    """Count the tokens of a prompt, free of charge."""
    body = call.json()
    anthropic_params.check_count(body)
    anthropic_params.check_for_model(_model(body["model"]), body)
    return ProviderReply({"input_tokens": len(_prompt(body).tokens)})


def answer(
    world: ProviderState, body: Any, *, batch: bool = False, fault: str | None = None
) -> Body:
    """Write and bill the message. Raises ApiError if the request is refused."""
    anthropic_params.check_create(body, batch=batch)
    model = _model(body["model"])
    anthropic_params.check_for_model(model, body)
    prompt = _prompt(body)
    length = len(prompt.tokens)
    if length + body["max_tokens"] > model.context:
        raise invalid(f"prompt is too long: {length} tokens > {model.context} maximum")
    name = body_hash(body)
    draft = _draft(body, model, world, world.random(name))
    _spoil(draft, fault)
    cached, written, written_1h = _cached(world, model, prompt)
    use = Use(length - cached - written - written_1h, draft.tokens, cached, written, written_1h)
    world.ledger.charge(cost(model.price_of(length), use) * (HALF if batch else Decimal(1)), name)
    return {
        "id": world.new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": model.id,
        "content": _content(world, draft, body),
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


def _text(block: Body) -> str:
    """Return the text that a block adds to the prompt."""
    if "text" in block:
        return str(block["text"])
    return json.dumps({name: part for name, part in block.items() if name != "cache_control"})


def _prompt(body: Body) -> _Prompt:
    prompt = _Prompt()
    wanted = body.get("output_config", {}).get("format")
    if wanted:
        prompt.tokens += tokens.pieces(str(wanted["schema"]))
    for tool in body.get("tools", []):
        prompt.add(tool, [])
    system = body.get("system", [])
    for block in [{"text": system}] if isinstance(system, str) else system:
        prompt.add(block, [])
    for message in body["messages"]:
        content = message["content"]
        start = tokens.message(message["role"], "")
        for block in [{"text": content}] if isinstance(content, str) else content:
            prompt.add(block, start)
            start = []
    prompt.mark(body.get("cache_control"))
    return prompt


def _cached(world: ProviderState, model: AnthropicModel, prompt: _Prompt) -> tuple[int, int, int]:
    """Return the tokens read from the cache, and those written to it for five minutes and for an
    hour.

    Up to the last marker, tokens that were written before are read, and the rest is written.
    """
    marked = [(end, life) for end, life in prompt.marked if end >= model.cache_minimum]
    if not marked:
        return 0, 0, 0
    ends = [end for end in prompt.ends if end <= marked[-1][0]]
    digests = world.cache.digests(model.id, prompt.tokens, ends)
    hit = world.cache.longest(digests)
    read = ends[hit - 1] if hit else 0
    written = {"5m": 0, "1h": 0}
    done = read
    for end, life in marked:
        written[life] += max(0, end - done)
        done = max(done, end)
    places = {end for end, _ in marked}
    world.cache.remember(digest for end, digest in zip(ends, digests, strict=True) if end in places)
    return read, written["5m"], written["1h"]


def _draft(body: Body, model: AnthropicModel, world: ProviderState, random: Random) -> _Draft:
    users = [message["content"] for message in body["messages"] if message["role"] == "user"]
    asked = users[-1]
    if isinstance(asked, list):
        asked = "\n".join(_text(block) for block in asked)
    writer = Writer(world.memory, asked, random)
    wanted = body.get("output_config", {}).get("format")
    tool = _forced_tool(body)
    if tool is not None:
        draft = _Draft(writer.json(tool["input_schema"]), "tool_use", tool=tool)
    elif wanted:
        draft = _Draft(writer.json(wanted["schema"]))
    else:
        draft = _Draft(writer.text())
    _stop(draft, body.get("stop_sequences", []))
    draft.thinking = _thinking(body, model, random)
    _limit(draft, body["max_tokens"])
    return draft


def _forced_tool(body: Body) -> Body | None:
    choice = body.get("tool_choice", {"type": "auto"})
    tools: list[Body] = body.get("tools", [])
    if choice["type"] == "any":
        return tools[0]
    named = [tool for tool in tools if tool["name"] == choice.get("name")]
    return named[0] if choice["type"] == "tool" else None


def _thinking(body: Body, model: AnthropicModel, random: Random) -> int:
    thinking = body.get("thinking", {})
    kind = thinking.get("type", "adaptive" if model.thinks else "disabled")
    if kind in ("disabled", "between_tools"):
        return 0
    effort = body.get("output_config", {}).get("effort") or "medium"
    about = thinking.get("budget_tokens", 8 * THINKING_TOKENS[effort]) // 8
    return random.randint(about // 2, about + about // 2)


def _stop(draft: _Draft, marks: list[str]) -> None:
    found = [(draft.text.find(mark), mark) for mark in marks if mark in draft.text]
    if found and draft.tool is None:
        place, mark = min(found)
        draft.text, draft.stop, draft.stop_sequence = draft.text[:place], "stop_sequence", mark


def _limit(draft: _Draft, limit: int) -> None:
    """Cut an answer to `limit` tokens. Thinking counts too and may leave nothing for the text."""
    draft.thinking = min(draft.thinking, limit)
    if draft.tokens > limit:
        draft.text = tokens.cut(draft.text, limit - draft.thinking)
        draft.stop, draft.stop_sequence, draft.tool = "max_tokens", None, None


def _spoil(draft: _Draft, fault: str | None) -> None:
    if fault == "refuse":
        draft.text, draft.stop, draft.tool = "", "refusal", None
    elif fault == "length":
        draft.text = tokens.cut(draft.text, tokens.count(draft.text) // 2)
        draft.stop, draft.tool = "max_tokens", None
    elif fault == "nonsense":
        draft.text, draft.stop, draft.tool = NONSENSE, "end_turn", None


def _content(world: ProviderState, draft: _Draft, body: Body) -> list[Body]:
    content: list[Body] = []
    if draft.thinking:
        shown = body.get("thinking", {}).get("display") == "summarized"
        words = "Which of them fits the question?" if shown else ""
        content.append({"type": "thinking", "thinking": words, "signature": "rehearsal"})
    if draft.tool is not None:
        use = {"type": "tool_use", "id": world.new_id("toolu_"), "name": draft.tool["name"]}
        content.append(use | {"input": json.loads(draft.text)})
    elif draft.text:
        content.append({"type": "text", "text": draft.text, "citations": None})
    return content


def _usage(draft: _Draft, use: Use, tier: str) -> Body:
    return {
        "input_tokens": use.input,
        "cache_creation_input_tokens": use.written + use.written_1h,
        "cache_read_input_tokens": use.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": use.written,
            "ephemeral_1h_input_tokens": use.written_1h,
        },
        "output_tokens": use.output,
        "output_tokens_details": {"thinking_tokens": draft.thinking},
        "service_tier": tier,
    }


async def models(world: ProviderState, call: Call) -> ProviderReply:
    """List all models."""
    call.only("after_id", "before_id", "limit", "lifecycle")
    data = [_info(model) for model in ANTHROPIC.values()]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]}
    return ProviderReply({"data": data, "has_more": False, **ends})


async def model(world: ProviderState, call: Call) -> ProviderReply:
    """Return one model."""
    return ProviderReply(_info(_model(call.path["model"])))


def _info(model: AnthropicModel) -> Body:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.name,
        "created_at": "2026-10-01T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "max_input_tokens": model.context,
        "max_tokens": model.max_output,
        "capabilities": None,
        "line": None,
    }
