"""The forms of logged calls, recognised by the keys of a row and not by the file's name."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, NamedTuple

from distill.core.text import replace_lone_surrogates
from distill.task.logs import CACHED, FAILED, NO_CALL, NO_INPUT, LoggedCall, UnusableCall
from distill.task.logs.chat import Unusable, answered, asked, loaded, mapping
from distill.task.logs.models import named
from distill.task.logs.spans import spans_of

Row = Mapping[str, Any]
NOTHING: Row = MappingProxyType({})
Found = LoggedCall | UnusableCall
FIRST_HTTP_ERROR = 400
_NUMBER = re.compile(r"\d{1,30}(?:\.\d{1,30})?")
CALLS_OF_LITELLM = ("completion", "response", "messages", "content")
LARGEST = 1e20  # of a number of tokens, or of nanoseconds
LATEST_SECONDS = 1e11  # a larger number of a time is in milliseconds, or in nanoseconds


class Parts(NamedTuple):
    """The parts of a logged call, as they are in the log."""

    request: Any
    response: Any
    model: Any
    provider: Any = ""
    system: Any = None
    usage: Row = NOTHING
    usd: Any = None
    at: Any = None
    problem: str = ""


def calls_of(row: Row, place: str) -> Iterator[Found] | None:
    """Return the calls of a row; None if the form of the row is unknown."""
    if (spans := spans_of(row)) is not None:
        return (_call(_span(span), place) for span in spans)
    for is_form, parts in FORMS:
        if is_form(row):
            return iter([_call(parts(row), place)])
    return None


def _call(parts: Parts, place: str) -> Found:
    try:
        if parts.problem:
            raise Unusable(parts.problem)
        request = asked(parts.request, parts.system)
        answer = answered(parts.response)
    except Unusable as error:
        return UnusableCall(str(error), place)
    usage = parts.usage
    return LoggedCall(
        request.input,
        answer.text,
        named(replace_lone_surrogates(str(parts.model or "")), str(parts.provider or "")),
        request.system,
        _prompt_tokens(usage),
        _tokens(usage, "completion_tokens", "output_tokens", "output"),
        _usd(parts.usd),
        _seconds(parts.at),
        place,
        request.turns,
        answer.tool,
    )


def _tokens(usage: Row, *keys: str) -> int | None:
    """Return the first number of tokens that is given."""
    for key in keys:
        if (number := _number(usage.get(key))) is not None:
            return int(number)
    return None


def _prompt_tokens(usage: Row) -> int | None:
    """Return all prompt tokens. Anthropic counts the tokens of its cache apart."""
    fresh = _tokens(usage, "prompt_tokens", "input_tokens", "input")
    if fresh is None:
        return None
    of_cache = ("cache_read_input_tokens", "cache_creation_input_tokens")
    return fresh + sum(_tokens(usage, key) or 0 for key in of_cache)


def _number(value: Any) -> float | None:
    """Return a number of 0 or more, which may be a text; None for another value."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= LARGEST else None


def _usd(value: Any) -> Decimal | None:
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        usd = Decimal(str(value))
    except InvalidOperation:
        return None
    return usd if usd.is_finite() and usd >= 0 else None


def _seconds(value: Any) -> float | None:
    """Return a time as seconds since 1970: of a number, or of a text in the form of ISO 8601.

    A time without a zone is in UTC.
    """
    number = _number(value)
    if number is not None:
        while number > LATEST_SECONDS:
            number /= 1000
        return number or None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return None


def _is_litellm(row: Row) -> bool:
    return "spend" in row and ("call_type" in row or "startTime" in row)


def _litellm(row: Row) -> Parts:
    """Read a row of LiteLLM_SpendLogs."""
    request = loaded(row.get("messages"))
    if not request or request == {}:
        request = mapping(row.get("proxy_server_request")).get("messages")
    return Parts(
        request,
        row.get("response"),
        row.get("model") or row.get("model_group"),
        row.get("custom_llm_provider"),
        usage=row,
        usd=row.get("spend"),
        at=row.get("startTime"),
        problem=_of_litellm(row),
    )


def _of_litellm(row: Row) -> str:
    if str(row.get("status") or "success").casefold() != "success":
        return FAILED
    if str(row.get("cache_hit") or "").casefold() == "true":
        return CACHED
    kind = str(row.get("call_type") or "completion")
    return "" if any(word in kind for word in CALLS_OF_LITELLM) else NO_CALL


def _is_langfuse(row: Row) -> bool:
    keys = ("usage_details", "usageDetails", "provided_model_name", "providedModelName", "trace_id")
    return "input" in row and "output" in row and any(key in row for key in (*keys, "traceId"))


