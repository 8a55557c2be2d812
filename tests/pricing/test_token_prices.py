"""Money is Decimal, and its arithmetic is checked by hand."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.core.errors import InputError
from distill.core.requests import Usage
from distill.llm.providers import url
from distill.pricing.table import InferenceRow, price_table, valid_rows
from distill.pricing.token_prices import (
    TOKENS,
    MachinePrice,
    Rates,
    assumption,
    machine_share,
    machine_usd,
    own_rates,
    rates_given,
    token_price,
    usd_per_1k,
)
from distill.task.spec import PriceSpec

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


# One row for each rule of the two providers' price pages (November 2026): the model, whether in a
# batch, the usage, and what that costs in millionths of a dollar. Tiers count for prompts of more
# tokens than their edge, and then for every token.
LUNA, SOL, ASTRA = (("openai", f"gpt-6{name}") for name in ("-luna", ".1-sol", "-astra"))
HAIKU, SONNET = (("anthropic", f"claude-{name}-5-5") for name in ("haiku", "sonnet"))
TUNED = ("openai", "ft:gpt-4o-2024-08-06:acme:routes:abc123")
EDGES = [
    (LUNA, False, Usage(272_000, 0), "27200"),
    (LUNA, False, Usage(272_001, 0), "54400.2"),
    (LUNA, False, Usage(272_000, 1000), "27700"),
    (LUNA, False, Usage(272_001, 1000), "55150.2"),
    (LUNA, True, Usage(272_000, 1000), "13850"),
    (LUNA, True, Usage(272_001, 1000), "27575.1"),
    (LUNA, False, Usage(1000, 0, cached=1000), "10"),
    (LUNA, False, Usage(1000, 0, cached=999), "10.09"),
    (LUNA, False, Usage(1000, 0, cache_written=1000), "125"),
    (LUNA, True, Usage(1000, 0, cached=400, cache_written=600), "39.5"),
    (LUNA, False, Usage(272_001, 0, cached=272_001), "5440.02"),
    (LUNA, False, Usage(0, 1000, reasoning=900), "500"),  # an answer's tokens, reasoning or not
    (SOL, False, Usage(1000, 100, cached=500), "2050"),  # cached at 0.05 of the price
    (ASTRA, False, Usage(1000, 100, cached=500), "10500"),  # and at 0.1
    (HAIKU, False, Usage(100_000, 100), "10050"),
    (HAIKU, False, Usage(100_001, 100), "50250.5"),  # five times as dear
    (HAIKU, True, Usage(100_001, 100), "25125.25"),
    (HAIKU, False, Usage(4000, 0, cached=2000, cache_written=2000), "270"),
    (SONNET, False, Usage(900_000, 100), "1801000"),  # no tier
    (SONNET, True, Usage(4000, 0, cached=2000, cache_written=2000), "2600"),
    (("openai", "gpt-4o-mini"), True, Usage(1000, 0, cached=1000), "75"),  # no cached batch price
    (("openai", "gpt-5.4-mini"), False, Usage(1000, 0, cache_written=1000), "750"),  # as any other
    (TUNED, False, Usage(1000, 100, cached=500), "4312.5"),
    (TUNED, True, Usage(1000, 100, cached=500), "2812.5"),  # more than half
]


@pytest.mark.parametrize(("model", "batch", "usage", "millionths"), EDGES)
def test_each_price_rule_at_its_edge(
    model: tuple[str, str], batch: bool, usage: Usage, millionths: str
) -> None:
    price = token_price(*model, {}, batch=batch)
    assert price.usd(usage, 1.0) * 1_000_000 == Decimal(millionths)


def test_a_price_holds_from_its_day_on() -> None:
    later, then = (price_row(input_, day) for input_, day in (("1", 1), ("3", 17)))
    undated = price_row("2", None)
    for day, input_ in ((date(2026, 10, 31), "2"), (date(2026, 11, 1), "1")):
        (row,) = valid_rows([then, undated, later], day).values()
        assert row.input == Decimal(input_)
    assert [row.input for row in valid_rows([later, then], date(2026, 11, 16)).values()] == [1]
    assert [row.input for row in valid_rows([later, then], date(2026, 11, 17)).values()] == [3]
    assert valid_rows([later], date(2026, 10, 31)) == {}
    assert ("openai", "gpt-6.2-sol") not in own_rates(date(2026, 11, 16))
    assert ("openai", "gpt-6.2-sol") in own_rates(date(2026, 11, 17))


def price_row(input_: str, day: int | None) -> InferenceRow:
    """Of one model, valid from a day of November 2026."""
    return InferenceRow(
        source="somebody's page",
        checked=date(2026, 11, 20),
        valid_from=date(2026, 11, day) if day else None,
        provider="openai",
        model="m",
        input=Decimal(input_),
        output=Decimal(9),
    )


def test_ten_million_tokens_at_two_and_a_half_dollars_a_million_are_25_dollars() -> None:
    rates = Rates(Decimal("2.50"), Decimal(10), Decimal("2.50"), Decimal("2.50"))
    price = token_price("openai", "mine", {"mine": rates})
    assert price.usd(Usage(10_000_000, 0), 1.0) == Decimal(25)


def test_an_unknown_price_is_an_error_and_not_nothing() -> None:
    with pytest.raises(InputError, match=r"price of nobody \(openai\) is not known") as caught:
        token_price("openai", "nobody", {})
    assert '[prices."nobody"]' in str(caught.value)


def agreed(**prices: str) -> Rates:
    """What `[prices."…"]` with these keys gives."""
    return PriceSpec.model_validate(prices).rates({})


def test_a_contract_without_cache_prices_keeps_the_known_proportions() -> None:
    """Ten per cent off gpt-6.1-sol: 200 × 1.80 + 1,000 × 0.09 + 5 × 9 = 495 millionths each."""
    contract = {"gpt-6.1-sol": agreed(input="1.80", output="9")}
    price = token_price("openai", "gpt-6.1-sol", contract)
    assert price.usd(Usage(1200, 5, cached=1000), 1.0) * 1_000_000 == 495
    assert price.usd(Usage(1000, 0, cache_written=1000), 1.0) * 1_000_000 == 2250
    assert price.source.startswith(
        "task.toml; cached and cache_write in proportion to genai-prices"
    )
    assert assumption("gpt-6.1-sol", price) == ""


def test_the_example_of_the_docs_in_another_currency() -> None:
    spec = PriceSpec.model_validate({"input": "0.09", "output": "0.45", "currency": "EUR"})
    rates = token_price(
        "openai", "gpt-6-luna", {"gpt-6-luna": spec.rates({"EUR": Decimal("1.08")})}
    )
    shown = [str(getattr(rates.first, kind)) for kind in ("input", "cached", "cache_write")]
    assert shown == ["0.0972", "0.00972", "0.1215"]


def test_a_price_of_the_cache_that_is_given_stays() -> None:
    contract = {"gpt-6.1-sol": agreed(input="1", output="5", cached="0.07")}
    rates = token_price("openai", "gpt-6.1-sol", contract).first
    assert (rates.cached, rates.cache_write) == (Decimal("0.07"), Decimal("1.25"))


@pytest.mark.parametrize("name", ["gpt-6-luna", "claude-haiku-5-5", "gpt-4o", "gpt-6.2-sol"])
@pytest.mark.parametrize("batch", [False, True])
def test_half_the_list_price_is_half_of_every_rate(name: str, batch: bool) -> None:
    """Of the cache and in batches, whatever these are to other tokens at once."""
    provider = "anthropic" if name.startswith("claude") else "openai"
    full, known = (token_price(provider, name, {}, batch=wanted) for wanted in (False, batch))
    half = agreed(input=str(full.first.input / 2), output=str(full.first.output / 2))
    found = token_price(provider, name, {name: half}, batch=batch)
    for kind in TOKENS:
        assert getattr(found.first, kind) == getattr(known.first, kind) / 2


def test_of_an_unknown_model_it_is_said_what_is_assumed() -> None:
    contract = {"mine": agreed(input="1", output="5")}
    for batch in (False, True):
        price = token_price("url", "mine", contract, batch=batch)
        told = assumption("http://host/v1#mine", price)
        assert told.startswith(
            "mine: tokens read from a cache and tokens written to a cache are priced like"
        )
        assert told.endswith(
            'task.toml has no price for them: set cached and cache_write in [prices."mine"]'
        )
    told = assumption(
        "mine", token_price("url", "mine", {"mine": agreed(input="1", output="5", cached="1")})
    )
    assert told.endswith('set cache_write in [prices."mine"]')


@pytest.mark.parametrize(("name", "booked"), [("gpt-6.2-sol", "5080"), ("gpt-6.2-astra", "20320")])
def test_what_gpt_6_2_writes_to_its_cache_is_booked(name: str, booked: str) -> None:
    """2,000 tokens at 1.25 of the prompt's price, and 8 of the answer."""
    price = token_price("openai", name, {})
    assert price.usd(Usage(2000, 8, cache_written=2000), 1.0) * 1_000_000 == Decimal(booked)
    assert price.worst(2000, 8) * 1_000_000 == Decimal(booked)


