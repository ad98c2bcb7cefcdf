"""From pages to priced states: which exchange rate a state names."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from adapters.base import Page
from adapters.errors import PayloadChanged
from adapters.models import ExchangeRate, Offer, Rejected
from adapters.rates import fixed_rates
from adapters.units import MINOR_UNITS
from bridge.reading import read_slice
from tests.adapters.support import ADAPTERS, RATES, ROOT, fixture_slices, parsed
from tests.bridge.fakes import START, Lumen, offer

SECONDS = {"second": 1, "hour": 3600, "day": 86_400, "month": 730 * 3600}

RATE = ExchangeRate(currency="GLM", usd=Decimal("0.2345"), date="2026-11-21")


class Token(Lumen):
    """One offer priced in a token, with the answer's own rate of it."""

    rate: ExchangeRate | None = RATE

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        yield msgspec.structs.replace(offer("a", "80"), currency="GLM", rate=self.rate)


class Stating(Lumen):
    """Offers that another adapter read."""

    offers: dict[str, Offer]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        yield from self.offers.values()


def test_a_state_names_the_providers_own_rate_and_its_day() -> None:
    state = read_slice(Token(), [], START, fixed_rates()).states["a"]
    assert (state.currency, state.fx_rate, state.fx_date) == ("GLM", "0.2345", "2026-11-21")
    assert state.usd_per_gpu_hour_micros == 2_345_000


def test_a_token_without_a_rate_is_no_price() -> None:
    adapter = Token()
    adapter.rate = None
    with pytest.raises(PayloadChanged, match="no exchange rate for 'GLM'"):
        read_slice(adapter, [], START, fixed_rates())


@pytest.mark.parametrize("source", ADAPTERS)
def test_every_state_has_what_its_price_is_made_of_and_the_price_follows_from_it(source: str) -> None:
    """Worked out again from the state alone: raw text, unit, basis, count, currency and rate."""
    adapter = Stating()
    adapter.offers, _ = parsed(source, fixture_slices(source))
    states = read_slice(adapter, [], START, RATES).states
    assert states.keys() == adapter.offers.keys()
    for key, state in states.items():
        assert state.amount == adapter.offers[key].amount
        currency, minor = MINOR_UNITS.get(state.currency or "", (state.currency, 1))
        assert (state.fx_rate is None) == (state.fx_date is None) == (currency == "USD")
        assert state.unit is not None and state.gpu_count is not None
        hour = Fraction(Decimal(state.amount or "")) / minor * Fraction(state.fx_rate or 1) * 3600 / SECONDS[state.unit]
        per_gpu = hour if state.basis == "per_gpu" else hour / state.gpu_count
        assert state.usd_per_gpu_hour_micros == round(per_gpu * 1_000_000)


def test_a_price_in_usd_is_derived_in_one_place() -> None:
    sources = [path for room in ("adapters", "bridge") for path in (ROOT / room).rglob("*.py")]
    calls = {str(path.relative_to(ROOT)) for path in sources if "usd_per_gpu_hour_micros(" in path.read_text()}
    assert calls == {"adapters/units.py", "bridge/reading.py"}
