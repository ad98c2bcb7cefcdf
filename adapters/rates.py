"""Exchange rates to USD. Until a source of daily rates is polled, EUR has one fixed reference rate, and every event names its date."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from adapters.models import ExchangeRate

# European Central Bank, euro foreign exchange reference rates, 2026-10-30: USD 1.1172.
EUR_USD = "1.1172"
EUR_USD_DATE = "2026-10-30"

Rates = Mapping[str, ExchangeRate]


def fixed_rates(eur_usd: str = EUR_USD, eur_usd_date: str = EUR_USD_DATE) -> dict[str, ExchangeRate]:
    """Rates by currency code, from settings (GPUTICKER_EUR_USD, GPUTICKER_EUR_USD_DATE).

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
