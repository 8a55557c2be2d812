"""Spans of OpenTelemetry with the attributes of generative models, in OTLP's JSON or flat.

The names of attributes changed often: the present ones come first, then those of before, of
OpenLLMetry and of OpenInference.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from distill.task.logs.chat import loaded, mapping

Row = Mapping[str, Any]
PREFIXES = ("gen_ai.", "llm.")
ERROR_CODES = (2, "2", "STATUS_CODE_ERROR", "ERROR")
# Our name → the attributes that may hold it.
NAMES = {
    "operation": ("gen_ai.operation.name",),
    "input": ("gen_ai.input.messages", "gen_ai.prompt", "input.value"),
    "output": ("gen_ai.output.messages", "gen_ai.completion", "output.value"),
    "system": ("gen_ai.system_instructions",),
    "model": ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name"),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider"),
    "prompt_tokens": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
    ),
    "completion_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
    ),
}
# Prefixes of messages that are numbered attributes, like gen_ai.prompt.0.content.
NUMBERED = {
    "input": ("gen_ai.prompt.", "llm.input_messages."),
    "output": ("gen_ai.completion.", "llm.output_messages."),
}


def spans_of(row: Row) -> Iterator[dict[str, Any]] | None:
    """Return the parts of each span in a row, by our names; None if the row has no spans."""
    if "resourceSpans" in row or "resource_spans" in row:
        return (_parts(span) for span in _inside(row))
    return iter([_parts(row)]) if is_span(row) else None


def is_span(row: Row) -> bool:
    """True for a span with attributes of a model."""
    found = row.get("attributes")
    if isinstance(found, dict):
        return any(str(key).startswith(PREFIXES) for key in found)
    return isinstance(found, list) and any(
        isinstance(item, dict) and str(item.get("key")).startswith(PREFIXES) for item in found
    )


def _inside(row: Row) -> Iterator[Row]:
    """Yield the spans of OTLP's JSON, which are grouped by resource and scope."""
    for resource in _list(row, "resourceSpans", "resource_spans"):
        for scope in _list(resource, "scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
            yield from _list(scope, "spans")


def _list(row: Row, *keys: str) -> Iterator[Row]:
    for key in keys:
        found = row.get(key)
        if isinstance(found, list):
            yield from (item for item in found if isinstance(item, dict))


def _parts(span: Row) -> dict[str, Any]:
    """Return the parts of a span by our names. `operation` says if it is no call of a model."""
    attributes = _attributes(span)
    for event in _list(span, "events"):
        attributes = _attributes(event) | attributes
    found: dict[str, Any] = {}
    for name, keys in NAMES.items():
        value = next((attributes[key] for key in keys if attributes.get(key) is not None), None)
        if value is not None:
            found[name] = loaded(value) if name == "system" else value
    for name, prefixes in NUMBERED.items():
        if messages := _numbered(attributes, prefixes):
            found[name] = messages
    if "model" not in found:
        found.setdefault("operation", "other")
    status = span.get("status")
    code = status.get("code", status.get("status_code")) if isinstance(status, dict) else status
    found["failed"] = code in ERROR_CODES or "error.type" in attributes
    found["at"] = next(
        (
            span[key]
            for key in ("startTimeUnixNano", "start_time_unix_nano", "start_time")
            if key in span
        ),
        None,
    )
    return found


def _attributes(holder: Row) -> dict[str, Any]:
    """Return attributes by name; OTLP's JSON has a list of keys with typed values."""
    found = holder.get("attributes")
    if isinstance(found, dict):
        return dict(found)
    items = found if isinstance(found, list) else []
    return {
        str(item["key"]): _value(item.get("value"))
        for item in items
        if isinstance(item, dict) and "key" in item
    }


def _value(value: Any) -> Any:
    """Return a value of OTLP's JSON, which is packed with its type."""
    if not isinstance(value, dict):
        return value
    for kind, inner in value.items():
        if kind == "arrayValue":
            return [_value(item) for item in mapping(inner).get("values") or ()]
        if kind == "kvlistValue":
            pairs = map(mapping, mapping(inner).get("values") or ())
            return {str(pair.get("key")): _value(pair.get("value")) for pair in pairs}
        return inner
    return None


def _numbered(attributes: Row, prefixes: Sequence[str]) -> list[dict[str, Any]]:
    """Return the messages of numbered attributes, in their order."""
    messages: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        for prefix in prefixes:
            number, _, part = key.removeprefix(prefix).partition(".")
            if key.startswith(prefix) and number.isdecimal():
                part = part.removeprefix("message.")
                name = "tool_calls" if part.startswith("tool_calls") else part
                messages.setdefault(int(number), {})[name] = loaded(value)
    return [messages[number] for number in sorted(messages)]
