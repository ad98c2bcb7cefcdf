"""Lines of history, read: at the exchange rate of their day, and no oftener than they change."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from adapters.base import Page
from adapters.models import ExchangeRate, Offer, Rejected
from adapters.rates import PastRates, fixed_rates
from bridge.history import Line, LineReader, decode_line
from bridge.reading import Reading
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
