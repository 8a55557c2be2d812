"""prices.toml, and `distill prices`."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

import distill.pricing.table
from distill.cli import cli
from distill.core.errors import InputError
from distill.pricing.finetuning import NO_NEW_JOBS, TUNABLE
from distill.pricing.listing import all_rows, rows_of
from distill.pricing.table import STALE_DAYS, InferenceRow, LifetimeRow, lifetime_of, price_table
from distill.pricing.token_prices import Rates, own_rates, token_price
from tests.support.command import json_rows

TODAY = date(2026, 11, 25)


def test_every_row_says_where_it_is_from_and_when_that_was_looked_at() -> None:
    table = price_table()
    rows = [*table.inference, *table.training, *table.lifetime, *table.machine]
    assert len(rows) >= 15
    for row in rows:
        assert len(row.source) > 10 and date(2026, 1, 1) <= row.checked
        assert row.valid_from is None or row.valid_from <= row.checked
    models = [(row.provider, row.model) for row in table.inference]
    assert len(set(models)) == len(models)


def test_the_rows_are_those_of_the_providers_pages() -> None:
    """FACTS of November 2026."""
    rates = own_rates()
    assert rates["openai", "ft:gpt-4o-mini-2024-07-18"] == Rates(
        Decimal("0.30"), Decimal("1.20"), Decimal("0.15"), Decimal("0.30")
    )
    assert rates["openai", "gpt-6.2-sol"] == Rates(
        Decimal(2), Decimal(10), Decimal("0.20"), Decimal("2.50")
    )
    assert TUNABLE["gpt-4o-mini-2024-07-18"].training == 3
    assert TUNABLE["gpt-4.1-mini-2025-04-14"].training == 5
    assert {row.shutdown for row in TUNABLE.values()} == {date(2027, 1, 14)}
    assert date(2027, 1, 6) == NO_NEW_JOBS


@pytest.mark.parametrize(("days", "stale"), [(0, False), (STALE_DAYS, False), (91, True)])
def test_a_row_that_nobody_looked_at_is_stale(days: int, stale: bool) -> None:
    row = price_table().training[0]
    later = row.checked + timedelta(days=days)
    assert row.is_stale(later) is stale
    shown = next(found for found in rows_of(row.base, later, {}) if "training" in found)
    assert ("stale" in shown) is stale


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity", "dear"])
def test_a_price_that_is_none_is_refused(price: str) -> None:
    with pytest.raises(ValidationError):
        InferenceRow.model_validate(
            {
                **{"provider": "openai", "model": "m", "input": price, "output": "1"},
                **{"source": "s", "checked": TODAY},
            }
        )


@pytest.mark.parametrize("name", ["openai:gpt-6-luna", "gpt-6-luna", "anthropic:claude-haiku-5-5"])
def test_the_rows_of_a_model_are_what_the_ledger_counts_with(name: str) -> None:
    rows = rows_of(name, TODAY, {})
    provider, _, model = rows[0]["model"].partition(":")
    used = token_price(provider, model, {})
    assert [row["usd_per_1m_input"] for row in rows if row["mode"] == "at once"] == [
        rates.input for _, rates in used.tiers
    ]
    halves = [row["usd_per_1m_input"] for row in rows if row["mode"] == "in batches"]
    assert halves == [rates.input / 2 for _, rates in used.tiers]
    assert all("genai-prices" in row["from"] for row in rows)


def test_a_base_that_can_be_trained_has_its_days(name: str = "gpt-4o-mini-2024-07-18") -> None:
    (training,) = (row for row in rows_of(name, TODAY, {}) if "training" in row)
    assert training["days_left"] == 50 and training["usd_per_1m_trained"] == 3
    assert rows_of(name, date(2028, 1, 1), {})[-1]["days_left"] == 0


def test_a_model_that_will_be_switched_off_says_when() -> None:
    (row,) = (found for found in rows_of("openai:gpt-5", TODAY, {}) if "lifetime" in found)
    assert (row["ends"], row["days_left"]) == (
        date(2026, 12, 11),
        (date(2026, 12, 11) - TODAY).days,
    )
    assert not [found for found in rows_of("gpt-6-luna", TODAY, {}) if "lifetime" in found]


@pytest.mark.parametrize(
    ("provider", "model", "ends"),
    [
        ("openai", "gpt-4.1-2025-04-14", date(2027, 1, 14)),
        ("openai", "gpt-4.1-mini-2025-04-14", date(2027, 1, 14)),
        ("openai", "gpt-5-2025-08-07", date(2026, 12, 11)),
        ("openai", "gpt-5-mini-2025-08-07", date(2026, 12, 11)),
        ("openai", "o3-2025-04-16", date(2026, 12, 11)),
        ("openai", "gpt-4o-2024-11-20", date(2027, 1, 14)),
        ("openai", "ft:gpt-4.1-2025-04-14:acme:routes:abc", date(2027, 1, 14)),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc", date(2027, 1, 14)),
        ("anthropic", "claude-sonnet-4-5-20250929", date(2026, 11, 30)),
        ("anthropic", "claude-sonnet-4-5-latest", date(2026, 11, 30)),
        ("openai", "gpt-5.1-2025-11-13", date(2027, 4, 1)),
    ],
)
def test_a_dated_or_tuned_model_ends_with_its_alias(provider: str, model: str, ends: date) -> None:
    row = lifetime_of(provider, model)
    assert row is not None and row.shutdown == ends
    shown = [found for found in rows_of_ends(provider, model) if "lifetime" in found]
    assert [found["ends"] for found in shown] == [ends]


def rows_of_ends(provider: str, model: str) -> list[dict[str, object]]:
    given = Rates(Decimal(1), Decimal(5), Decimal(1), Decimal(1))
    return rows_of(f"{provider}:{model}", TODAY, {model: given})


@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-4", "gpt-5.1-codex-mini", "o3-deep-research"])
def test_another_model_of_a_family_has_no_end_by_it(model: str) -> None:
    assert lifetime_of("openai", model) is None


def test_an_alias_is_known_by_its_dated_model(monkeypatch: pytest.MonkeyPatch) -> None:
    row = LifetimeRow(
        provider="openai",
        model="m-2026-01-02",
        shutdown=date(2027, 2, 3),
        source="somebody's page",
        checked=TODAY,
    )
    table = price_table().model_copy(update={"lifetime": (row,)})
    monkeypatch.setattr(distill.pricing.table, "price_table", lambda: table)
    assert lifetime_of("openai", "m") is row


def test_a_price_that_is_given_by_its_whole_name_is_not_the_tables() -> None:
    given = Rates(Decimal(1), Decimal(5), Decimal(1), Decimal(1), source="contract")
    for key in ("gpt-6.2-sol", "openai:gpt-6.2-sol"):
        row = rows_of("openai:gpt-6.2-sol", TODAY, {key: given})[0]
        assert row["from"] == "contract" and "checked" not in row


def test_what_is_assumed_is_in_the_row() -> None:
    given = Rates(
        *(Decimal(1), Decimal(5), Decimal(1), Decimal(1)),
        source="task.toml",
        assumed=("cached", "cache_write"),
    )
    row = rows_of("openai:mystery-1", TODAY, {"mystery-1": given})[0]
    assert row["assumed"].startswith("mystery-1: tokens read from a cache and tokens written")
    assert "assumed" not in rows_of("openai:gpt-6-luna", TODAY, {})[0]


def test_an_unknown_model_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"the price of mystery-1 .* is not known"):
        rows_of("mystery-1", TODAY, {})


def test_our_own_rows_say_more_than_the_librarys() -> None:
    (row,) = (
        found for found in rows_of("gpt-6.2-sol", TODAY, {}) if found.get("mode") == "at once"
    )
    assert row["checked"] == date(2026, 11, 22) and row["valid_from"] == date(2026, 11, 17)
    assert row["from"] == "distill/pricing/prices.toml"


def test_the_command_shows_them_and_gives_json() -> None:
    told = CliRunner().invoke(cli, ["prices"])
    assert told.exit_code == 0
    blocks = [
        [row.split("  ")[0] for row in block.splitlines()] for block in told.stdout.split("\n\n")
    ]
    machines = next(block for block in blocks if block[0] == "machine")
    assert "NVIDIA H100 SXM, 80 GB (RunPod, secure)" in machines
    assert "2027-01-14" in told.stdout
    rows = json_rows(CliRunner().invoke(cli, ["prices", "--json"]).stdout, "prices")
    assert len(rows) == len(all_rows(TODAY))
    named = CliRunner().invoke(cli, ["prices", "openai:gpt-6-luna", "--json"])
    one = json_rows(named.stdout, "prices")
    assert {row["mode"] for row in one} == {"at once", "in batches"}
    assert Decimal(one[0]["usd_per_1m_input"]) > 0
