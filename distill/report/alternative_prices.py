"""A system's answers as a provider would bill them otherwise: in batches, and without its cache."""

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

Figures = dict[str, Any]


def tariff_figures(
    task: Task, name: str, student: Student, answers: Sequence[Completion]
) -> Figures:
    """`tariff` of a system that a provider bills: USD per 1,000 of the same requests
    `without_cache` and, where the provider has batches, `in_batches`; where the price is from; and
    what of it is `assumed`, where the cache was used. Empty for any other system."""
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
    """`without_reasons` of a system that a provider bills and that gave reasons before its answers:
    USD per 1,000 of the same requests without them, about. Of an answer's tokens the reasons take
    the share that they take of its text, counted by a rule. Empty for any other."""
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
    """The tokens of an answer without its reasons; None for one without any."""
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
    if name == "student":
        return Model(student.model, None, "openai") if student.model else None
    if name in ("base", "base_few_shot"):
        return Model(student.base, None, "openai") if student.model else None
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
