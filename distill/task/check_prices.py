"""The check of the prices in a task against the known prices.

A price that is a hundred times too high or too low is more likely a mistake than a bargain. Typical
mistakes are a price per 1,000 tokens, a price in cents and a misplaced comma.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from distill.core.errors import InputError, InvalidInput
from distill.core.model_ref import key_variables
from distill.pricing.table import price_table
from distill.pricing.token_prices import TOKENS, TokenPrice, token_price
from distill.task.spec import TaskSpec
from distill.task.toml_places import problem_of

ABSURD = 100  # ratio to a known price, in either direction


def check_prices(path: Path, spec: TaskSpec) -> None:
    """Check the prices of a task against the known prices.

    Raises InvalidInput if a price is ABSURD times a known price or more, or 1/ABSURD or less. The
    message names each such price, the known price and the remedy.
    """
    doubts = [*_of_models(spec), *_of_the_machine(spec)]
    if doubts:
        raise InvalidInput(*(problem_of(path, doubt) for doubt in doubts))


def _of_models(spec: TaskSpec) -> Iterator[str]:
    for model, given in spec.prices.items():
        known = None if given.sure else _known(model)
        if known is None:
            continue
        ours, theirs = given.rates(spec.currencies), known.first
        for name in TOKENS:
            price, usual = getattr(ours, name), getattr(theirs, name)
            said = name not in ours.assumed and price  # a price of 0 may be an agreement
            if said and usual and not usual / ABSURD < price < usual * ABSURD:
                yield (
                    f'prices."{model}".{name}: ${price.normalize():f} per 1M tokens is '
                    f"{_times(price, usual)} the ${usual.normalize():f} in {known.source}: "
                    f"correct it in {ours.source}, or set sure = true beside it"
                )


def _of_the_machine(spec: TaskSpec) -> Iterator[str]:
    price, known = spec.machine.usd_per_hour, [row.usd_per_hour for row in price_table().machine]
    cheapest, dearest = min(known), max(known)
    if spec.machine.sure or cheapest / ABSURD < price < dearest * ABSURD:
        return
    which, usual = ("cheapest", cheapest) if price < cheapest else ("dearest", dearest)
    yield (
        f"machine.usd_per_hour: ${price:f} is {_times(price, usual)} the ${usual:f} of the "
        f"{which} machine in `distill prices`: correct it, or set sure = true beside it"
    )


def _times(price: Decimal, usual: Decimal) -> str:
    factor = price / usual
    return f"{factor:,.0f} times" if factor > 1 else f"1/{1 / factor:,.0f} of"


def _known(name: str) -> TokenPrice | None:
    """Return the known price of a model; None if there is none.

    `name`: a provider's id of the model, or a name in the form of `teacher.model`.
    """
    provider, _, model = name.partition(":")
    priced = key_variables()
    places = [(provider, model)] if provider in priced else [(one, name) for one in priced]
    for place in places:
        try:
            return token_price(*place, {})
        except InputError:
            continue
    return None
