"""Exchange rates to USD: the fixed one of the settings, the ones in use now, and those of past days. Every event names its rate's day."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation

from adapters.models import ExchangeRate

# European Central Bank, euro foreign exchange reference rates, 2026-10-30: USD 1.1172.
EUR_USD = "1.1172"
EUR_USD_DATE = "2026-10-30"

JUMP_A_DAY = Decimal("0.10")
"""A rate that moved by more than this from one day to the next is more likely misread than true."""
JUMP = Decimal("0.50")
"""The same over any number of days."""
PUBLISHED = time(15, tzinfo=UTC)
"""When a day's reference rates are out: about 16:00 CET. Before that the day before counts."""

Rates = Mapping[str, ExchangeRate]


def fixed_rates(eur_usd: str = EUR_USD, eur_usd_date: str = EUR_USD_DATE) -> dict[str, ExchangeRate]:
    """Rates by currency code, from settings (GPUTICKER_EUR_USD, GPUTICKER_EUR_USD_DATE): what stands until better ones are known.

    A fixed reference rate, not a live one. Raises ValueError for a rate that is no positive number or a date that is not ISO 8601.
    """
    try:
        usd = Decimal(eur_usd)
    except InvalidOperation:
        raise ValueError(f"EUR_USD is not a number: {eur_usd!r}") from None
    if not usd.is_finite() or usd <= 0:
        raise ValueError(f"EUR_USD is not a positive number: {eur_usd!r}")
    day = date.fromisoformat(eur_usd_date)
    return {"EUR": ExchangeRate(currency="EUR", usd=usd, date=day.isoformat())}


class CurrentRates(Rates):
    """The rates in use. A mapping that `take` replaces at once, so that any thread may read it; one that must see a single set of rates
    through a longer piece of work copies it first.
    """

    def __init__(self, first: Rates) -> None:
        self._rates: Rates = dict(first)

    def __getitem__(self, currency: str) -> ExchangeRate:
        return self._rates[currency]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rates)

    def __len__(self) -> int:
        return len(self._rates)

    def take(self, newer: Rates) -> list[str]:
        """Use these, except those of an earlier day than the one in use. Returns why others were refused: they jumped, and theirs stays."""
        rates = dict(self._rates)
        refused = []
        for currency, rate in newer.items():
            known = rates.get(currency)
            if known is not None and rate.date < known.date:
                continue
            why = None if known is None else _jump(known, rate)
            if why is None:
                rates[currency] = rate
            else:
                refused.append(why)
        self._rates = rates
        return refused


class PastRates:
    """The rates that were known at any moment of the past, from the rates of each day; before the first day, the fixed ones."""

    def __init__(self, fixed: Rates, days: Mapping[date, Rates]) -> None:
        self._fixed = fixed
        self._since: list[datetime] = []
        self._rates: list[Rates] = []
        self.refused: list[str] = []
        """Why rates were refused, as CurrentRates does."""
        known = CurrentRates({})
        for day in sorted(days):
            self.refused += known.take(days[day])
            self._since.append(datetime.combine(day, PUBLISHED))
            self._rates.append(dict(known))

    def at(self, moment: datetime) -> Rates:
        """The rates that were in use then."""
        place = bisect_right(self._since, moment)
        return self._rates[place - 1] if place else self._fixed


def _jump(known: ExchangeRate, rate: ExchangeRate) -> str | None:
    """Why a currency's new rate is not believed; None where it is."""
    days = max((date.fromisoformat(rate.date) - date.fromisoformat(known.date)).days, 1)
    if abs(rate.usd - known.usd) <= min(JUMP_A_DAY * days, JUMP) * known.usd:
        return None
    return f"{rate.currency}: from {known.usd} USD on {known.date} to {rate.usd} on {rate.date}, not believed"
