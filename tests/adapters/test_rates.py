"""The rates in use, and those of past days: the newest stand, and a jump is not believed."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from adapters.models import ExchangeRate
from adapters.rates import CurrentRates, PastRates, Rates, fixed_rates

FIXED = fixed_rates("1.10", "2026-10-30")


def rates(day: str, **usd: str) -> Rates:
    return {currency: ExchangeRate(currency=currency, usd=Decimal(text), date=day) for currency, text in usd.items()}


def stated(found: Rates) -> dict[str, tuple[str, str]]:
    return {currency: (str(rate.usd), rate.date) for currency, rate in found.items()}


def test_newer_rates_replace_older_ones_currency_by_currency() -> None:
    current = CurrentRates(FIXED)
    assert stated(current) == {"EUR": ("1.10", "2026-10-30")}
    assert current.take(rates("2026-11-19", EUR="1.12", GBP="1.30", RON="0.22")) == []
    assert current.take(rates("2026-11-20", EUR="1.13", GBP="1.31")) == []
    assert stated(current) == {"EUR": ("1.13", "2026-11-20"), "GBP": ("1.31", "2026-11-20"), "RON": ("0.22", "2026-11-19")}


def test_an_older_day_never_replaces_a_newer_one() -> None:
    current = CurrentRates(rates("2026-11-20", EUR="1.13"))
    assert current.take(rates("2026-11-19", EUR="1.12")) == []
    assert stated(current) == {"EUR": ("1.13", "2026-11-20")}


@pytest.mark.parametrize(
    ("day", "usd", "believed"),
    [
        ("2026-11-21", "1.21", True),
        ("2026-11-21", "1.2101", False),
        ("2026-11-21", "0.99", True),
        ("2026-11-21", "0.9899", False),
        ("2026-11-20", "1.22", False),
        ("2026-11-22", "1.22", True),
        ("2026-11-24", "1.54", True),
        ("2026-11-24", "1.55", False),
        ("2027-11-20", "1.65", True),
        ("2027-11-20", "1.66", False),
    ],
)
def test_more_than_a_tenth_a_day_is_not_believed(day: str, usd: str, believed: bool) -> None:
    current = CurrentRates(rates("2026-11-20", EUR="1.10"))
    refused = current.take(rates(day, EUR=usd))
    assert current["EUR"].usd == Decimal(usd if believed else "1.10")
    assert refused == ([] if believed else [f"EUR: from 1.10 USD on 2026-11-20 to {usd} on {day}, not believed"])


def test_one_currency_that_jumped_does_not_hold_up_the_others() -> None:
    current = CurrentRates(rates("2026-11-19", EUR="1.10", TRY="0.024"))
    assert len(current.take(rates("2026-11-20", EUR="1.11", TRY="0.019"))) == 1
    assert stated(current) == {"EUR": ("1.11", "2026-11-20"), "TRY": ("0.024", "2026-11-19")}
    assert current.take(rates("2026-11-23", EUR="1.11", TRY="0.019")) == [], "after some days it is within what is believed"


def test_a_set_of_rates_that_was_copied_stays_as_it_is() -> None:
    current = CurrentRates(FIXED)
    copied = dict(current)
    current.take(rates("2026-11-20", EUR="1.12"))
    assert copied["EUR"].usd == Decimal("1.10")


def test_a_moment_of_the_past_has_the_rates_that_were_known_then() -> None:
    past = PastRates(FIXED, {date(2026, 11, 20): rates("2026-11-20", EUR="1.13"), date(2026, 11, 19): rates("2026-11-19", EUR="1.12")})
    moments = [(19, 14, "1.10"), (19, 15, "1.12"), (20, 14, "1.12"), (20, 15, "1.13"), (21, 9, "1.13")]
    assert [str(past.at(datetime(2026, 11, day, hour, tzinfo=UTC))["EUR"].usd) for day, hour, _ in moments] == [usd for *_, usd in moments]
    assert past.refused == []


def test_a_jump_in_the_past_is_not_believed_either() -> None:
    past = PastRates(FIXED, {date(2026, 11, 19): rates("2026-11-19", EUR="1.12"), date(2026, 11, 20): rates("2026-11-20", EUR="0.8929")})
    assert past.at(datetime(2026, 11, 21, tzinfo=UTC))["EUR"].usd == Decimal("1.12")
    assert past.refused == ["EUR: from 1.12 USD on 2026-11-19 to 0.8929 on 2026-11-20, not believed"]


def test_without_any_day_the_fixed_rates_stand() -> None:
    assert stated(PastRates(FIXED, {}).at(datetime(2026, 11, 21, tzinfo=UTC))) == {"EUR": ("1.10", "2026-10-30")}
