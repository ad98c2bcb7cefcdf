"""The European Central Bank's reference rates, in its own XML: one file of the newest day, one of the last 90 days.

https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b

from sim.exchange import Answer, Exchange, Wire, json_answer
from sim.market import DAY_MS, Listing, Market, smooth, unit

FOLDER = "/stats/eurofxref/"
NINETY_DAYS = 90
WEEKDAYS = 5
PUBLISHED_HOUR = 15
"""UTC; 16:00 CET."""
PERIOD_MS = 40 * DAY_MS
WAVE, NOISE = 0.02, 0.002
XML = {"content-type": "text/xml"}

# Units for one EUR around which the rates move, with as many decimals as the bank states. Made up, near what was usual in 2026.
UNITS = (
    "USD 1.1200", "JPY 172.35", "CZK 24.362", "DKK 7.4632", "GBP 0.86740", "HUF 389.40", "PLN 4.2480", "RON 5.0830", "SEK 10.9580",
    "CHF 0.93210", "ISK 145.30", "NOK 11.7320", "TRY 48.1250", "AUD 1.7240", "BRL 6.1570", "CAD 1.5680", "CNY 7.9560", "HKD 8.7150",
    "IDR 18612.40", "ILS 3.7860", "INR 99.1230", "KRW 1612.40", "MXN 20.7410", "MYR 4.7090", "NZD 1.9650", "PHP 65.8420",
    "SGD 1.4530", "THB 36.4210", "ZAR 19.6380",
)  # fmt: skip

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates (simulated)</gesmes:subject>
	<gesmes:Sender>
		<gesmes:name>European Central Bank (simulated)</gesmes:name>
	</gesmes:Sender>
	<Cube>
"""
TAIL = "\t</Cube>\n</gesmes:Envelope>\n"


class EcbWire(Wire):
    """Rates, and no listings: nothing here is rented out."""

    provider = "ecb"
    host = "www.ecb.europa.eu"
    price_fields = ()

    def catalogue(self) -> tuple[Listing, ...]:
        return ()

    def answer(self, market: Market, exchange: Exchange, at_ms: int) -> Answer:
        newest = datetime.fromtimestamp(at_ms / 1000, UTC) - timedelta(hours=PUBLISHED_HOUR)
        match exchange.path.removeprefix(FOLDER):
            case "eurofxref-daily.xml":
                days = [next(_working_days(newest.date()))]
            case "eurofxref-hist-90d.xml":
                days = [day for day in _working_days(newest.date()) if newest.date() - day < timedelta(days=NINETY_DAYS)]
            case _:
                return json_answer({"message": "Not Found"}, 404)
        return Answer(200, XML, (HEAD + "".join(_cube(market.seed, day) for day in days) + TAIL).encode())

    def nothing(self, exchange: Exchange) -> bytes:
        return (HEAD + TAIL).encode()

    def authorised(self, exchange: Exchange) -> bool:
        return True


def _working_days(newest: date) -> Iterator[date]:
    """Backwards, for 90 days."""
    days = (newest - timedelta(days=back) for back in range(NINETY_DAYS))
    return (day for day in days if day.weekday() < WEEKDAYS)


def _cube(seed: int, day: date) -> str:
    rates = "".join(f"\t\t\t<Cube currency='{units[:3]}' rate='{_rate(seed, units[:3], Decimal(units[4:]), day)}'/>\n" for units in UNITS)
    return f"\t\t<Cube time='{day}'>\n{rates}\t\t</Cube>\n"


def _rate(seed: int, currency: str, around: Decimal, day: date) -> Decimal:
    """A day's rate: far less than one percent from the day before."""
    salt = int.from_bytes(blake2b(f"{seed}/ecb/{currency}".encode(), digest_size=8).digest())
    move = WAVE * (2 * smooth(salt, day.toordinal() * DAY_MS, PERIOD_MS) - 1) + NOISE * (2 * unit(salt, day.toordinal()) - 1)
    return (around * (1 + Decimal(round(move * 1_000_000)) / 1_000_000)).quantize(around)
