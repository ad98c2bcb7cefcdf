"""The European Central Bank's files: what they are worth in USD, and what is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from adapters.ecb import read_daily, read_days
from adapters.errors import PayloadChanged

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">'
    "<gesmes:subject>Reference rates</gesmes:subject><gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>"
)
TAIL = "</gesmes:Envelope>"


def cube(day: str = "2026-11-20", **units: str) -> str:
    rates = "".join(f"<Cube currency='{currency}' rate='{rate}'/>" for currency, rate in units.items())
    return f"<Cube time='{day}'>{rates}</Cube>"


def envelope(*cubes: str) -> str:
    return f"{HEAD}<Cube>{''.join(cubes)}</Cube>{TAIL}"


def test_every_currency_is_crossed_through_the_euro() -> None:
    rates = read_daily(envelope(cube(USD="1.1250", GBP="0.9", JPY="180.00", CNY="7.5")), NOW)
    stated = {"EUR": "1.125", "GBP": "1.25", "JPY": "0.00625", "CNY": "0.15"}
    assert {name: rate.usd for name, rate in rates.items()} == {name: Decimal(usd) for name, usd in stated.items()}
    assert {rate.date for rate in rates.values()} == {"2026-11-20"}
    assert {name for name, rate in rates.items() if rate.currency != name} == set()


def test_a_cross_rate_has_twelve_digits_rounded_half_to_even() -> None:
    rates = read_daily(envelope(cube(USD="1", INR="3", SEK="1.6", IDR="17000")), NOW)
    assert rates["INR"].usd == Decimal("0.333333333333")
    assert rates["SEK"].usd == Decimal("0.625")
    assert rates["IDR"].usd == Decimal("0.0000588235294118")


def test_a_file_of_several_days_is_read_day_by_day() -> None:
    days = read_days(envelope(cube("2026-11-20", USD="1.12"), cube("2026-11-19", USD="1.11", GBP="0.85")), NOW)
    assert {day: sorted(rates) for day, rates in days.items()} == {date(2026, 11, 20): ["EUR"], date(2026, 11, 19): ["EUR", "GBP"]}
    with pytest.raises(PayloadChanged, match="2 days where the daily file has one"):
        read_daily(envelope(cube("2026-11-20", USD="1.12"), cube("2026-11-19", USD="1.11")), NOW)


def test_today_and_ten_days_ago_are_believed() -> None:
    for day in ("2026-11-21", "2026-11-11"):
        assert read_daily(envelope(cube(day, USD="1.12")), NOW)["EUR"].date == day


ENTITIES = '<!DOCTYPE x [<!ENTITY a "1"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<html><body>Moved</body></html>", "the root is 'html'"),
        ("not XML at all", "not XML"),
        (envelope(cube(USD="1.1"))[:-20], "not XML"),
        (envelope(), "no day"),
        (HEAD + TAIL, "no day"),
        (envelope(cube(GBP="0.9")), "no USD"),
        (envelope(cube()), "no USD"),
        (envelope(cube(USD="0")), "no positive number"),
        (envelope(cube(USD="0.000")), "no positive number"),
        (envelope(cube(USD="-1.1")), "no positive number"),
        (envelope(cube(USD="NaN")), "no positive number"),
        (envelope(cube(USD="1,1")), "no positive number"),
        (envelope(cube(USD="")), "no positive number"),
        (envelope(cube(USD="1e999999")), "no positive number"),
        (envelope(cube(USD="1.1", GBP="N/A")), "no positive number"),
        (envelope(cube(USD="1.1", usd="1.1")), "no currency"),
        (envelope(cube(USD="1.1", EUR="1")), "no currency"),
        (envelope("<Cube time='2026-11-20'><Cube currency='USD' rate='1'/><Cube currency='USD' rate='2'/></Cube>"), "came twice"),
        (envelope(cube(USD="1.1"), cube(USD="1.2")), "came twice"),
        (envelope(cube("2026-11-22", USD="1.1")), "a day to come"),
        (envelope(cube("2026-11-10", USD="1.1")), "stale, of 2026-11-10"),
        (envelope(cube("2026-13-41", USD="1.1")), "is no day"),
        (envelope(cube("20261120", USD="1.1")), "is no day"),
        (envelope("<Cube><Cube currency='USD' rate='1.1'/></Cube>"), "is no day"),
        (envelope(f"<Cube>{cube(USD='1.1')}</Cube>"), "is no day"),
        (envelope(cube(USD="1.1").replace("rate=", "value=")), "no positive number"),
        (envelope(cube(USD="1.1").replace("Cube currency", "Rate currency")), "an element"),
        (envelope(cube(USD="1.1")).replace("2002-08-01/eurofxref", "2032-08-01/eurofxref"), "an element"),
        (envelope(cube(USD="1.1")).replace("org/xml/2002-08-01", "org/xml/2032-08-01"), "the root is"),
        (f"{HEAD}<Cube><Cube time='2026-11-20'><Cube currency='USD' rate='1'><Cube/></Cube></Cube></Cube>{TAIL}", "a Cube where none"),
        (envelope(cube(USD="1.1")).replace("?>", f"?>{ENTITIES}", 1), "a document type"),
    ],
)
def test_what_is_not_the_documented_file_is_refused_as_a_whole(text: str, reason: str) -> None:
    with pytest.raises(PayloadChanged, match=reason):
        read_days(text, NOW)


def test_a_single_missing_rate_is_not_an_error() -> None:
    assert sorted(read_daily(envelope(cube(USD="1.1", GBP="0.9")), NOW)) == ["EUR", "GBP"]