def test_no_model_that_bills_its_cache_counts_writing_as_any_token() -> None:
    """OpenAI bills 1.25 for writing from gpt-5.6 on, and 0.1 or less for reading."""
    names = [row.model for row in price_table().inference if row.model.startswith("gpt-")]
    names += ["gpt-6-luna", "gpt-6-sol", "gpt-6-astra", "gpt-6.1-terra", "gpt-6.1-sol"]
    assert "gpt-6.2-sol" in names
    for name in names:
        for batch in (False, True):
            for _, rates in token_price("openai", name, {}, batch=batch).tiers:
                assert rates.cache_write == rates.input * Decimal("1.25")
                assert rates.cached <= rates.input / 10 and not rates.assumed


def test_a_price_is_found_by_either_name_of_its_model() -> None:
    contract = agreed(input="1", output="5")
    for name in ("gpt-6-luna", "openai:gpt-6-luna"):
        assert rates_given({name: contract}, "openai", "gpt-6-luna") is contract
        assert rates_given({name: contract}, "anthropic", "gpt-6-luna-2") is None
    assert rates_given({"openai:ft:base": contract}, "openai", "ft:base:org::id") is contract
    assert url.price("http://127.0.0.1:1/v1#m", {"url:m": contract}) is not None


def test_an_answer_costs_what_its_service_tier_costs() -> None:
    for name in ("gpt-6-luna", "gpt-6.1-sol"):
        for contract in ({}, {name: agreed(input="7", output="9")}):
            price = token_price("openai", name, contract)
            usual = price.usd(Usage(1000, 100, 200, 300), 1.0)
            for tier, times in (
                ("default", "1"),
                ("flex", "0.5"),
                ("priority", "2"),
                ("fast", "2"),
            ):
                usage = Usage(1000, 100, 200, 300, tier=tier)
                assert price.usd(usage, 1.0) == usual * Decimal(times)
                assert price.covers(tier) is (Decimal(times) <= 1)


@pytest.mark.parametrize("name", ["gpt-6.2-sol", "ft:gpt-4o-mini-2024-07-18", "gpt-6-luna"])
def test_a_tier_that_nobody_prices_is_not_covered(name: str) -> None:
    price = token_price("openai", name, {})
    assert price.covers("") and price.covers("default") and not price.covers("scale")
    assert price.usd(Usage(10, 1, tier="scale"), 1.0) == price.usd(Usage(10, 1), 1.0)
    assert MachinePrice(Decimal(1), 1).covers("anything")
