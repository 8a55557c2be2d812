"""The conversion of answers to stored completions, with remarks on odd answers.

Impossible token counts are corrected before they are booked. A cost is never negative, a text is
never free, and a prompt never has more tokens than bytes.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from distill.core.answer_text import counted_text
from distill.core.requests import Attempt, AttemptOutcome, Completion, Endpoint, Request, Usage
from distill.core.text import replace_lone_surrogates
from distill.llm.failures import Failure
from distill.llm.providers.wire import Answer
from distill.llm.tokens import of_prompt, of_text, worst_case

MAX_TEXT_BYTES = 4_000_000  # per stored answer
ROOM_TO_THINK = 131_072  # tokens: models may reason beyond max_tokens
NO_USAGE = "the server reports no token usage: the maximum cost is booked"
BEYOND = "the server reports more tokens than are possible: the possible maximum is booked"
DEARER = "the bill is above the worst case: later requests reserve more by the same factor"
MOST_REASON = 60  # characters of a finish reason
MOST_NAME = 100  # characters of a model's name


@dataclass(frozen=True, slots=True)
class _Counted:
    """The tokens to book, their price and a remark.

    `usd`: None if the cost follows from the tokens.
    """

    usage: Usage
    usd: Decimal | None = None
    remark: str = ""


def answered(
    attempt: Attempt,
    answer: Answer,
    seconds: float,
    endpoint: Endpoint,
    *,
    in_flight: int | None = None,
) -> AttemptOutcome:
    """Return the outcome of an answered attempt that took `seconds`.

    `in_flight`: the requests allowed in flight, or None in a batch. Raises ValueError if the text
    is over MAX_TEXT_BYTES.
    """
    text = counted_text(attempt.request, answer.text)
    if len(text.encode("utf-8", "replace")) > MAX_TEXT_BYTES:
        raise ValueError(f"the answer has {len(text):,} characters")
    counted = _counted(attempt, answer, endpoint)
    usd = endpoint.price.usd(counted.usage, seconds) if counted.usd is None else counted.usd
    completion = Completion(
        request_id=attempt.request_id,
        text=text,
        finish_reason=replace_lone_surrogates(answer.finish_reason)[:MOST_REASON],
        prompt_tokens=counted.usage.prompt,
        completion_tokens=counted.usage.completion,
        usd=usd,
        latency_s=seconds,
        at=datetime.now(UTC),
        cached_tokens=counted.usage.cached,
        cache_written_tokens=counted.usage.cache_written,
        reasoning_tokens=counted.usage.reasoning,
        logprob=answer.logprob,
        in_flight=in_flight,
        by_seconds=endpoint.price.by_seconds,
        probabilities=answer.probabilities,
    )
    dearer = DEARER if 0 < attempt.worst_usd < usd else ""
    return AttemptOutcome(attempt, completion, remark=counted.remark or dearer)


def other_model(payload: Any, asked: str) -> str:
    """Return the model that an answer's JSON names; "" if it names none, or the one `asked`.

    An alias, a dated snapshot, a tag or a longer path of the same name counts as the same model.
    """
    named = payload.get("model") if isinstance(payload, dict) else None
    if not isinstance(named, str) or not named:
        return ""
    one, two = (
        re.sub(r"[^a-z0-9]", "", name.rsplit("/", 1)[-1].lower()) for name in (named, asked)
    )
    same = one.startswith(two) or two.startswith(one)
    return "" if same else named[:MOST_NAME]


def _name_letters(name: str) -> str:
    """Return the letters and digits of a model's name, without its path."""
    return re.sub(r"[^a-z0-9]", "", name.rsplit("/", 1)[-1].lower())


def refused(attempt: Attempt, failure: Failure) -> AttemptOutcome:
    """Return the outcome of a request that the provider never answers.

    The stored completion has no text, and `failure.row` as its finish reason. Its known cost is 0.
    """
    nothing = Decimal(0)
    completion = Completion(
        *(attempt.request_id, "", failure.row, 0, 0, nothing, 0.0, datetime.now(UTC))
    )
    billed = failure.maybe_billed
    return AttemptOutcome(attempt, completion, maybe_billed=billed, remark=failure.message)


def _characters(request: Request) -> int:
    return sum(len(turn.content) for turn in request.messages)


def _counted(attempt: Attempt, answer: Answer, endpoint: Endpoint) -> _Counted:
    request, usage = attempt.request, answer.usage
    if usage is None:
        guess = Usage(of_prompt(request).total, of_text(answer.text))
        if not attempt.worst_usd:
            return _Counted(guess)
        return _Counted(guess, attempt.worst_usd, NO_USAGE)
    # Nearly every answer returns here, which saves computing the worst case below.
    if usage.prompt <= _characters(request) and usage.completion <= request.sampling.max_tokens:
        return _Counted(usage)
    most_prompt, most_answer = worst_case(endpoint.model, request)
    possible = replace(
        usage,
        prompt=min(usage.prompt, most_prompt),
        completion=min(usage.completion, most_answer + ROOM_TO_THINK),
    )
    if possible == usage:
        return _Counted(usage)
    cached = min(possible.cached, possible.prompt)
    written = min(possible.cache_written, possible.prompt - cached)
    return _Counted(replace(possible, cached=cached, cache_written=written), remark=BEYOND)
