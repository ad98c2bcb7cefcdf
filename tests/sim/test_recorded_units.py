"""Simulated answers against recorded ones, as the parse reads them: what it asks for is there and of a type that was recorded; prices and
memory are of the same magnitude, as they would not be in another unit.
"""

from collections.abc import Iterable
from statistics import median

import pytest

from adapters.base import Adapter, Page
from adapters.models import Offer
from adapters.rates import fixed_rates
from adapters.units import usd_per_gpu_hour_micros
from bridge.shapes import Shape, paths_read, shape_of
from sim.app import App
from tests.adapters.recorded import AT, RECORDED, WITHOUT_OFFERS, recorded_pages
from tests.sim.asking import pages_of

pytestmark = pytest.mark.usefixtures("recordings")

FACTOR = 5
"""How far the median price of one GPU, or an offer's memory for each GPU, may lie from the recorded one."""

SELDOM = {"instance-types[].storage.size_in_gigabytes": "Verda's oldest types only: the others say 'dynamic'"}
"""What the parse reads where it is there."""
REPRICED = {("verda", "V100-SXM-16"): "0.89 when it was recorded, as DataCrunch; a sixth of that since"}
"""Whose price is another by more than that, and not its unit."""


@pytest.mark.parametrize("source", [source for source in RECORDED if source not in WITHOUT_OFFERS])
async def test_what_the_parse_reads_is_there_and_of_a_recorded_type(app: App, adapters: dict[str, Adapter], source: str) -> None:
    recorded, simulated = recorded_pages(source), await pages_of(app, adapters[source])
    paths = frozenset(path for pages in recorded for path in paths_read(adapters[source], pages, AT))
    theirs, ours = _types(recorded, paths), _types(simulated, paths)
    told = {path: types for path, types in theirs.items() if types and path not in SELDOM}
    assert len(told) >= 3
    assert [path for path in told if not ours.get(path)] == []
    assert [path for path, types in told.items() if not ours[path] <= types] == []


@pytest.mark.parametrize("source", [source for source in RECORDED if source not in WITHOUT_OFFERS])
async def test_prices_and_memory_are_of_the_recorded_magnitude(app: App, adapters: dict[str, Adapter], source: str) -> None:
    adapter = adapters[source]
    theirs, ours = _offers(adapter, recorded_pages(source)), _offers(adapter, await pages_of(app, adapter))
    for measure in (_prices(theirs), _prices(ours)), (_memory(theirs), _memory(ours)):
        recorded, simulated = measure
        both = {cell for cell in recorded.keys() & simulated.keys() if (source, cell.partition(" ")[0]) not in REPRICED}
        assert both or not recorded
        apart = {cell: (recorded[cell], simulated[cell]) for cell in both if not 1 / FACTOR < simulated[cell] / recorded[cell] < FACTOR}
        assert apart == {}


def _types(slices: Iterable[list[Page]], paths: frozenset[tuple[str, ...]]) -> dict[str, set[str]]:
    """The types that each key has, null apart: it tells no type."""
    shape = Shape()
    for pages in slices:
        shape.add(shape_of(pages, paths))
    return {path: counts.types.keys() - {"null"} for path, counts in shape.counts.items()}


def _offers(adapter: Adapter, slices: Iterable[list[Page]]) -> list[Offer]:
    return [row for pages in slices for row in adapter.parse(pages, AT) if isinstance(row, Offer)]


def _prices(offers: Iterable[Offer]) -> dict[str, float]:
    """Median USD per GPU-hour by GPU and price type."""
    rates = fixed_rates()
    return _medians((f"{one.gpu} {one.price_type}", usd_per_gpu_hour_micros(one, rates) / 1e6) for one in offers if one.in_market_stats)


def _memory(offers: Iterable[Offer]) -> dict[str, float]:
    """Median GiB of main memory for each GPU, by GPU."""
    return _medians((one.gpu, one.memory_gib / one.gpu_count) for one in offers if one.memory_gib)


def _medians(found: Iterable[tuple[str, float]]) -> dict[str, float]:
    cells: dict[str, list[float]] = {}
    for cell, value in found:
        cells.setdefault(cell, []).append(value)
    return {cell: median(values) for cell, values in cells.items()}
