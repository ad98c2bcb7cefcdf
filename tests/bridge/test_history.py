"""Lines of history, read: at the exchange rate of their day, and no oftener than they change."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from adapters.base import Page
from adapters.errors import PayloadChanged
from adapters.models import ExchangeRate, Offer, Rejected
from adapters.rates import PastRates, fixed_rates
from bridge.history import Line, LineReader, decode_line
from bridge.reading import Reading
from sim.history import lines
from sim.simulated import Simulated
from tests.adapters.support import ADAPTERS
from tests.bridge.fakes import START, Lumen, rows

DAYS = {
    date(2026, 11, day): {"EUR": ExchangeRate(currency="EUR", usd=Decimal(usd), date=f"2026-11-{day}")}
    for day, usd in ((20, "1.12"), (21, "1.13"))
}
"""START is at noon of the 21st, three hours before that day's rates are out."""


class Euro(Lumen):
    """Prices in EUR; notes how often it is asked to parse."""

    def __init__(self) -> None:
        self.parsed = 0

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        self.parsed += 1
        for row in super().parse(pages, observed_at):
            yield msgspec.structs.replace(row, currency="EUR") if isinstance(row, Offer) else row


class Clocked(Euro):
    """Its reading hangs on the time, too."""

    reads_clock = True


def line(hours: int, body: Any) -> Line:
    at_ms = int((START + timedelta(hours=hours)).timestamp() * 1000)
    page = {"name": "types", "page": 1, "status": 200, "headers": {}, "body": body}
    return decode_line(msgspec.json.encode({"at_ms": at_ms, "source": "lumen", "slices": [{"name": "", "pages": [page]}]}))


def readings(adapter: Euro, *lines: Line) -> list[tuple[str | None, str | None, int | None]]:
    """Rate, its day and the price of the offer `a`, line by line."""
    reader = LineReader(adapter, PastRates(fixed_rates(), DAYS))
    found = []
    for one in lines:
        ((_, _, reading),) = reader.read(one)
        assert isinstance(reading, Reading)
        state = reading.states["a"]
        found.append((state.fx_rate, state.fx_date, state.usd_per_gpu_hour_micros))
    return found


@pytest.mark.parametrize(("adapter", "parsed"), [(Euro(), 3), (Clocked(), 4)])
def test_each_step_has_the_rate_of_its_day_and_what_has_not_changed_is_not_read_again(adapter: Euro, parsed: int) -> None:
    body, dearer = rows("a", price="16.00"), rows("a", price="17.00")
    assert readings(adapter, line(0, body), line(1, body), line(4, body), line(5, dearer)) == [
        ("1.12", "2026-11-20", 2_240_000),
        ("1.12", "2026-11-20", 2_240_000),
        ("1.13", "2026-11-21", 2_260_000),
        ("1.13", "2026-11-21", 2_401_250),
    ]
    assert adapter.parsed == parsed


def test_every_source_of_the_simulated_market_is_read_from_history() -> None:
    """Also where a chain of pages goes on with a request of another name, as Alibaba's does from a type to its price."""
    at_ms = int(START.timestamp() * 1000)
    market = Simulated(seed=1, live_from_ms=at_ms + 1, incidents=False)
    for text in lines(market, list(ADAPTERS.values()), range(at_ms, at_ms + 1)):
        one = decode_line(text)
        found = [reading for _, _, reading in LineReader(ADAPTERS[one.source], PastRates(fixed_rates(), {})).read(one)]
        assert [reading for reading in found if not isinstance(reading, Reading)] == []
        assert any(reading.states for reading in found if isinstance(reading, Reading)), one.source


def test_a_page_that_nothing_leads_to_is_refused() -> None:
    one = line(0, rows("a"))
    one.slices[0].pages[0].name = "prices"
    ((_, _, found),) = LineReader(Euro(), PastRates(fixed_rates(), DAYS)).read(one)
    assert isinstance(found, PayloadChanged)
    assert "no request named 'prices'" in str(found)
