"""Every adapter's own requests are answered, and every row of the answers can be read."""

import pytest

from adapters.base import Adapter
from adapters.models import Offer, Rejected
from adapters.registry import discover
from sim.app import App
from sim.simulated import Simulated
from sim.wire import all_wires
from tests.sim.asking import polled
from tests.sim.conftest import NOW_MS

SIMULATED = sorted(wire.provider for wire in all_wires())


def test_every_source_is_simulated(adapters: dict[str, Adapter]) -> None:
    assert sorted(adapters) == SIMULATED


@pytest.mark.parametrize("source", SIMULATED)
async def test_a_poll_gives_offers_and_rejects_nothing(app: App, source: str) -> None:
    rows = await polled(app, discover()[source])
    assert [row for row in rows if isinstance(row, Rejected)] == []
    offers = [row for row in rows if isinstance(row, Offer)]
    assert len({offer.offer_key for offer in offers}) == len(offers) >= 5


async def test_the_market_has_more_than_500_offers(app: App, adapters: dict[str, Adapter]) -> None:
    assert sum([len(await polled(app, adapter)) for adapter in adapters.values()]) > 500


@pytest.mark.parametrize("source", SIMULATED)
async def test_incidents_are_aimed_by_the_gpu_that_the_adapter_reads(app: App, market: Simulated, source: str) -> None:
    read = {row.gpu for row in await polled(app, discover()[source]) if isinstance(row, Offer)}
    assert read == {listing.gpu for listing in market.market.listings if listing.provider == source}


@pytest.mark.parametrize("source", ["runpod", "scaleway", "azure", "vast"])
async def test_incidents_name_offers_as_adapters_do(app: App, market: Simulated, source: str) -> None:
    names = {row.offer_key for row in await polled(app, discover()[source]) if isinstance(row, Offer)}
    names |= {name.rpartition("/")[0] for name in names}
    wire = next(wire for wire in market.wires.values() if wire.provider == source)
    offered = [listing for listing in wire.listings if not listing.region.startswith("usgov")]
    assert all(listing.key in names for listing in offered if wire.rentable(market.market, listing, NOW_MS))


async def test_azure_follows_the_absolute_links_of_small_pages(
    app: App, adapters: dict[str, Adapter], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await polled(app, adapters["azure"])
    monkeypatch.setattr("sim.wire.azure.PER_PAGE_PREVIEW", 100)
    app.market.forget()  # type: ignore[union-attr]
    assert await polled(app, adapters["azure"]) == whole
