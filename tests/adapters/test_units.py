from decimal import Decimal

import msgspec
import pytest

from adapters.models import ExchangeRate, Offer
from adapters.rates import EUR_USD, EUR_USD_DATE, fixed_rates
from adapters.units import BadPrice, exchange_rate, usd_per_gpu_hour_micros
from schemas.vocabulary import Basis, Unit

RATES = fixed_rates("1.25", "2026-11-20")


def offer(amount: str, currency: str = "USD", unit: Unit = "hour", basis: Basis = "per_gpu", gpus: int = 1) -> Offer:
    facts = {"offer_key": "k", "gpu": "H100-SXM-80", "price_type": "on_demand", "region": ""}
    return msgspec.convert({**facts, "gpu_count": gpus, "amount": amount, "currency": currency, "unit": unit, "basis": basis}, Offer)


@pytest.mark.parametrize(
    ("stated", "micros"),
    [
        (offer("2.49"), 2_490_000),
        (offer("1"), 1_000_000),
        (offer("16", basis="per_instance", gpus=8), 2_000_000),
        (offer("16", basis="components", gpus=8), 2_000_000),
        (offer("2.49", gpus=8), 2_490_000),
        (offer("0.00116", unit="second"), 4_176_000),
        (offer("48", unit="day"), 2_000_000),
        (offer("730", unit="month"), 1_000_000),
        (offer("329", "USc"), 3_290_000),
        (offer("2632", "USc", basis="per_instance", gpus=8), 3_290_000),
        (offer("2", "EUR"), 2_500_000),
        (offer("18.96", "EUR", basis="per_instance", gpus=2), 11_850_000),
        (offer("1E-3"), 1_000),
        (offer("15.000000000000002", basis="per_instance", gpus=2), 7_500_000),
    ],
)
def test_derives_usd_per_gpu_and_hour(stated: Offer, micros: int) -> None:
    assert usd_per_gpu_hour_micros(stated, RATES) == micros


@pytest.mark.parametrize(
    ("amount", "micros"), [("0.0000005", 0), ("0.0000015", 2), ("0.0000025", 2), ("0.0000035", 4), ("0.00000250000001", 3)]
)
def test_rounds_half_to_even_once_and_exactly(amount: str, micros: int) -> None:
    if micros:
        assert usd_per_gpu_hour_micros(offer(amount), RATES) == micros
    else:
        with pytest.raises(BadPrice, match="less than half"):
            usd_per_gpu_hour_micros(offer(amount), RATES)


def test_thirds_are_not_rounded_twice() -> None:
    # 10 EUR / 3 GPUs at 1.25 is 4.1666666...; rounding 3.333333 EUR first would give 4.166666.
    assert usd_per_gpu_hour_micros(offer("10", "EUR", basis="per_instance", gpus=3), RATES) == 4_166_667


@pytest.mark.parametrize(
    ("stated", "reason", "field"),
    [
        (offer("NaN"), "not finite", "amount"),
        (offer("Infinity"), "not finite", "amount"),
        (offer("-Infinity"), "not finite", "amount"),
        (offer("0"), "not positive", "amount"),
        (offer("-1.5"), "not positive", "amount"),
        (offer(""), "not a number", "amount"),
        (offer("2,49"), "not a number", "amount"),
        (offer("1000001"), "more than 1000000 USD", "amount"),
        (offer("1E+999999"), "too many digits", "amount"),
        (offer("1E-999999"), "too many digits", "amount"),
        (offer("1", "GBP"), "no exchange rate for 'GBP'", "currency"),
        (offer("1", basis="per_instance", gpus=0), "gpu_count 0", "gpu_count"),
    ],
)
def test_what_is_no_price_is_refused_with_its_field(stated: Offer, reason: str, field: str) -> None:
    with pytest.raises(BadPrice, match=reason) as caught:
        usd_per_gpu_hour_micros(stated, RATES)
    assert caught.value.field == field


def test_the_rate_used_is_named() -> None:
    assert exchange_rate(offer("1", "USD"), RATES) is None
    assert exchange_rate(offer("1", "USc"), RATES) is None
    rate = exchange_rate(offer("1", "EUR"), RATES)
    assert rate is not None
    assert (rate.usd, rate.date) == (Decimal("1.25"), "2026-11-20")


def with_rate(stated: Offer, currency: str, usd: str) -> Offer:
    return msgspec.structs.replace(stated, rate=ExchangeRate(currency=currency, usd=Decimal(usd), date="2026-11-21"))


def test_an_offers_own_rate_goes_before_the_common_ones() -> None:
    token = with_rate(offer("0.0001", "GLM", unit="second"), "GLM", "0.2345")
    assert usd_per_gpu_hour_micros(token, RATES) == 84_420
    assert exchange_rate(token, RATES) == token.rate
    euro = with_rate(offer("2", "EUR"), "EUR", "1.5")
    assert usd_per_gpu_hour_micros(euro, RATES) == 3_000_000


def test_a_hundredth_or_millionth_of_a_token_is_priced_by_the_tokens_rate() -> None:
    assert usd_per_gpu_hour_micros(with_rate(offer("1500000", "uAKT"), "AKT", "0.8"), RATES) == 1_200_000


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (with_rate(offer("1", "GLM"), "CLORE", "0.2"), "a rate of 'CLORE' for a price in 'GLM'"),
        (with_rate(offer("1", "uAKT"), "uAKT", "0.2"), "a rate of 'uAKT' for a price in 'AKT'"),
        (with_rate(offer("1"), "USD", "1"), "a rate of 'USD' for a price in 'USD'"),
        (with_rate(offer("1", "GLM"), "GLM", "0"), "not a positive number"),
        (with_rate(offer("1", "GLM"), "GLM", "-0.2"), "not a positive number"),
        (with_rate(offer("1", "GLM"), "GLM", "NaN"), "not a positive number"),
        (with_rate(offer("1", "GLM"), "GLM", "Infinity"), "not a positive number"),
        (with_rate(offer("1", "GLM"), "GLM", "1E+999999"), "too many digits"),
    ],
)
def test_an_odd_own_rate_is_no_price(stated: Offer, reason: str) -> None:
    with pytest.raises(BadPrice, match=reason) as caught:
        usd_per_gpu_hour_micros(stated, RATES)
    assert caught.value.field == "rate"


def test_the_fixed_rate_has_its_date() -> None:
    rate = fixed_rates()["EUR"]
    assert (str(rate.usd), rate.date) == (EUR_USD, EUR_USD_DATE)


@pytest.mark.parametrize(
    ("rate", "day"), [("0", "2026-11-20"), ("-1", "2026-11-20"), ("NaN", "2026-11-20"), ("x", "2026-11-20"), ("1.1", "yesterday")]
)
def test_an_odd_rate_is_refused(rate: str, day: str) -> None:
    with pytest.raises(ValueError, match=r"EUR_USD|isoformat"):
        fixed_rates(rate, day)
