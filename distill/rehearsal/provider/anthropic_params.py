"""The parameters of messages, as in the official client 2.12.0, and their rules by model."""

from typing import Any

from distill.rehearsal.provider import checks, schemas
from distill.rehearsal.provider.checks import Check
from distill.rehearsal.provider.errors import invalid
from distill.rehearsal.provider.models import AnthropicModel

Body = dict[str, Any]

VERSION = "2026-10-21"
BREAKPOINTS = 4

_CACHE = checks.maybe(
    checks.record({"type": checks.one_of("ephemeral"), "ttl": checks.one_of("5m", "1h")}, ["type"])
)
_NAME = checks.text(pattern="[a-zA-Z0-9_-]{1,128}")


def _block(required: list[str], **fields: Check) -> Check:
    return checks.record({"type": checks.anything, "cache_control": _CACHE} | fields, required)


_TEXT = _block(["text"], text=checks.text(10**9, shortest=1), citations=checks.absent)
_BLOCK = checks.tagged(
    "type",
    {
        "text": _TEXT,
        "thinking": checks.record(
            {"type": checks.anything, "thinking": checks.text(), "signature": checks.text()},
            ["thinking", "signature"],
        ),
        "tool_use": _block(
            ["id", "name", "input"],
            id=checks.text(),
            name=_NAME,
            input=checks.record_of_anything,
        ),
        "tool_result": _block(
            ["tool_use_id"],
            tool_use_id=checks.text(),
            content=checks.text(),
            is_error=checks.boolean,
        ),
        "image": checks.absent,
        "document": checks.absent,
    },
)
_FULL_TEXT = checks.text(10**9, shortest=1)
_MESSAGE = checks.record(
    {
        "role": checks.one_of("user", "assistant"),
        "content": checks.either(list, checks.array(_BLOCK, 1), _FULL_TEXT),
    },
    ["role", "content"],
)
_TOOL = checks.record(
    {
        "name": _NAME,
        "input_schema": checks.record_of_anything,
        "description": checks.text(),
        "cache_control": _CACHE,
        "strict": checks.boolean,
        "type": checks.maybe(checks.one_of("custom")),
    },
    ["name", "input_schema"],
)
_TYPE = {"type": checks.anything}
_PARALLEL = _TYPE | {"disable_parallel_tool_use": checks.boolean}
_TOOL_CHOICE = checks.tagged(
    "type",
    {
        "auto": checks.record(_PARALLEL),
        "any": checks.record(_PARALLEL),
        "tool": checks.record(_PARALLEL | {"name": _NAME}, ["name"]),
        "none": checks.record(_TYPE),
    },
)
_DISPLAY = _TYPE | {"display": checks.maybe(checks.one_of("summarized", "omitted"))}
_THINKING = checks.tagged(
    "type",
    {
        "adaptive": checks.record(_DISPLAY),
        "enabled": checks.record(
            _DISPLAY | {"budget_tokens": checks.whole(1024)}, ["budget_tokens"]
        ),
        "disabled": checks.record(_TYPE),
        "between_tools": checks.record(_TYPE),
    },
)
_FORMAT = checks.record(
    {"type": checks.one_of("json_schema"), "schema": checks.record_of_anything}, ["type", "schema"]
)
_COUNTED: dict[str, Check] = {
    "model": checks.text(),
    "messages": checks.array(_MESSAGE, 1, 100_000),
    "system": checks.either(list, checks.array(_TEXT), checks.text()),
    "cache_control": _CACHE,
    "output_config": checks.record(
        {
            "effort": checks.maybe(checks.one_of("low", "medium", "high", "xhigh", "max")),
            "format": checks.maybe(_FORMAT),
        }
    ),
    "thinking": _THINKING,
    "tools": checks.array(_TOOL),
    "tool_choice": _TOOL_CHOICE,
    "speed": checks.maybe(checks.one_of("standard")),
    "user_profile_id": checks.absent,
}
_CREATED: dict[str, Check] = _COUNTED | {
    "max_tokens": checks.whole(0),
    "metadata": checks.record({"user_id": checks.maybe(checks.text(512))}),
    "stop_sequences": checks.array(checks.text(pattern=r"[\s\S]*\S[\s\S]*")),
    "service_tier": checks.one_of("auto", "standard_only"),
    "stream": checks.one_of(False),
    "container": checks.absent,
    "diagnostics": checks.absent,
    "inference_geo": checks.absent,
}
_CREATE = checks.record(_CREATED, ["model", "messages", "max_tokens"])
_COUNT = checks.record(_COUNTED, ["model", "messages"])
_BATCHED = checks.record(
    {name: check for name, check in _CREATED.items() if name not in ("stream", "speed")}
    | {"max_tokens": checks.whole(1)},
    ["model", "messages", "max_tokens"],
)


