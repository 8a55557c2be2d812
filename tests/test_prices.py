"""Money is Decimal, and its arithmetic is checked by hand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.errors import InputError
from distill.prices import Rates, machine_share, machine_usd, token_price, usd_per_1k
from distill.records import Usage

MODELS = (
    ("openai", "gpt-6-luna"),
    ("openai", "gpt-6.1-sol"),
    ("anthropic", "claude-haiku-5-5"),
    ("anthropic", "claude-opus-5-5"),
)


def test_an_hour_of_the_machine_costs_its_price() -> None:
    assert machine_usd(Decimal("0.10"), 3600.0) == Decimal("0.10")


def test_requests_in_flight_share_the_machine() -> None:
    assert machine_share(Decimal("0.10"), 36.0, 4) == Decimal("0.00025")


def test_a_thousand_requests_at_ten_a_second_take_100_seconds() -> None:
    # 100 s of a machine at $0.36 an hour ($0.0001 a second) are one cent.
    assert usd_per_1k(Decimal("0.36"), 10.0) == Decimal("0.01")


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Tokens on both sides of the tiers' edges."""
    prompt = draw(st.sampled_from([1, 1000, 100_000, 100_001, 272_000, 272_001, 900_000]))
    cached, written = (draw(st.integers(0, prompt // 2)) for _ in range(2))
    return Usage(prompt, draw(st.integers(0, 5000)), cached, written)


@given(st.sampled_from(MODELS), st.booleans(), usages())
def test_an_answer_costs_what_the_price_library_says(
    model: tuple[str, str], batch: bool, usage: Usage
) -> None:
    from genai_prices import Usage as LibraryUsage
    from genai_prices import calc_price

    theirs = calc_price(
        LibraryUsage(
            input_tokens=usage.prompt,
            output_tokens=usage.completion,
            cache_read_tokens=usage.cached,
            cache_write_tokens=usage.cache_written,
        ),
        model[1],
        provider_id=model[0],
        price_context={"processing": "batch"} if batch else None,
    )
    price = token_price(*model, {}, batch=batch)
    assert price.usd(usage, 1.0) == theirs.total_price
    assert price.worst(usage.prompt, usage.completion) >= theirs.total_price


def test_ten_million_tokens_at_two_and_a_half_dollars_a_million_are_25_dollars() -> None:
    rates = Rates(Decimal("2.50"), Decimal(10), Decimal("2.50"), Decimal("2.50"))
    price = token_price("openai", "mine", {"mine": rates})
    assert price.usd(Usage(10_000_000, 0), 1.0) == Decimal(25)


def test_an_unknown_price_is_an_error_and_not_nothing() -> None:
    with pytest.raises(InputError, match=r"price of nobody \(openai\) is not known") as caught:
        token_price("openai", "nobody", {})
    assert '[prices."nobody"]' in str(caught.value)
