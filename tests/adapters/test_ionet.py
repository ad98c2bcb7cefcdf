"""io.net: two lists of one hardware, partners' clouds, stock that two fields tell."""

import copy
from typing import Any

import msgspec
import pytest

from adapters.base import Page
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, RECORDINGS, decode, fixture_slices, price

H100 = "8H100.80S.176V__FI"


@pytest.fixture
def pages() -> list[Page]:
    return copy.deepcopy(fixture_slices("ionet")[""])


def read(pages: list[Page]) -> dict[str, Offer]:
    return {row.offer_key: row for row in ADAPTERS["ionet"].parse(pages, NOW) if isinstance(row, Offer)}


def row_of(pages: list[Page], name: str, row_id: str) -> dict[str, Any]:
    (page,) = [page for page in pages if page.request.name == name]
    (row,) = [row for row in page.body["data"]["hardware"] if row["id"] == row_id]
    return row  # type: ignore[no-any-return]


def test_what_partners_supply_is_resold_and_does_not_count(pages: list[Page]) -> None:
    offers = read(pages)
    assert (offers[f"machine/{H100}/on_demand"].upstream, offers["machine/B200_sxm6x8__AU/on_demand"].upstream) == ("verda", "partner")
    assert {key for key, offer in offers.items() if offer.in_market_stats} == {
        "machine/21__1/on_demand",
        "machine/21__2/on_demand",
        "machine/34__8/on_demand",
    }
    assert all(offer.upstream is None for offer in offers.values() if offer.in_market_stats)


def test_a_container_is_never_counted_beside_its_machine(pages: list[Page]) -> None:
    offers = read(pages)
    container = offers[f"container/{H100}/on_demand"]
    assert (container.gpu, container.upstream, container.in_market_stats) == ("H100-SXM-80", "verda", False)
    assert not offers["container/21__1/on_demand"].in_market_stats
    assert not offers["container/77__1/on_demand"].in_market_stats


def test_the_price_is_for_the_whole_configuration(pages: list[Page]) -> None:
    offers = read(pages)
    one, two = offers["machine/21__1/on_demand"], offers["machine/21__2/on_demand"]
    assert (one.amount, two.amount) == ("0.32", "0.64")
    assert price(one) == price(two) == 320_000


def test_stock_is_counted_in_containers(pages: list[Page]) -> None:
    offers = read(pages)
    assert (offers[f"machine/{H100}/on_demand"].availability, offers[f"machine/{H100}/on_demand"].available_count) == ("available", 3)
    assert (offers["machine/8B300.240V__FI/on_demand"].availability, offers["machine/8B300.240V__FI/on_demand"].available_count) == (
        "sold_out",
        0,
    )
    assert (offers["machine/34__8/on_demand"].availability, offers["machine/34__8/on_demand"].available_count) == ("available", None)


def test_sold_out_stands_above_the_count(pages: list[Page]) -> None:
    row_of(pages, "vmaas", H100)["sold_out"] = True
    offer = read(pages)[f"machine/{H100}/on_demand"]
    assert (offer.availability, offer.available_count) == ("sold_out", 0)


def test_no_free_replica_is_sold_out(pages: list[Page]) -> None:
    row_of(pages, "caas", H100)["available_replicas"] = 0
    assert read(pages)[f"machine/{H100}/on_demand"].availability == "sold_out"


@pytest.mark.parametrize(("value", "why"), [(0, "zero"), (None, "null"), (..., "missing"), (-1, "negative")])
def test_no_price_is_no_offer(pages: list[Page], value: Any, why: str) -> None:
    row = row_of(pages, "vmaas", H100)
    if value is ...:
        del row["price"]
    else:
        row["price"] = value
    rows = list(ADAPTERS["ionet"].parse(pages, NOW))
    assert f"price: price is {why}" in [row.reason for row in rows if isinstance(row, Rejected)]
    assert f"machine/{H100}/on_demand" not in {row.offer_key for row in rows if isinstance(row, Offer)}


@pytest.mark.skipif(not (RECORDINGS / "io-net").is_dir(), reason="no recordings beside the project")
def test_recorded_values(pages: list[Page]) -> None:
    """The recording keeps values without the shape around them: they are put into the documented one."""
    recorded = msgspec.json.decode((RECORDINGS / "io-net" / "vmaas_caas_rows_2026-06-13.json").read_bytes(), type=_Recording).rows
    for row, name in zip(recorded, (H100, "8B300.240V__FI"), strict=True):
        row_of(pages, "vmaas", name).update(price=decode(bytes(row.price_usd_per_hour_whole_config)), sold_out=row.sold_out)
    offers = read(pages)
    assert [price(offers[f"machine/{name}/on_demand"]) for name in (H100, "8B300.240V__FI")] == [
        3_484_418,  # 27.875342 / 8 = 3.48441775
        7_982_875,  # 63.863 / 8
    ]
    assert [offers[f"machine/{name}/on_demand"].availability for name in (H100, "8B300.240V__FI")] == ["available", "sold_out"]


class _Row(msgspec.Struct):
    price_usd_per_hour_whole_config: msgspec.Raw
    sold_out: bool


class _Recording(msgspec.Struct):
    rows: list[_Row]
