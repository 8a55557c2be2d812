"""POST /v1/decisions of OpenAI, as in the official client 3.54.0.

Only questions with choices are known, since the tool asks no others. An answer is free; its prompt
is not. Decisions have no batches and no service tiers.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from distill.rehearsal.provider import forms, tokens
from distill.rehearsal.provider.billing import Use, body_hash, cost
from distill.rehearsal.provider.choices import confidence, distribution, likeliest
from distill.rehearsal.provider.errors import invalid
from distill.rehearsal.provider.forms import ABSENT, Form
from distill.rehearsal.provider.models import DECISIONS, DECISIONS_CONTEXT
from distill.rehearsal.provider.state import Body, Call, ProviderReply, ProviderState


class _Part(Form):
    type: Literal["input_text"]
    text: str


class _Turn(Form):
    type: Literal["message"] = ABSENT
    role: Literal["user", "developer", "system", "assistant"]
    content: str | list[_Part]


class _Choice(Form):
    value: str | bool
    description: str = ABSENT


class _Question(Form):
    type: Literal["choice"]
    name: str = ABSENT
    instructions: str | list[_Part]
    choices: Annotated[list[_Choice], Field(min_length=2, max_length=255)]


class _Decision(Form):
    model: str
    input: str | list[_Turn]
    questions: Annotated[list[_Question], Field(min_length=1, max_length=400)]
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None


async def create(world: ProviderState, call: Call) -> ProviderReply:
    """Answer a request, and bill it. Raises ApiError for a refused request."""
    body = call.json()
    forms.check_openai(_Decision, body)
    _check(body)
    prompt, name = _prompt_tokens(body), body_hash(body)
    if prompt > DECISIONS_CONTEXT:
        raise invalid(
            f"This model's maximum context length is {DECISIONS_CONTEXT} tokens. However, your "
            f"input resulted in {prompt} tokens.",
            "input",
            "context_length_exceeded",
        )
    answers = [
        _answer(world, body, question, f"{name[:8]}{number:08x}", refused=call.fault == "refuse")
        for number, question in enumerate(body["questions"])
    ]
    world.ledger.charge(cost(DECISIONS[body["model"]], Use(prompt, 0)), name)
    usage = {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt,
    }
    return ProviderReply({"model": body["model"], "answers": answers, "usage": usage})


def _check(body: Body) -> None:
    """Check what a form cannot say: the model, and names and values that are unique."""
    if body["model"] not in DECISIONS:
        known = ", ".join(f"'{model}'" for model in DECISIONS)
        raise invalid(
            f"Unsupported model: '{body['model']}'. Supported values are: {known}.",
            "model",
            "unsupported_value",
        )
    names = [question["name"] for question in body["questions"] if question.get("name")]
    if len(set(names)) < len(names):
        raise invalid("Invalid 'questions': names must be unique.", "questions", "invalid_value")
    for place, question in enumerate(body["questions"]):
        # True and "True" are different values.
        values = [(type(row["value"]), row["value"]) for row in question["choices"]]
        if len(set(values)) < len(values):
            where = f"questions[{place}].choices"
            raise invalid(f"Invalid '{where}': values must be unique.", where, "invalid_value")


def _answer(world: ProviderState, body: Body, question: Body, name: str, *, refused: bool) -> Body:
    named = {"name": question.get("name")}
    if refused:
        return {"type": "refusal"} | named
    values = [row["value"] for row in question["choices"]]
    shares = distribution(world.memory, _asked(body), [*map(str, values)], world.random(name))
    listed = zip(values, shares, strict=True)
    return named | {
        "type": "choice",
        "choice": values[likeliest(shares)],
        "confidence": confidence(shares),
        "probabilities": [{"value": value, "probability": share} for value, share in listed],
    }


def _asked(body: Body) -> str:
    """Return the text that the questions are about: the last message."""
    given = body["input"]
    return given if isinstance(given, str) else _text(given[-1]["content"])


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


def _prompt_tokens(body: Body) -> int:
    given = body["input"]
    turns = [{"role": "user", "content": given}] if isinstance(given, str) else given
    found = sum(len(tokens.message(turn["role"], _text(turn["content"]))) for turn in turns)
    for question in body["questions"]:
        found += tokens.count(_text(question["instructions"]))
        for row in question["choices"]:
            found += tokens.count(f"{row['value']} {row.get('description') or ''}")
    return found
