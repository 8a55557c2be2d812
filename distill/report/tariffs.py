"""A system's answers as a provider would bill them otherwise: in batches, and without its cache."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from distill.backends.batches import BATCHES
from distill.backends.teachers import choose, price_of
from distill.prices import TokenPrice, token_price
from distill.records import Completion, Model, Student, Usage
from distill.report.spend import shown_usd
from distill.task import Task

Figures = dict[str, Any]


def tariff_figures(
    task: Task, name: str, student: Student, answers: Sequence[Completion]
) -> Figures:
    """`tariff` of a system that a provider with batches bills: USD per 1,000 of the same requests
    `in_batches` and `without_cache`, and where the price is from; empty for any other."""
    model = _model(task, name, student)
    if model is None or model.api not in BATCHES or not answers:
        return {}
    at_once = token_price(model.api, model.name, task.rates)
    in_batches = token_price(model.api, model.name, task.rates, batch=True)
    asked = usages(answers)
    uncached = [Usage(usage.prompt, usage.completion) for usage in asked]
    return {
        "tariff": {
            "in_batches": shown_usd(billed_per_1k(in_batches, asked)),
            "without_cache": shown_usd(billed_per_1k(at_once, uncached)),
            "from": at_once.source,
        }
    }


def _model(task: Task, name: str, student: Student) -> Model | None:
    if name == "student":
        return Model(student.model, None, "openai") if student.model else None
    named = task.named_models.get(name)
    return choose(named).model if named else None


def billing(task: Task, student: Student) -> dict[str, TokenPrice]:
    """System → what its provider bills today, of those that a provider serves."""
    rates = task.rates
    named = {name: price_of(model, rates) for name, model in task.named_models.items()}
    found = {name: price for name, price in named.items() if price is not None}
    if student.model:
        base = token_price("openai", student.base, rates)
        found |= {"base": base, "base_few_shot": base}
        found["student"] = token_price("openai", student.model, rates)
    return found


def usages(answers: Sequence[Completion]) -> list[Usage]:
    """The tokens of each."""
    return [
        Usage(row.prompt_tokens, row.completion_tokens, row.cached_tokens, row.cache_written_tokens)
        for row in answers
    ]


def billed_per_1k(price: TokenPrice, asked: Sequence[Usage]) -> Decimal:
    """USD per 1,000 requests like those."""
    return 1000 * sum((price.usd(usage, 0.0) for usage in asked), Decimal(0)) / len(asked)
