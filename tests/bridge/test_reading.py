"""From pages to priced states: which exchange rate a state names."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
import pytest

from adapters.base import Page
from adapters.errors import PayloadChanged
from adapters.models import ExchangeRate, Offer, Rejected
from adapters.rates import fixed_rates
from bridge.reading import read_slice
from tests.bridge.fakes import START, Lumen, offer

RATE = ExchangeRate(currency="GLM", usd=Decimal("0.2345"), date="2026-11-21")


class Token(Lumen):
    """One offer priced in a token, with the answer's own rate of it."""

    rate: ExchangeRate | None = RATE

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        yield msgspec.structs.replace(offer("a", "80"), currency="GLM", rate=self.rate)


def test_a_state_names_the_providers_own_rate_and_its_day() -> None:
    state = read_slice(Token(), [], START, fixed_rates()).states["a"]
    assert (state.currency, state.fx_rate, state.fx_date) == ("GLM", "0.2345", "2026-11-21")
    assert state.usd_per_gpu_hour_micros == 2_345_000


def test_a_token_without_a_rate_is_no_price() -> None:
    adapter = Token()
    adapter.rate = None
    with pytest.raises(PayloadChanged, match="no exchange rate for 'GLM'"):
        read_slice(adapter, [], START, fixed_rates())
