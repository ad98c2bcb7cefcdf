"""Filters, order, pages and the cheapest."""

from typing import Any

import pytest

from api import listing
from api.errors import BadParameter
from api.params import CheapestParameters, OffersParameters, read_query
from tests.api.market import NOW_MS, offer, snapshot, store_of

OFFERS = {
    "lumen": [
        offer("h1", "2.50", region="Quebec, CA", country="CA"),
        offer("h8", "2.20", gpu_count=8, availability="sold_out"),
        offer("hs", "1.10", price_type="spot", availability="low"),
        offer("l4", "0.40", gpu="L4-PCIE-24", availability="unknown"),
    ],
    "borealis": [
        offer("h1", "2.50", country="DE", region="EU-1"),
        offer("hn", "3.10", gpu="H100-NVL-94", gpu_count=4),
        offer("slice", "0.30", gpu="H100-SXM-80-1g.10gb"),
    ],
}


def keys(query: str) -> list[str]:
    parameters = read_query(query, OffersParameters)
    return [f"{entry.provider}/{entry.offer.offer_key}" for entry in listing.page(store_of(**OFFERS), parameters, NOW_MS).entries]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("gpu=L4-PCIE-24", ["lumen/l4"]),
        ("gpu=H100", ["lumen/hs", "lumen/h8", "borealis/h1", "lumen/h1", "borealis/hn"]),
        ("gpu=H100-SXM", ["lumen/hs", "lumen/h8", "borealis/h1", "lumen/h1"]),
        ("gpu=L4,h100-nvl-94", ["lumen/l4", "borealis/hn"]),
        ("gpu=L4&gpu=H100-NVL", ["lumen/l4", "borealis/hn"]),
        ("gpu=A100", []),
        ("provider=borealis", ["borealis/slice", "borealis/h1", "borealis/hn"]),
        ("region=quebec, ca", ["lumen/h1"]),
        ("country=de,CA", ["borealis/h1", "lumen/h1"]),
        ("price_type=spot", ["lumen/hs"]),
        ("min_gpus=4", ["lumen/h8", "borealis/hn"]),
        ("gpu=H100&max_price=2.5", ["lumen/hs", "lumen/h8", "borealis/h1", "lumen/h1"]),
        ("gpu=H100&max_price=2.499999", ["lumen/hs", "lumen/h8"]),
        ("available=true&gpu=H100-SXM,L4", ["lumen/hs", "borealis/h1", "lumen/h1"]),
        ("gpu=H100-SXM&sort=-price", ["borealis/h1", "lumen/h1", "lumen/h8", "lumen/hs"]),
        ("sort=provider&limit=4", ["borealis/slice", "borealis/h1", "borealis/hn", "lumen/l4"]),
        ("sort=gpu&limit=2", ["borealis/hn", "lumen/hs"]),
        ("provider=nobody", []),
    ],
)
def test_filters_and_order(query: str, found: list[str]) -> None:
    assert keys(query) == found


def test_youngest_first() -> None:
    store = store_of(lumen=[offer("old", "1", observed_at_ms=NOW_MS - 5_000), offer("new", "2")])
    page = listing.page(store, read_query("sort=age", OffersParameters), NOW_MS)
    assert [entry.offer.offer_key for entry in page.entries] == ["new", "old"]


def test_expired_offers_are_left_out() -> None:
    store = store_of(lumen=[offer("old", "1", observed_at_ms=NOW_MS - 90_001), offer("new", "2")])
    page = listing.page(store, OffersParameters(), NOW_MS)
    assert ([entry.offer.offer_key for entry in page.entries], page.total) == (["new"], 1)


def test_a_gpu_that_does_not_exist_is_named() -> None:
    with pytest.raises(BadParameter) as caught:
        keys("gpu=H10")
    assert caught.value.parameter == "gpu"
    assert "H10" in caught.value.message