def check_create(body: Any, *, batch: bool) -> None:
    """Check the parameters of a message for any model. A batch takes fewer parameters."""
    checks.anthropic(_BATCHED if batch else _CREATE, body)


def check_count(body: Any) -> None:
    """Check the parameters of count_tokens."""
    checks.anthropic(_COUNT, body)


def check_for_model(model: AnthropicModel, body: Body) -> None:
    """Check the parameters against the model's rules."""
    if body.get("max_tokens", 0) > model.max_output:
        raise invalid(
            f"max_tokens: {body['max_tokens']} > {model.max_output}, which is the maximum allowed "
            f"number of output tokens for {model.id}"
        )
    first, last = body["messages"][0], body["messages"][-1]
    if first["role"] != "user":
        raise invalid("messages: first message must use the user role")
    if last["role"] == "assistant" and not model.prefill:
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message."
        )
    _check_thinking(model, body)
    _check_tools(model, body)
    wanted = body.get("output_config", {}).get("format")
    if wanted is not None:
        schemas.check_anthropic(wanted["schema"])
    check_markers(markers(body))


def _check_thinking(model: AnthropicModel, body: Body) -> None:
    effort = body.get("output_config", {}).get("effort")
    if effort is not None and effort not in model.efforts:
        raise invalid("output_config.effort: This model does not support the effort parameter.")
    thinking = body.get("thinking", {})
    kind = thinking.get("type")
    if kind is not None and kind not in model.thinking:
        raise invalid(
            f'"thinking.type.{kind}" is not supported for this model; it takes '
            + " or ".join(model.thinking)
        )
    if kind == "between_tools" and effort in ("xhigh", "max"):
        raise invalid(f"thinking.type: between_tools cannot be used with effort {effort}")
    if thinking.get("budget_tokens", -1) >= body.get("max_tokens", 10**9):
        raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_tools(model: AnthropicModel, body: Body) -> None:
    choice = body.get("tool_choice", {"type": "auto"})
    names = [tool["name"] for tool in body.get("tools", [])]
    if len(set(names)) < len(names):
        raise invalid("tools: Tool names must be unique.")
    if "tool_choice" in body and not names:
        raise invalid("tool_choice: may only be specified while providing tools")
    if choice["type"] in ("any", "tool") and not model.forced_tools:
        raise invalid("tool_choice: forced tool use is not supported for this model")
    if choice["type"] == "tool" and choice["name"] not in names:
        raise invalid(f"tool_choice.tool.name: Tool '{choice['name']}' not found in provided tools")


def blocks(body: Body) -> list[Body]:
    """Return every block that can carry a cache marker, in the order of the prompt."""
    system = body.get("system", [])
    found = [*body.get("tools", [])]
    found += [{"text": system}] if isinstance(system, str) else system
    for message in body["messages"]:
        content = message["content"]
        found += [{"text": content}] if isinstance(content, str) else content
    return found


def markers(body: Body) -> list[Body]:
    """Return the cache markers, with the automatic marker of the last block at the end."""
    found = [block["cache_control"] for block in blocks(body) if block.get("cache_control")]
    return [*found, body["cache_control"]] if body.get("cache_control") else found


def check_markers(found: list[Body]) -> None:
    """Check that there are at most four markers, with the long-lived ones first."""
    if len(found) > BREAKPOINTS:
        raise invalid(
            f"A maximum of {BREAKPOINTS} blocks with cache_control may be provided. "
            f"Found {len(found)}."
        )
    lives = [marker.get("ttl", "5m") for marker in found]
    if lives != sorted(lives):
        raise invalid(
            "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"
        )
