"""POST /v1/systemone, the protocol of TypeSafe's Jev and of open servers.

Only questions with choices are known, since the tool asks no others. The model may be left out, as
at vLLM. The protocol has no refusals. An answer is free; its prompt is not.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from distill.rehearsal.provider import forms, tokens
from distill.rehearsal.provider.billing import Use, body_hash, cost
from distill.rehearsal.provider.choices import confidence, distribution, likeliest
from distill.rehearsal.provider.errors import ApiError
from distill.rehearsal.provider.forms import Form
from distill.rehearsal.provider.models import JEV, JEV_ALIASES, JEV_CONTEXT
from distill.rehearsal.provider.state import Body, Call, ProviderReply, ProviderState


class _Question(Form):
    type: Literal["choice"]
    instructions: str = ""
    criteria: Annotated[dict[str, str | None], Field(min_length=1, max_length=255)]


class _Request(Form):
    model: str | None = None
    state: str | dict[str, Any] | list[Any]
    questions: Annotated[dict[str, _Question], Field(min_length=1)]


async def create(world: ProviderState, call: Call) -> ProviderReply:
    """Answer a request, and bill it. Raises ApiError for a refused request."""
    body = call.json()
    forms.check_openai(_Request, body)
    asked = body.get("model") or next(iter(JEV))
    model = JEV_ALIASES.get(asked, asked)
    if model not in JEV:
        raise ApiError(404, "not_found_error", f"model: {asked}")
    prompt, name = _prompt_tokens(body), body_hash(body)
    if prompt > JEV_CONTEXT:
        message = f"the request has {prompt} tokens, more than the maximum context of {JEV_CONTEXT}"
        raise ApiError(413, "request_too_large", message)
    answers = {
        question: _answer(world, body, body["questions"][question], f"{name[:8]}{number:08x}")
        for number, question in enumerate(body["questions"])
    }
    world.ledger.charge(cost(JEV[model], Use(prompt, 0)), name)
    usage = {"input_tokens": prompt, "output_tokens": len(answers)}
    return ProviderReply({"model": model, "answers": answers, "usage": usage})


def _answer(world: ProviderState, body: Body, question: Body, name: str) -> Body:
    labels = list(question["criteria"])
    shares = distribution(world.memory, str(body["state"]), labels, world.random(name))
    return {
        "type": "choice",
        "choice": labels[likeliest(shares)],
        "confidence": confidence(shares),
        "probabilities": dict(zip(labels, shares, strict=True)),
    }


def _prompt_tokens(body: Body) -> int:
    found = tokens.count(str(body["state"]))
    for question in body["questions"].values():
        found += tokens.count(question.get("instructions") or "")
        found += sum(tokens.count(f"{k} {v or ''}") for k, v in question["criteria"].items())
    return found