@pytest.mark.parametrize("sort", ["price", "-price", "age", "provider", "gpu"])
def test_pages_hold_every_offer_once_in_order(sort: str) -> None:
    many = [offer(f"k{number}", f"{1 + number % 3}", observed_at_ms=NOW_MS - number % 4 * 1000) for number in range(23)]
    store = store_of(lumen=many[:11], borealis=many[11:])
    whole = listing.page(store, OffersParameters(sort=sort, limit=1000), NOW_MS)  # type: ignore[arg-type]
    found: list[Any] = []
    cursor = None
    pages = 0
    while pages == 0 or cursor:
        page = listing.page(store, OffersParameters(sort=sort, limit=5, cursor=cursor), NOW_MS + pages)  # type: ignore[arg-type]
        assert page.total == 23
        found += page.entries
        cursor, pages = page.next_cursor, pages + 1
    assert pages == 5
    assert found == whole.entries
    assert whole.next_cursor is None


def test_a_cursor_outlives_a_new_snapshot() -> None:
    store = store_of(lumen=[offer(f"k{number}", f"{number + 1}") for number in range(6)])
    first = listing.page(store, OffersParameters(limit=3), NOW_MS)
    store.take("lumen", snapshot("lumen", [offer(f"k{number}", f"{number + 1}") for number in range(6)], at_ms=NOW_MS + 5_000), None)
    second = listing.page(store, OffersParameters(limit=3, cursor=first.next_cursor), NOW_MS + 5_100)
    assert [entry.offer.offer_key for entry in second.entries] == ["k3", "k4", "k5"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"now_ms": NOW_MS + 300_001}, "expired"),
        ({"sort": "age"}, "another order"),
        ({"min_gpus": 2}, "other filters"),
        ({"cursor": "AAAA"}, "not a cursor"),
        ({"cursor": "é!"}, "not a cursor"),
    ],
)
def test_a_bad_cursor_is_refused(change: dict[str, Any], words: str) -> None:
    store = store_of(**OFFERS)
    fields: dict[str, Any] = {"cursor": listing.page(store, OffersParameters(limit=2), NOW_MS).next_cursor, **change}
    now_ms = fields.pop("now_ms", NOW_MS)
    with pytest.raises(BadParameter) as caught:
        listing.page(store, OffersParameters(limit=2, **fields), now_ms)
    assert caught.value.parameter == "cursor"
    assert words in caught.value.message


def cheapest(query: str = "", **sources: list[dict[str, Any]]) -> list[str]:
    entries = listing.cheapest(store_of(**(sources or OFFERS)), read_query(query, CheapestParameters), NOW_MS)
    return [f"{entry.gpu} {entry.price_type} {entry.provider}/{entry.offer.offer_key}" for entry in entries]


def test_the_cheapest_of_each_gpu_and_price_type() -> None:
    assert cheapest() == [
        "H100-NVL-94 on_demand borealis/hn",
        "H100-SXM-80 on_demand borealis/h1",
        "H100-SXM-80 spot lumen/hs",
        "H100-SXM-80-1g.10gb on_demand borealis/slice",
        "L4-PCIE-24 on_demand lumen/l4",
    ]


def test_known_stock_goes_before_a_lower_price_of_unknown_stock() -> None:
    offers = [offer("unknown", "1.00", availability="unknown"), offer("known", "2.00", availability="medium")]
    assert cheapest(lumen=offers) == ["H100-SXM-80 on_demand lumen/known"]
    assert cheapest(lumen=offers[:1]) == ["H100-SXM-80 on_demand lumen/unknown"]
    assert cheapest("available=true", lumen=offers[:1]) == []


def test_a_suspect_placeholder_is_not_the_cheapest_and_a_resellers_offer_may_be() -> None:
    offers = [
        offer("placeholder", "0.50", in_market_stats=False),
        offer("resold", "1.50", in_market_stats=False, upstream="cumulus"),
        offer("own", "2.00"),
    ]
    assert cheapest(lumen=offers) == ["H100-SXM-80 on_demand lumen/resold"]


def test_the_cheapest_with_filters() -> None:
    assert cheapest("gpu=H100&min_gpus=4") == ["H100-NVL-94 on_demand borealis/hn"]
    assert cheapest("gpu=H100-SXM-80&country=CA") == ["H100-SXM-80 on_demand lumen/h1"]
