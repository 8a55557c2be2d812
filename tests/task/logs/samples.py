"""One call in the form of each tool, written by hand after the tools' documentation."""

import json
from typing import Any

Row = dict[str, Any]
SYSTEM = "Sort a message into cats, dogs or birds. Give the label alone."
MODEL = "gpt-4o-mini-2024-07-18"
AT = 1_795_948_200  # 2026-11-29 10:30:00 UTC


def turns(text: str, system: str = SYSTEM) -> list[Row]:
    """The messages of a request."""
    return [{"role": "system", "content": system}, {"role": "user", "content": text}]


def usage() -> Row:
    return {"prompt_tokens": 60, "completion_tokens": 2, "total_tokens": 62}


def response(answer: str | None, **message: Any) -> Row:
    """A chat completion."""
    end = message.pop("finish_reason", "stop")
    return {
        "id": "chatcmpl-CgZ1",
        "object": "chat.completion",
        "created": AT,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "finish_reason": end,
                "logprobs": None,
                "message": {"role": "assistant", "content": answer, "refusal": None, **message},
            }
        ],
        "usage": usage(),
        "service_tier": "default",
    }


def stored(text: str, answer: str | None, **message: Any) -> Row:
    """A stored completion, with the page of its messages."""
    messages = [
        {"id": f"chatcmpl-CgZ1-{n}", **turn, "content_parts": None, "name": None}
        for n, turn in enumerate(turns(text))
    ]
    page = {"object": "list", "data": messages, "has_more": False}
    return {**response(answer, **message), "metadata": {"app": "pets"}, "messages": page}


def chat(text: str, answer: str | None, **message: Any) -> Row:
    """A row of a chat file."""
    message.pop("finish_reason", None)
    return {"messages": [*turns(text), {"role": "assistant", "content": answer, **message}]}


def exchange(text: str, answer: str | None, **message: Any) -> Row:
    """A row of a log of one's own: the bodies of request and response."""
    return {
        "request": {"body": {"model": "gpt-4o-mini", "messages": turns(text), "temperature": 0}},
        "response": {"status_code": 200, "body": response(answer, **message)},
        "error": None,
    }


def litellm(text: str, answer: str | None, **message: Any) -> Row:
    """A row of LiteLLM_SpendLogs, with prompts stored."""
    return {
        "request_id": "chatcmpl-CgZ1",
        "call_type": "acompletion",
        "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
        "spend": 0.0000102,
        "total_tokens": 62,
        "prompt_tokens": 60,
        "completion_tokens": 2,
        "startTime": "2026-11-29T10:30:00.000Z",
        "endTime": "2026-11-29T10:30:00.700Z",
        "model": MODEL,
        "model_group": "gpt-4o-mini",
        "custom_llm_provider": "openai",
        "cache_hit": "False",
        "status": "success",
        "messages": turns(text),
        "response": response(answer, **message),
        "metadata": {"user_api_key_alias": "pets"},
    }


def langfuse(text: str, answer: str | None, **message: Any) -> Row:
    """An observation of Langfuse's export."""
    return {
        "id": "0c3d",
        "trace_id": "7f2a",
        "type": "GENERATION",
        "name": "route",
        "level": "DEFAULT",
        "status_message": None,
        "start_time": "2026-11-29 10:30:00.000000",
        "end_time": "2026-11-29 10:30:00.700000",
        "provided_model_name": MODEL,
        "model_parameters": json.dumps({"temperature": 0}),
        "input": json.dumps(turns(text)),
        "output": json.dumps({"role": "assistant", "content": answer, **message}),
        "usage_details": {"input": 60, "output": 2, "total": 62},
        "cost_details": {"input": 0.000009, "output": 0.0000012, "total": 0.0000102},
        "total_cost": 0.0000102,
    }


def span(text: str, answer: str | None, **message: Any) -> Row:
    """A line of OTLP's JSON with one span, whose content is a JSON text."""
    end = message.pop("finish_reason", "stop")
    calls = message.get("tool_calls")
    parts = [{"type": "tool_call", "id": "1", "name": "find", "arguments": {}}] if calls else []
    parts += [{"type": "text", "content": answer}] if answer else []
    system, user = turns(text)
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": MODEL,
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": system["content"]}]),
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": user["content"]}]}]
        ),
        "gen_ai.output.messages": json.dumps(
            [{"role": "assistant", "parts": parts, "finish_reason": end}]
        ),
        "gen_ai.usage.input_tokens": 60,
        "gen_ai.usage.output_tokens": 2,
    }
    return otlp(attributes)


def otlp(attributes: Row, code: int = 0) -> Row:
    """A line of OTLP's JSON with one span."""
    found = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "chat gpt-4o-mini",
        "kind": 3,
        "startTimeUnixNano": f"{AT}000000000",
        "endTimeUnixNano": f"{AT + 1}000000000",
        "attributes": [
            {
                "key": key,
                "value": {"intValue": str(value)}
                if isinstance(value, int)
                else {"stringValue": value},
            }
            for key, value in attributes.items()
        ],
        "status": {"code": code},
    }
    scope = {"scope": {"name": "opentelemetry.instrumentation.openai_v2"}, "spans": [found]}
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [scope]}]}


FORMS = {
    "stored": stored,
    "chat": chat,
    "exchange": exchange,
    "litellm": litellm,
    "langfuse": langfuse,
    "span": span,
}
