"""Concessions to a server: requests without the parameters that the server refuses.

Servers that speak OpenAI's chat protocol lack parts of it. Mistral refuses `seed`, DeepSeek refuses
a JSON Schema, and others refuse both. The user is told once about each concession.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from distill.llm.providers.wire import Body

OPTIONAL = ("seed", "logprobs", "stop", "temperature")
LIMIT, NEW_LIMIT = "max_tokens", "max_completion_tokens"
_UNKNOWN_LIMIT = re.compile(
    r"\bmax_tokens\b.*(?:extra|unexpected|unknown|unrecognized|unsupported|not supported)"
    r"|(?:extra|unexpected|unknown|unrecognized|unsupported)\b.*\bmax_tokens\b",
    re.DOTALL,
)
FORMAT = "response_format"
OF_THE_FORMAT = re.compile(
    r"response[_ ]?format|json[_ ]?schema|response_?schema|structured[_ ]output|grammar|guided"
    r"|additionalproperties|json[_ ](?:mode|object)|output_config|\bstrict\b"
)
THINKING = "enable_thinking"  # Qwen's parameter: some servers require `false` without streaming
SYSTEM = "system"
OF_THE_SYSTEM = re.compile(
    r"system (?:role|message|prompt|instruction)|developer (?:role|message|instruction)"
    r"|role\W{0,4}(?:system|developer)\b|roles must alternate|only user and assistant roles"
)
Form = Literal["schema", "object", "prompt"]
NEXT_FORM: Mapping[Form, Form] = {"schema": "object", "object": "prompt"}
SAID = {
    "object": "refuses a JSON Schema: the schema goes into the prompt, and JSON is requested",
    "prompt": "refuses response_format: the schema goes into the prompt only",
}


@dataclass(frozen=True, slots=True)
class Concessions:
    """The changes to a request that a server accepts.

    `left_out`: the parameters that are left out.
    `form`: the way in which JSON is requested.
    `new_limit`: True if the limit is sent as NEW_LIMIT.
    `one_turn`: True if the system prompt is part of the first message.
    `no_thinking`: True if thinking is turned off.
    `words`: the last concession, for a message.
    """

    left_out: frozenset[str] = frozenset()
    form: Form = "schema"
    new_limit: bool = False
    one_turn: bool = False
    no_thinking: bool = False
    words: str = field(default="", compare=False)


NO_CONCESSIONS = Concessions()


def concede(refusal: str, sent: Body, so_far: Concessions) -> Concessions | None:
    """Return the concessions after a refusal of `sent`.

    None if the refusal names no parameter that can be changed.
    """
    text = refusal.lower()
    if THINKING in text and THINKING not in sent:
        return replace(so_far, no_thinking=True, words=f"is sent {THINKING} = false")
    if FORMAT in sent or so_far.form != "schema":
        form = NEXT_FORM.get(so_far.form)
        if form and OF_THE_FORMAT.search(text):
            return replace(so_far, form=form, words=SAID[form])
    if LIMIT in sent and (NEW_LIMIT in text or _UNKNOWN_LIMIT.search(text)):
        return replace(so_far, new_limit=True, words=f"is sent {NEW_LIMIT}, not {LIMIT}")
    roles = [turn["role"] for turn in sent["messages"]]
    if SYSTEM in roles and OF_THE_SYSTEM.search(text):
        words = "refuses a system prompt: it goes into the first message"
        return replace(so_far, one_turn=True, words=words)
    for name in OPTIONAL:
        if name in sent and re.search(rf"\b{name}\b", text):
            words = f"refuses {name}: requests are sent without it"
            return replace(so_far, left_out=so_far.left_out | {name}, words=words)
    return None


def refuses_otherwise(sent: Body, now: Concessions) -> bool:
    """True if `sent` was made before the concessions of `now`."""
    return adapted(sent, now) != sent


def adapted(body: Body, conceded: Concessions) -> Body:
    """Return a body of OpenAI's chat protocol with the concessions applied."""
    if conceded == NO_CONCESSIONS:
        return body
    kept: Body = {name: value for name, value in body.items() if name not in conceded.left_out}
    if conceded.new_limit and LIMIT in kept:
        kept[NEW_LIMIT] = kept.pop(LIMIT)
    if conceded.no_thinking:
        kept[THINKING] = False
    if conceded.one_turn:
        kept["messages"] = _without_system(kept["messages"])
    if conceded.form == "schema" or FORMAT not in kept:
        return kept
    return _with_the_schema_in_the_prompt(kept, conceded.form)


def _without_system(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Move the text of system turns to the start of the first message."""
    said = [turn["content"] for turn in turns if turn["role"] == SYSTEM]
    first, *rest = [turn for turn in turns if turn["role"] != SYSTEM]
    return [first | {"content": "\n\n".join([*said, first["content"]])}, *rest]


def _with_the_schema_in_the_prompt(body: Body, form: Form) -> Body:
    asked: dict[str, Any] = body[FORMAT]
    schema = asked.get("json_schema", {}).get("schema")
    kept = {name: value for name, value in body.items() if name != FORMAT}
    if schema is not None:
        *before, last = body["messages"]
        wanted = json.dumps(schema, ensure_ascii=False)
        told = f"{last['content']}\n\nAnswer with one JSON object that fits this schema:\n{wanted}"
        kept["messages"] = [*before, last | {"content": told}]
    return kept | ({FORMAT: {"type": "json_object"}} if form == "object" else {})
