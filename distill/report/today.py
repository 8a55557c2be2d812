"""Cost of the model that does the job today, and of other models at their list prices.

Quality is measured for neither, unless the task compares the model.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from distill.core.requests import Usage
from distill.llm.models import choose
from distill.llm.today import price_today
from distill.pricing.break_even import DAYS_PER_MONTH, ServingOption
from distill.pricing.table import price_table
from distill.pricing.token_prices import token_price
from distill.report.figures import system_of
from distill.report.spend import shown_usd
from distill.task import Task

System = Mapping[str, Any]
Figures = dict[str, Any]


def today_offer(
    task: Task, systems: Sequence[System], billed: Collection[str]
) -> ServingOption | None:
    """Return the price of today's model; None if the teacher does the job, or without a bill.

    The price is measured if the task compares the model and gives no tokens. Else a request has
    the given tokens, or the teacher's.
    """
    spec = task.spec.today
    if spec.model in ("", task.spec.teacher.model):
        return None
    measured = [row for row in systems if row["name"] == spec.model and spec.model in billed]
    if measured and spec.prompt_tokens is None and spec.completion_tokens is None:
        return ServingOption(0.0, Decimal(measured[0]["usd_per_1k_requests"]))
    price = price_today(task)
    if price is None:
        return None
    prompt, completion = tokens_today(task, systems)
    return ServingOption(0.0, 1000 * price.usd(Usage(prompt, completion), 0.0))


def tokens_today(task: Task, systems: Sequence[System]) -> tuple[int, int]:
    """Return the mean tokens of a request today: prompt and answer, given or the teacher's."""
    spec, teacher = task.spec.today, system_of({"systems": systems}, "teacher")
    prompt = spec.prompt_tokens or round(teacher.get("prompt_tokens_mean", 0))
    completion = spec.completion_tokens
    if completion is None:
        completion = round(teacher.get("completion_tokens_mean", 0))
    return prompt, completion


def today_figures(task: Task, systems: Sequence[System], offer: ServingOption | None) -> Figures:
    """Return `today`: the model, its tokens and its cost; empty if the teacher does the job."""
    if offer is None or offer.usd_per_1k is None:
        return {}
    prompt, completion = tokens_today(task, systems)
    named = task.spec.today.model
    return {
        "today": {
            "model": choose(task.spec.today.model).model.name,
            "compared": next((row["name"] for row in systems if row["name"] == named), None),
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "usd_per_1k_requests": shown_usd(offer.usd_per_1k),
            "usd_per_day": shown_usd(offer.usd_per_1k * task.spec.traffic.requests_per_day / 1000),
        }
    }


def list_prices(task: Task, systems: Sequence[System]) -> Figures:
    """Return `list_prices`: a month of this traffic at the list prices of models that people
    compare with, the cheapest first. Decision models answer classify tasks only, free of output.
    """
    prompt, completion = tokens_today(task, systems)
    if not prompt:
        return {}
    rows = []
    for row in price_table().compared:
        if row.decides and not task.form.choices:
            continue
        usage = Usage(prompt, 0 if row.decides else completion)
        usd = token_price(row.provider, row.model, {}).usd(usage, 0.0)
        month = usd * task.spec.traffic.requests_per_day * DAYS_PER_MONTH
        rows.append({"model": row.name, "usd_per_month": shown_usd(month)})
    rows.sort(key=lambda found: Decimal(found["usd_per_month"]))
    tokens = {"prompt_tokens": prompt, "completion_tokens": completion}
    return {"list_prices": {**tokens, "models": rows}}
