"""Money is Decimal, and its arithmetic is checked by hand."""

from decimal import Decimal

from distill.prices import machine_share, machine_usd, usd_per_1k


def test_an_hour_of_the_machine_costs_its_price() -> None:
    assert machine_usd(Decimal("0.10"), 3600.0) == Decimal("0.10")


def test_requests_in_flight_share_the_machine() -> None:
    assert machine_share(Decimal("0.10"), 36.0, 4) == Decimal("0.00025")


def test_a_thousand_requests_at_ten_a_second_take_100_seconds() -> None:
    # 100 s of a machine at $0.36 an hour ($0.0001 a second) are one cent.
    assert usd_per_1k(Decimal("0.36"), 10.0) == Decimal("0.01")
