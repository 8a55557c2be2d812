"""Alternative prices of a system's answers: in batches, without cache, without rationales."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from distill.core.requests import Completion, Model, Usage
from distill.core.students import Student
from distill.llm.models import choose, price_of, takes_batches
from distill.llm.tokens import of_text
from distill.pricing.token_prices import TokenPrice, assumption, token_price
from distill.report.spend import shown_usd
from distill.task import Task
from distill.task.answer_json import json_object
from distill.train.trainers import provider_of

Figures = dict[str, Any]


def tariff_figures(
    task: Task, name: str, student: Student, answers: Sequence[Completion]
) -> Figures:
    """Return the `tariff` of a system that a provider bills; {} for any other system.

    - `without_cache`: USD per 1,000 of the same requests if no token were cached
    - `in_batches`: USD per 1,000 of the same requests in batches; absent if the provider has none
    - `from`: source of the price
    - `assumed`: assumption on the cache's price; absent if the cache is unused or has a known price
    """
    model = _model(task, name, student)
    at_once = billing(task, student).get(name)
    if model is None or at_once is None or not answers:
        return {}
    asked = usages(answers)
    uncached = [Usage(usage.prompt, usage.completion) for usage in asked]
    found: Figures = {}
    if takes_batches(model.api):
        in_batches = token_price(model.api, model.name, task.rates, batch=True)
        found["in_batches"] = shown_usd(billed_per_1k(in_batches, asked))
    found["without_cache"] = shown_usd(billed_per_1k(at_once, uncached))
    found["from"] = at_once.source
    assumed = assumption(model.name, at_once)
    if assumed and any(usage.cached or usage.cache_written for usage in asked):
        found["assumed"] = assumed
    return {"tariff": found}


def reasons_figures(task: Task, answers: Sequence[Completion], price: TokenPrice | None) -> Figures:
    """Estimate the price of a system's answers without their rationales.

    `without_reasons` is USD per 1,000 of the same requests. A rationale's share of an answer's
    billed tokens is taken from estimated tokens. {} for a system without a bill or rationales.
    """
    if price is None or not task.spec.teacher.rationale:
        return {}
    told = [_without_reasons(row) for row in answers]
    if not any(told):
        return {}
    asked = [
        usage if tokens is None else replace(usage, completion=tokens)
        for usage, tokens in zip(usages(answers), told, strict=True)
    ]
    return {"without_reasons": shown_usd(billed_per_1k(price, asked))}


def _without_reasons(answer: Completion) -> int | None:
    """Return an answer's tokens without its rationale; None for an answer without one."""
    found = json_object(answer.text)
    if found is None or "rationale" not in found:
        return None
    rest = {key: value for key, value in found.items() if key != "rationale"}
    kept = of_text(json.dumps(rest, ensure_ascii=False)) / of_text(
        json.dumps(found, ensure_ascii=False)
    )
    written = answer.completion_tokens - answer.reasoning_tokens
    return answer.reasoning_tokens + round(kept * written)


def _model(task: Task, name: str, student: Student) -> Model | None:
    if name in ("student", "base", "base_few_shot"):
        provider = provider_of(student)
        its_name = student.model if name == "student" else student.base
        return Model(its_name, None, provider) if provider else None
    named = task.named_models.get(name)
    return choose(named).model if named else None


def billing(task: Task, student: Student) -> dict[str, TokenPrice]:
    """Return system → its provider's price today, for the systems served by a provider."""
    rates = task.rates
    named = {name: price_of(model, rates) for name, model in task.named_models.items()}
    found = {name: price for name, price in named.items() if price is not None}
    if provider := provider_of(student):
        base = token_price(provider, student.base, rates)
        found |= {"base": base, "base_few_shot": base}
        found["student"] = token_price(provider, student.model, rates)
    return found


def usages(answers: Sequence[Completion]) -> list[Usage]:
    """Return the tokens of each answer."""
    return [
        Usage(row.prompt_tokens, row.completion_tokens, row.cached_tokens, row.cache_written_tokens)
        for row in answers
    ]


def billed_per_1k(price: TokenPrice, asked: Sequence[Usage]) -> Decimal:
    """Return USD per 1,000 requests with these tokens."""
    return 1000 * sum((price.usd(usage, 0.0) for usage in asked), Decimal(0)) / len(asked)
