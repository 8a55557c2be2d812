"""A read answer and its attempt → the completion that is stored, and what is odd about it.

A count of tokens that cannot be is not billed as it stands: no bill is negative, none is nothing
for a text, and no prompt has more tokens than bytes.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from distill.core.answer_text import counted_text
from distill.core.requests import Attempt, AttemptOutcome, Completion, Endpoint, Request, Usage
from distill.core.text import replace_lone_surrogates
from distill.llm.failures import Failure
from distill.llm.providers.wire import Answer
from distill.llm.tokens import of_prompt, of_text, worst_case

MAX_TEXT_BYTES = 4_000_000  # of an answer that is stored
ROOM_TO_THINK = 131_072  # tokens: models think outside of the limit that they are given
NO_USAGE = "no usage is told: booked at the most that it can cost"
BEYOND = "more tokens are told than can be: booked as many as can be"
DEARER = "billed more than its worst case: what follows is reserved with that much more"
MOST_REASON = 60  # characters of a word for an ending


@dataclass(frozen=True, slots=True)
class _Counted:
    """The tokens that are booked, their price (None: by these tokens), and a remark."""

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
    """The outcome of an attempt that took `seconds` with so many allowed in flight, None in a
    batch. Raises ValueError for a text that is longer than any answer."""
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
    )
    dearer = DEARER if 0 < attempt.worst_usd < usd else ""
    return AttemptOutcome(attempt, completion, remark=counted.remark or dearer)


def refused(attempt: Attempt, failure: Failure) -> AttemptOutcome:
    """The outcome of a request that the provider does not answer, whenever it is asked: a stored
    completion without a text, which ended by `failure.row`, and costs nothing that is known."""
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
    # Nearly every answer: the rest takes longer than all else that is done with it.
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
