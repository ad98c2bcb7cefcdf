"""Lines of history, read: at the exchange rate of their day, and no oftener than they change."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from adapters.base import Page, Request
from adapters.models import ExchangeRate, Offer, Rejected
from adapters.rates import PastRates, fixed_rates
from adapters.registry import discover
from bridge.history import Line, LineReader, decode_line
from bridge.reading import Reading
from sim.history import lines
from sim.simulated import Simulated
from tests.bridge.fakes import START, START_MS, Lumen, rows

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


class Twice(Euro):
    """What a page of "types" names decides whether "prices" is asked for, too."""

    def next_page(self, page: Page) -> Request | None:
        return Request(name="prices", path="/prices", page=page.request.page + 1) if page.request.name == "types" else None

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        assert [(page.request.name, page.request.page) for page in pages] == [("types", 1), ("prices", 2)]
        yield from super().parse(pages[1:], observed_at)


def test_a_page_that_another_page_asked_for_is_read_as_in_a_poll() -> None:
    one = line(0, {"rows": []})
    (part,) = one.slices
    asked = line(0, rows("a", price="16.00")).slices[0].pages[0]
    part.pages.append(msgspec.structs.replace(asked, name="prices", page=2))
    assert readings(Twice(), one) == [("1.12", "2026-11-20", 2_240_000)]
    part.pages[1] = msgspec.structs.replace(asked, name="stock", page=2)
    ((_, _, error),) = LineReader(Twice(), PastRates(fixed_rates(), DAYS)).read(one)
    assert str(error) == "lumen: no request named 'stock'"


def test_every_simulated_source_is_read_in_history_as_it_is_polled() -> None:
    """No slice of any source may fail there: its offers would be missing from every window of the past."""
    adapters = discover()
    market = Simulated(1, START_MS - 3_600_000, incidents=False)
    for text in lines(market, list(adapters.values()), range(START_MS, START_MS + 1, 1000)):
        one = decode_line(text)
        found = list(LineReader(adapters[one.source], PastRates(fixed_rates(), {})).read(one))
        assert [str(reading) for _, _, reading in found if not isinstance(reading, Reading)] == [], one.source
        assert any(reading.states for _, _, reading in found if isinstance(reading, Reading)), one.source
