"""The output of a plan: a table with notes on budget and assumptions, or JSON."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from distill.core.numbers import exact_dollars
from distill.estimate import CostEstimate
from distill.pricing.token_prices import Rates

COLUMNS = {
    "requests": "requests",
    "answered": "answered",
    "prompt_tokens": "tokens in",
    "cached_tokens": "cached",
    "completion_tokens": "tokens out",
}
HEADER = ("step", *COLUMNS.values(), "online", "takes", "batch", "takes", "at most")
BATCH_TAKES = "within 24 h"
ALL = "all"


def table(plan: CostEstimate) -> list[list[str]]:
    """Return a row for each step and a row of totals, with the columns of HEADER."""
    rows = [
        [
            *(str(step.purpose), *(f"{getattr(step, name):,}" for name in COLUMNS)),
            *(exact_dollars(step.usd), duration(step.seconds)),
            *(*_batch(step.batch_usd), exact_dollars(step.worst_usd)),
        ]
        for step in plan.steps
    ]
    sums = [f"{sum(getattr(step, name) for step in plan.steps):,}" for name in COLUMNS]
    batch = _batch(plan.batch_usd if plan.batches else None)
    costs = [exact_dollars(plan.usd), duration(plan.seconds), *batch, exact_dollars(plan.worst_usd)]
    return [*rows, [ALL, *sums, *costs]]


def _batch(usd: Decimal | None) -> list[str]:
    return ["–", "–"] if usd is None else [exact_dollars(usd), BATCH_TAKES]


def notes(plan: CostEstimate) -> Iterator[str]:
    """Yield the lines below the table."""
    if plan.price is None and not plan.steps:
        yield unbilled(plan)
        yield from _training(plan)
        yield from plan.terms
        return
    yield f"budget.usd is {exact_dollars(plan.budget_usd)}: {budget_words(plan)}."
    if plan.hangs:
        yield f"Expected: {plan.range}."
    if plan.price is not None:
        for start, rates in plan.price.tiers:
            prompts = f"prompts of {start:,} tokens and more" if start else "all tokens"
            yield f"Price of 1M tokens ({plan.price.source}), {prompts}: {_rates(rates)}."
    yield from _training(plan)
    yield "Assumed:"
    yield from (f"- {assumption}" for assumption in plan.assumptions)
    yield from plan.terms


def unbilled(plan: CostEstimate) -> str:
    """Return the sentence on a plan without a bill."""
    return f"Nothing is billed: the teacher ({plan.teacher}) runs on your own machine."


def _training(plan: CostEstimate) -> Iterator[str]:
    if plan.training:
        yield plan.training.words


def budget_words(plan: CostEstimate) -> str:
    """Compare the remaining bill of a plan with its budget, in words."""
    spent = f"{exact_dollars(plan.spent_usd)} of it have been spent; " if plan.spent_usd else ""
    if twice := plan.possibly_paid_twice_usd:
        spent += f"at most {exact_dollars(twice)} may have been billed for lost answers; "
    if stop := plan.stops():
        step, carried = stop
        return (
            f"{spent}not enough: the run stops in {step.purpose} with about {carried:,} of "
            f"{step.requests:,} answers, keeps all paid answers, and resumes with a higher budget"
        )
    if plan.committed_usd + plan.worst_usd > plan.budget_usd:
        return f"{spent}enough for the expected bill, but not for the maximum"
    return f"{spent}enough, even for the maximum bill"


def _rates(rates: Rates) -> str:
    return (
        f"in ${rates.input}, read from a cache ${rates.cached}, written to a cache "
        f"${rates.cache_write}; out ${rates.output}"
    )


def duration(seconds: float) -> str:
    """Format a duration in seconds, minutes or hours."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def figures(plan: CostEstimate) -> dict[str, Any]:
    """Return a plan as a dict for JSON: USD as Decimal, other units as in `CostLine`."""
    stop = plan.stops()
    return {
        "task": plan.task,
        "teacher": plan.teacher,
        "billed": bool(plan.steps),
        "prices": plan.price and asdict(replace(plan.price, service={})),
        "steps": [asdict(step) | {"purpose": str(step.purpose)} for step in plan.steps],
        "requests": plan.requests,
        "usd": plan.usd,
        "batch_usd": plan.batch_usd if plan.batches else None,
        "certain_usd": plan.certain_usd,
        "new_inputs": plan.new_inputs,
        "worst_usd": plan.worst_usd,
        "seconds": plan.seconds,
        "budget_usd": plan.budget_usd,
        "spent_usd": plan.spent_usd,
        "possibly_paid_twice_usd": plan.possibly_paid_twice_usd,
        "stops": stop and {"purpose": str(stop[0].purpose), "requests": stop[1]},
        "assumptions": plan.assumptions,
        "terms": plan.terms,
        "training": plan.training
        and asdict(plan.training) | {"seconds": round(plan.training.seconds)},
    }
