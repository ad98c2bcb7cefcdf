"""Every adapter's own requests are answered, and every row of the answers can be read."""

from decimal import Decimal
from statistics import median

import pytest

from adapters.base import Adapter
from adapters.models import Offer, Rejected
from adapters.registry import discover
from sim.app import App
from sim.simulated import Simulated
from sim.wire import all_wires
from sim.wire.vast import CLAMP, VastWire
from tests.sim.asking import offers, per_gpu, polled
from tests.sim.conftest import NOW_MS

SIMULATED = sorted(wire.provider for wire in all_wires())


def test_every_source_is_simulated(adapters: dict[str, Adapter]) -> None:
    assert sorted(adapters) == SIMULATED


@pytest.mark.parametrize("source", SIMULATED)
async def test_a_poll_gives_offers_and_rejects_nothing(app: App, source: str) -> None:
    rows = await polled(app, discover()[source])
    assert [row for row in rows if isinstance(row, Rejected)] == []
    offers = [row for row in rows if isinstance(row, Offer)]
    assert len({offer.offer_key for offer in offers}) == len(offers) >= 4


async def keys_at(adapters: dict[str, Adapter], market: Simulated, at_ms: int) -> set[str]:
    app = App(market, list(adapters.values()), clock_ms=lambda: at_ms)
    return {f"{source}/{key}" for source, adapter in adapters.items() for key in await offers(app, adapter)}


async def test_the_market_has_more_than_5000_offers_and_a_fifth_of_them_has_a_history(
    adapters: dict[str, Adapter], market: Simulated
) -> None:
    live, before = await keys_at(adapters, market, NOW_MS), await keys_at(adapters, market, NOW_MS - 1000)
    assert len(live) > 5_000
    # A day of history holds 289 times these.
    assert 1_000 < len(before) < len(live) / 3
    assert len(before - live) < 50, "what has a history goes on"


async def test_the_crowd_can_be_kept_out(adapters: dict[str, Adapter]) -> None:
    market = Simulated(1, NOW_MS, incidents=False, crowd=False)
    assert len(await keys_at(adapters, market, NOW_MS)) < 3_000


async def test_the_arrival_of_the_crowd_looks_like_no_repricing(adapters: dict[str, Adapter], market: Simulated) -> None:
    before, live = [await medians_at(adapters, market, at_ms) for at_ms in (NOW_MS - 1000, NOW_MS)]
    moved = {group: live[group] / median - 1 for group, median in before.items() if group in live}
    # Three sigmas of three percent.
    assert {group: f"{move:.1%}" for group, move in moved.items() if abs(move) > Decimal("0.08")} == {}


async def medians_at(adapters: dict[str, Adapter], market: Simulated, at_ms: int) -> dict[tuple[str, str, str], Decimal]:
    """By provider, GPU and price type, each in the provider's own unit."""
    app = App(market, list(adapters.values()), clock_ms=lambda: at_ms)
    groups: dict[tuple[str, str, str], list[Decimal]] = {}
    for adapter in adapters.values():
        for offer in (await offers(app, adapter)).values():
            groups.setdefault((adapter.provider, offer.gpu, offer.price_type), []).append(per_gpu(offer))
    return {group: median(prices) for group, prices in groups.items()}


async def test_vast_is_searched_in_bands_past_its_clamp(app: App, market: Simulated, adapters: dict[str, Adapter]) -> None:
    found = {
        row.offer_key.rpartition("/")[0] for row in await polled(app, adapters["vast"]) if isinstance(row, Offer) and "4090" in row.gpu
    }
    wire = next(wire for wire in market.wires.values() if isinstance(wire, VastWire))
    free = {size.listing.key for size in wire.sizes["RTX 4090"] if size.listing.count <= wire.free_gpus(market.market, size, NOW_MS)}
    assert found == free
    assert len(free) > 3 * CLAMP


async def test_copies_of_written_rows_are_offers_of_their_own(app: App, adapters: dict[str, Adapter]) -> None:
    clore = await offers(app, adapters["clore"])
    copies = {
        key: offer for key, offer in clore.items() if key.startswith("4101") and key != "4101/on_demand" and key.endswith("on_demand")
    }
    assert len(copies) == 40
    assert len({offer.amount for offer in copies.values()}) > 5
    assert {offer.availability for offer in copies.values()} == {"available", "sold_out"}
    assert len({offer.region for offer in copies.values()}) > 5
    assert {offer.currency for offer in clore.values()} == {"USD", "CLORE"}, "the rates are asked for, and answered"


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
