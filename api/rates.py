"""The exchange rates in use, as the API tells them."""

from datetime import date, timedelta

from api import moments
from api.answers import RatesTold, RateTold
from api.wire import KeptRates

STALE_AFTER = timedelta(days=10)
"""No holiday of the bank's lasts so long."""


def told(kept: KeptRates, now_ms: int) -> RatesTold:
    """What the bridge keeps, with what is old by now."""
    oldest = moments.from_ms(now_ms).date() - STALE_AFTER
    rates = [
        RateTold(currency=rate.currency, usd=rate.usd, date=rate.date, source=rate.source, stale=date.fromisoformat(rate.date) < oldest)
        for rate in kept.rates
    ]
    return RatesTold(
        market=kept.market,
        as_of=moments.tell_ms(now_ms),
        asked_at=_moment(kept.asked_at_ms),
        answered_at=_moment(kept.answered_at_ms),
        error=kept.error,
        count=len(rates),
        rates=rates,
    )


def _moment(unix_ms: int | None) -> str | None:
    return None if unix_ms is None else moments.tell_ms(unix_ms)
