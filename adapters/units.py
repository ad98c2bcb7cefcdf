"""From a provider's own number to USD per GPU-hour, once, in one place, exactly.

Currencies are ISO 4217 codes, or the usual sign of a token (GLM, AKT). A provider that counts in a hundredth of one has a code of its own
in MINOR_UNITS, so that `amount` stays the provider's own number: Lambda's `price_cents_per_hour: 329` is `amount="329", currency="USc"`.
"""

from decimal import Decimal, InvalidOperation
from functools import lru_cache

from adapters.models import ExchangeRate, Offer
from adapters.rates import Rates

MINOR_UNITS = {"USc": ("USD", 100), "USD-5": ("USD", 10**5), "EUR-8": ("EUR", 10**8), "USD-8": ("USD", 10**8), "uAKT": ("AKT", 10**6)}
"""Code of a minor unit -> (currency, how many make one)."""

UNIT_SECONDS = {"second": 1, "hour": 3600, "day": 24 * 3600, "month": 730 * 3600}
"""A month is 730 hours, as the clouds bill it."""

MICROS = 1_000_000
MAX_MICROS = 1_000_000 * MICROS
"""A million USD per GPU-hour: more is a misread number."""
MAX_DIGITS = 40
"""Digits and decimal places that an amount may have. Prices have about 18; the bound keeps the exact arithmetic small."""


class BadPrice(ValueError):
    """A price that cannot be stated in USD per GPU-hour. `field` is the offer's field that stands in the way."""

    def __init__(self, message: str, field: str = "amount") -> None:
        super().__init__(message)
        self.field = field


def usd_per_gpu_hour_micros(offer: Offer, rates: Rates) -> int:
    """Millionths of a USD for one GPU (or slice) and hour, rounded half to even, from the raw text.

    `per_gpu` is the price of one GPU; `per_instance` and `components` (the sum of an offer's parts) are for the whole offer and are
    divided by `gpu_count`. Raises BadPrice: no positive finite number, no rate for the currency, an odd rate of the offer's own, more than
    MAX_MICROS, or rounded to 0.
    """
    divisor = 1 if offer.basis == "per_gpu" else offer.gpu_count
    rate = exchange_rate(offer, rates)
    return _micros(offer.amount, MINOR_UNITS.get(offer.currency, ("", 1))[1], UNIT_SECONDS[offer.unit], divisor, rate.usd if rate else None)


def exchange_rate(offer: Offer, rates: Rates) -> ExchangeRate | None:
    """The rate that an offer's price is converted with: the event's `fx_rate` and `fx_date`. None for USD and US cents.

    The offer's own rate goes before the common ones. Raises BadPrice where there is no rate for its currency, or its own one is for
    another currency or no positive number.
    """
    currency = MINOR_UNITS.get(offer.currency, (offer.currency, 1))[0]
    if offer.rate is not None:
        return _own_rate(offer.rate, currency)
    if currency == "USD":
        return None
    rate = rates.get(currency)
    if rate is None:
        raise BadPrice(f"no exchange rate for {currency!r}", "currency")
    return rate


def _own_rate(rate: ExchangeRate, currency: str) -> ExchangeRate:
    if currency == "USD" or rate.currency != currency:
        raise BadPrice(f"a rate of {rate.currency!r} for a price in {currency!r}", "rate")
    if not rate.usd.is_finite() or rate.usd <= 0:
        raise BadPrice(f"rate {str(rate.usd)[:40]} of {currency!r} is not a positive number", "rate")
    if _has_too_many_digits(rate.usd):
        raise BadPrice(f"rate {str(rate.usd)[:40]} of {currency!r} has too many digits", "rate")
    return rate


@lru_cache(maxsize=65_536)
def _micros(amount: str, minor: int, seconds: int, divisor: int, usd: Decimal | None) -> int:
    if divisor < 1:
        raise BadPrice(f"gpu_count {divisor} is not positive", "gpu_count")
    numerator, denominator = _ratio(amount)
    if usd is not None:
        usd_numerator, usd_denominator = usd.as_integer_ratio()
        numerator *= usd_numerator
        denominator *= usd_denominator
    micros = _divide_half_even(numerator * MICROS * 3600, denominator * minor * seconds * divisor)
    if micros == 0:
        raise BadPrice(f"price {amount} is less than half a millionth of a USD per GPU-hour")
    if micros > MAX_MICROS:
        raise BadPrice(f"price {amount} is more than {MAX_MICROS // MICROS} USD per GPU-hour")
    return micros


def _ratio(amount: str) -> tuple[int, int]:
    try:
        number = Decimal(amount)
    except InvalidOperation:
        raise BadPrice(f"price {amount[:40]!r} is not a number") from None
    if not number.is_finite():
        raise BadPrice(f"price {amount[:40]} is not finite")
    if number <= 0:
        raise BadPrice(f"price {amount[:40]} is not positive")
    if _has_too_many_digits(number):
        raise BadPrice(f"price {amount[:40]} has too many digits")
    return number.as_integer_ratio()


def _has_too_many_digits(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return not isinstance(exponent, int) or exponent < -MAX_DIGITS or number.adjusted() > MAX_DIGITS


def _divide_half_even(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient % 2):
        quotient += 1
    return quotient
