"""The simulated bank: in the real one's form, by the day, and recognisably not the real one."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.ecb import DAILY, NINETY_DAYS, Ecb, read_daily, read_days
from adapters.rates import PastRates, fixed_rates
from sim.history import exchange_of
from sim.simulated import Simulated


def text_of(market: Simulated, now: datetime, *, daily: bool = True) -> str:
    answer = market.answer(exchange_of(Ecb(), DAILY if daily else NINETY_DAYS), int(now.timestamp() * 1000))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/xml")
    return answer.body.decode()


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 11, 20, 14, 59, tzinfo=UTC), "2026-11-19"),
        (datetime(2026, 11, 20, 15, 0, tzinfo=UTC), "2026-11-20"),
        (datetime(2026, 11, 23, 14, 0, tzinfo=UTC), "2026-11-20"),
    ],
)
def test_the_daily_file_is_of_the_newest_working_day(market: Simulated, now: datetime, day: str) -> None:
    rates = read_daily(text_of(market, now), now)
    assert {"EUR", "GBP", "INR", "CNY", "JPY"} <= rates.keys()
    assert {rate.date for rate in rates.values()} == {day}


def test_the_rates_of_ninety_days_are_those_of_the_daily_files_and_never_jump(market: Simulated) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    days = read_days(text_of(market, now, daily=False), now)
    assert (min(days), max(days)) == (date(2026, 8, 24), date(2026, 11, 20))
    assert all(day.weekday() < 5 for day in days)
    assert days[date(2026, 11, 20)] == read_daily(text_of(market, now), now)
    past = PastRates(fixed_rates(), days)
    assert past.refused == []
    euros = {past.at(now - timedelta(days=back))["EUR"].usd for back in range(60)}
    assert len(euros) > 30
    assert max(euros) / min(euros) < Decimal("1.06")


def test_rates_follow_the_seed() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    one, same, other = (Simulated(seed, 0, incidents=False) for seed in (1, 1, 2))
    assert text_of(one, now) == text_of(same, now) != text_of(other, now)


def test_it_says_that_it_is_simulated(market: Simulated) -> None:
    assert "European Central Bank (simulated)" in text_of(market, datetime(2026, 11, 21, 12, tzinfo=UTC))


def test_there_is_nothing_else_there(market: Simulated) -> None:
    request = DAILY.__class__(name="other", path="/stats/eurofxref/eurofxref-hist.xml", answer="text")
    assert market.answer(exchange_of(Ecb(), request), 0).status == 404
