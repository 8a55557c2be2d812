"""Cost of the logged job today: its model, tokens and price for 1,000 calls."""

import tomllib
from dataclasses import dataclass
from decimal import Decimal

from distill.core.errors import InputError
from distill.core.requests import Usage
from distill.pricing.token_prices import TokenPrice, token_price
from distill.task import Task
from distill.task.logs.collecting import ModelUse
from distill.task.logs.models import is_same, provider_and_id
from distill.task.new.writing import toml_text


@dataclass(frozen=True, slots=True)
class Today:
    """The model that does most of the logged calls, with mean tokens.

    `priced`: True if the price of the model is known.
    `usd_per_1k`: the price of 1,000 calls in USD; None if it is not known.
    `is_paid`: True if the price is the log's own, False if it is computed from list prices.
    `is_teacher`: True for the teacher, whose tokens a run measures.
    """

    model: str
    prompt_tokens: int
    completion_tokens: int
    priced: bool
    usd_per_1k: Decimal | None
    is_paid: bool
    is_teacher: bool

    @property
    def section(self) -> str:
        """The section [today] of task.toml."""
        return (
            f"[today]\nmodel = {toml_text(self.model)}\nprompt_tokens = {self.prompt_tokens}\n"
            f"completion_tokens = {self.completion_tokens}\n"
        )


def today_of(task: Task, models: dict[str, ModelUse], teacher: str) -> Today | None:
    """Return today's model by its logged calls; None if the log names no model with tokens.

    The teacher has its own name, since the report takes a dated name for another model.
    """
    found = [(use.calls, name) for name, use in models.items() if name and use.counted]
    if not found:
        return None
    _, model = max(found)
    use = models[model]
    model = teacher if is_same(model, teacher) else model
    usage = Usage(
        max(1, round(use.prompt_tokens / use.counted)), round(use.completion_tokens / use.counted)
    )
    price = _price(task, model)
    usd = 1000 * price.usd(usage, 0.0) if price else None
    is_paid = use.priced > 0
    if is_paid:
        usd = 1000 * use.usd / use.priced
    return Today(
        model, usage.prompt, usage.completion, price is not None, usd, is_paid, model == teacher
    )


def _price(task: Task, model: str) -> TokenPrice | None:
    """Return the price of a model of a known provider; None if it is not known."""
    provider, name = provider_and_id(model)
    if not provider:
        return None
    try:
        return token_price(provider, name, task.rates)
    except InputError:
        return None


def is_free(task_toml: str, task: Task) -> bool:
    """True if neither task.toml nor distill.toml says what the job costs today."""
    return "today" not in tomllib.loads(task_toml) and not task.spec.today.given
