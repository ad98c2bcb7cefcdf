"""The European Central Bank's euro reference rates: a source of exchange rates, not of offers.

https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/

A small XML file, new on working days at about 16:00 CET, states units of each currency for one EUR; a second one holds the last 90 days.
USD for one unit is the file's USD divided by the file's unit, from the digits as they stand, rounded half to even to SIGNIFICANT_DIGITS;
for EUR it is the file's own number. A file without USD, with a rate that is no positive number, with a day to come or with none of the last
MAX_AGE is refused as a whole.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from xml.parsers import expat

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import ExchangeRate, Offer, Rejected

DAILY = Request(name="daily", path="/stats/eurofxref/eurofxref-daily.xml", answer="text")
NINETY_DAYS = Request(name="hist-90d", path="/stats/eurofxref/eurofxref-hist-90d.xml", answer="text")

MAX_AGE = timedelta(days=10)
"""Easter and Christmas leave five days without rates; more than this is a file that nobody keeps."""
SIGNIFICANT_DIGITS = 12

ENVELOPE = "http://www.gesmes.org/xml/2002-08-01 Envelope"
CUBE = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"
DEPTH_OF_DAYS, DEPTH_OF_RATES = 2, 3

_ROUNDED = Context(prec=SIGNIFICANT_DIGITS, rounding=ROUND_HALF_EVEN)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_RATE = re.compile(r"\d{1,8}(\.\d{1,8})?", re.ASCII)


class Ecb(Adapter):
    """The facts by which adapters.fetch.client asks. It rents nothing out: `read_days` reads what its pages say."""

    source = "ecb"
    provider = "ecb"
    title = "European Central Bank"
    base_url = "https://www.ecb.europa.eu"
    cadence = timedelta(hours=1)
    conditional = True
    currency = "EUR"
    unit = "day"
    basis = "per_unit"
    docs_url = "https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/"
    terms = (
        "https://www.ecb.europa.eu/services/disclaimer/html/index.en.html (not read; published for information, the source is to be named)"
    )
    confidence = "documented"

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(DAILY,))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        """Nothing: its pages hold no offers."""
        return iter(())


def read_daily(text: str, now: datetime) -> Mapping[str, ExchangeRate]:
    """The daily file's rates by currency. Raises PayloadChanged, also where it holds another number of days than one."""
    days = read_days(text, now)
    if len(days) != 1:
        raise PayloadChanged(f"ecb: {len(days)} days where the daily file has one", field="time")
    return next(iter(days.values()))


def read_days(text: str, now: datetime) -> dict[date, Mapping[str, ExchangeRate]]:
    """Rates by day and currency: USD for one unit of every currency but the USD. Raises PayloadChanged."""
    days = {day: _in_usd(day, units) for day, units in _units_per_eur(text).items()}
    if not days:
        raise PayloadChanged("ecb: no day", field="Cube")
    today, newest = now.astimezone(UTC).date(), max(days)
    if newest > today:
        raise PayloadChanged(f"ecb: rates of {newest}, a day to come", field="time")
    if today - newest > MAX_AGE:
        raise PayloadChanged(f"ecb: the newest rates are stale, of {newest}", field="time")
    return days


def _in_usd(day: date, units: Mapping[str, Decimal]) -> Mapping[str, ExchangeRate]:
    usd = units.get("USD")
    if usd is None:
        raise PayloadChanged(f"ecb: no USD on {day}", field="USD")
    crossed = {currency: _ROUNDED.divide(usd, rate) for currency, rate in units.items() if currency != "USD"}
    return {currency: ExchangeRate(currency=currency, usd=rate, date=day.isoformat()) for currency, rate in {"EUR": usd, **crossed}.items()}


def _units_per_eur(text: str) -> dict[date, dict[str, Decimal]]:
    reader = _Reader()
    try:
        reader.read(text)
    except expat.ExpatError as error:
        raise PayloadChanged(f"ecb: not XML: {error}", field="body") from error
    return reader.days


class _Reader:
    """Reads an Envelope of a Cube of days of Cubes of rates. Everything else of the bank's vocabulary is refused."""

    def __init__(self) -> None:
        self.days: dict[date, dict[str, Decimal]] = {}
        self._open: list[str] = []
        self._day: dict[str, Decimal] = {}

    def read(self, text: str) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.Parse(text, True)

    def _refuse_doctype(self, *_: object) -> None:
        raise PayloadChanged("ecb: a document type, which could declare entities", field="DOCTYPE")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open and name != ENVELOPE:
            raise PayloadChanged(f"ecb: the root is {name[:80]!r}", field="Envelope")
        if name == CUBE:
            self._cube(attributes)
        elif name.rpartition(" ")[2] == "Cube" or CUBE in self._open:
            raise PayloadChanged(f"ecb: an element {name[:80]!r} where rates are documented", field="Cube")
        self._open.append(name)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _cube(self, attributes: Mapping[str, str]) -> None:
        depth = len(self._open)
        if self._open[1:] != [CUBE] * (depth - 1) or depth > DEPTH_OF_RATES:
            raise PayloadChanged("ecb: a Cube where none is documented", field="Cube")
        if depth == DEPTH_OF_DAYS:
            day = _day(attributes.get("time", ""))
            if day in self.days:
                raise PayloadChanged(f"ecb: {day} came twice", field="time")
            self._day = self.days[day] = {}
        elif depth == DEPTH_OF_RATES:
            currency, rate = attributes.get("currency", ""), attributes.get("rate", "")
            if not _CURRENCY.fullmatch(currency) or currency == "EUR" or currency in self._day:
                raise PayloadChanged(f"ecb: {currency[:20]!r} is no currency, or came twice", field="currency")
            if not _RATE.fullmatch(rate) or not Decimal(rate):
                raise PayloadChanged(f"ecb: {rate[:20]!r} for {currency} is no positive number", field="rate")
            self._day[currency] = Decimal(rate)


def _day(text: str) -> date:
    if not _DAY.fullmatch(text):
        raise PayloadChanged(f"ecb: {text[:20]!r} is no day", field="time")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PayloadChanged(f"ecb: {text!r} is no day", field="time") from None