def _langfuse(row: Row) -> Parts:
    """Read an observation of Langfuse, of an export or of the API."""

    def of(name: str) -> Any:
        head, *rest = name.split("_")
        value = row.get(name)
        return value if value is not None else row.get(head + "".join(map(str.capitalize, rest)))

    problem = NO_CALL if str(row.get("type", "GENERATION")).upper() != "GENERATION" else ""
    if not problem and str(row.get("level") or "").upper() == "ERROR":
        problem = FAILED
    usd = of("total_cost")
    return Parts(
        row["input"],
        row["output"],
        of("provided_model_name") or row.get("model"),
        usage=mapping(of("usage_details") or row.get("usage")),
        usd=usd if usd not in (None, "") else mapping(of("cost_details")).get("total"),
        at=of("start_time"),
        problem=problem,
    )


def _is_helicone(row: Row) -> bool:
    return "request_body" in row and "response_body" in row


def _helicone(row: Row) -> Parts:
    """Read a row of Helicone's export with bodies."""
    parts = _exchange(
        mapping(row["request_body"]),
        mapping(row["response_body"]),
        at=row.get("request_created_at"),
        status=row.get("response_status"),
    )
    return parts._replace(usage=parts.usage or row, usd=row.get("cost"))


def _is_exchange(row: Row) -> bool:
    """True for a request with its response, and for one of both in a file of a batch."""
    has_request = any(mapping(row.get(key)) for key in ("request", "body"))
    return ("response" in row and has_request) or (
        "custom_id" in row and ("response" in row or has_request)
    )


def _logged_exchange(row: Row) -> Parts:
    """Read a request with its response, each of which may be in a `body`."""
    request = mapping(row.get("request")) or mapping(row.get("body"))
    response = mapping(row.get("response"))
    parts = _exchange(
        mapping(request.get("body")) or request,
        mapping(response.get("body")) or response,
        at=row.get("created_at") or row.get("time") or row.get("timestamp"),
        status=response.get("status_code") or row.get("status_code"),
    )
    return parts._replace(problem=FAILED) if row.get("error") else parts


def _exchange(request: Row, response: Row, *, at: Any, status: Any) -> Parts:
    is_error = (_number(status) or 0) >= FIRST_HTTP_ERROR
    return Parts(
        request,
        response,
        response.get("model") or request.get("model"),
        usage=mapping(response.get("usage")),
        at=at or response.get("created") or response.get("created_at"),
        problem=FAILED if is_error or response.get("error") else "",
    )


def _is_completion(row: Row) -> bool:
    """True for a stored completion or response, beside its messages."""
    return "choices" in row or row.get("object") in ("response", "chat.completion")


def _completion(row: Row) -> Parts:
    request = next((row[key] for key in ("messages", "input", "request") if row.get(key)), None)
    problem = FAILED if row.get("error") or row.get("status") == "failed" else ""
    return Parts(
        request,
        row,
        row.get("model"),
        system=row.get("instructions"),
        usage=mapping(row.get("usage")),
        at=row.get("created") or row.get("created_at"),
        problem=problem or ("" if request else NO_INPUT),
    )


def _is_chat(row: Row) -> bool:
    return isinstance(row.get("messages"), list)


def _chat(row: Row) -> Parts:
    """Read a chat whose last message is the answer, or whose answer is beside it."""
    messages = loaded(row["messages"])
    beside = next((row[key] for key in ("response", "output", "completion") if key in row), None)
    if beside is None and isinstance(messages, list) and messages:
        last = mapping(messages[-1])
        messages, beside = (messages[:-1], last) if last.get("role") == "assistant" else ([], None)
        messages = messages or row["messages"]
    return Parts(
        messages,
        beside,
        row.get("model"),
        row.get("provider"),
        usage=mapping(row.get("usage")),
        usd=row.get("cost"),
        at=row.get("created") or row.get("created_at") or row.get("timestamp"),
        problem=FAILED if row.get("error") else "",
    )


def _span(attributes: Row) -> Parts:
    """Read the attributes of a span, as `spans` gives them."""
    operation = attributes.get("operation")
    problem = "" if operation in (None, "chat", "text_completion", "generate_content") else NO_CALL
    return Parts(
        attributes.get("input"),
        attributes.get("output"),
        attributes.get("model"),
        attributes.get("provider"),
        attributes.get("system"),
        attributes,
        at=attributes.get("at"),
        problem=problem or (FAILED if attributes.get("failed") else ""),
    )


FORMS: tuple[tuple[Callable[[Row], bool], Callable[[Row], Parts]], ...] = (
    (_is_litellm, _litellm),
    (_is_helicone, _helicone),
    (_is_exchange, _logged_exchange),
    (_is_completion, _completion),
    (_is_langfuse, _langfuse),
    (_is_chat, _chat),
)
