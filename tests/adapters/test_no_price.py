"""What is no price, and what is no market price: other sums beside the price, resellers, folded sizes, placeholders, ids that do not last.

Over the registry where a promise is every adapter's; a table names what each answer has beside its price.
"""

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from adapters.base import Page
from adapters.models import Offer
from adapters.rows import cheapest
from bridge.book import Book
from bridge.changes import Acknowledged, detect
from bridge.state import OfferState, state_of
from flink_jobs import statistics
from schemas.gpus import GPUS
from sim.wire.facts import PAGES
from tests.adapters.support import ADAPTERS, NOW, fixture_slices, parsed, price

NOW_MS = int(NOW.timestamp() * 1000)

OTHER_SUMS = {
    "alibaba": {"TradePrice": "after the account's discount", "DiscountPrice": "the discount", "ReservedInstanceHourPrice": "a contract's"},
    "alibaba-spot": {"OriginPrice": "on demand, beside the spot price"},
    "azure": {"reservationTerm": "a contract's"},
    "chutes": {"tao_usd": "a token's rate", "second": "the same price per second"},
    "clore": {"bitcoin": "a price in bitcoin"},
    "digitalocean": {"price_monthly": "a month's cap"},
    "gcore": {"price_per_month": "a month's"},
    "golem": {"monthly_price_glm": "a month's", "monthly_price_usd": "a month's"},
    "gpuai": {"disk_price_per_gb_hour": "more disk than is inside"},
    "hyperbolic": {"providerCostPerHourCents": "what the supplier asks"},
    "hyperstack": {"value": "after the account's discounts"},
    "jarvislabs": {"price": "of a machine without GPU"},
    "latitude": {"month": "another contract's", "year": "another contract's"},
    "linode": {"monthly": "a month's cap"},
    "lium": {"pending_price_per_hour": "announced"},
    "mithril": {"lowest_allocated_price": "what the cheapest bid pays"},
    "ovh": {"tax": "the VAT, in the price's own unit", "taxRate": "VAT in per cent"},
    "prime-intellect": {"pricePerUnit": "more disk than is inside"},
    "runpod": {"secureSpotPrice": "repeats the price", "communitySpotPrice": "repeats the price"},
    "scaleway": {"monthly_price": "a month's"},
    "spheron": {"lowestPrice": "the group's", "highestPrice": "the group's"},
    "tencent": {"UnitPriceSecondStep": "from 96 hours on", "UnitPriceThirdStep": "from 360 hours on"},
    "vast": {"dph_total": "with a disk", "storage_cost": "of a disk"},
    "vultr": {"monthly_cost": "a month's cap", "monthly_cost_preemptible": "a month's cap"},
}
"""Source -> fields that stand beside its price and are another sum -> what they are."""

BESIDE = {
    "deposit": 500, "security_deposit": "500.00", "setup_fee": 99, "upfront_price": 1200, "installation": {"price": 99},
    "tax": 20, "vat": "0.2", "price_with_tax": "1.2", "price_including_disk": 7, "disk_price": 1, "windows_price": 9, "promo_price": "0.01",
}  # fmt: skip
"""Sums that a provider may begin to state where its price stands."""

RESELLERS = {"aquanode", "gpuai", "nebula-block", "prime-intellect", "sesterce", "shadeform", "spheron"}
PARTLY_RESOLD = {"ionet"}

OUT_OF_MARKET = {
    "akash": "statistics of bids, and no offers",
    "flyio": "the GPU without its machine",
    "runpod": "placeholders",
    "runpod-rest": "the machines of runpod's own answer",
    "salad": "one GPU at four priorities counts once",
    "vast": "one machine in several sizes counts once",
}
"""Sources besides resellers of which some or all stay out of market statistics -> why."""

UNSTABLE_IDS = {
    "gpuai": ("offering_id",),
    "hyperstack": ("id",),
    "latitude": ("id",),
    "mithril": ("fid", "instance_type"),
    "nebula-block": ("id",),
    "salad": ("id",),
    "seeweb": ("id",),
    "sesterce": ("_id",),
    "spheron": ("offerId",),
    "vast": ("id", "ask_contract_id", "bundle_id", "host_id"),
    "verda": ("id",),
}
"""Source -> what numbers its rows, and changes when they are listed again."""

MEMORY = {
    "alibaba": "GPUMemorySize", "cloudrift": "vram", "clore": "gpuram", "digitalocean": "amount",
    "golem": "golem.!exp.gap-35.v1.inf.gpu.memory.total.gib golem.!exp.gap-35.v1.inf.gpu.d0.memory.total.gib",
    "ionet": "vram_per_card", "jarvislabs": "vram", "latitude": "vram_per_gpu", "mithril": "gpu_memory_gb", "prime-intellect": "gpuMemory",
    "runpod": "memoryInGb", "runpod-rest": "memory", "runpod-serverless": "memory", "scaleway": "gpu_memory", "sesterce": "vRamGB",
    "shadeform": "vram_per_gpu_in_gb", "spheron": "gpu_memory", "vast": "gpu_ram gpu_total_ram", "verda": "size_in_gigabytes",
}  # fmt: skip
"""Source -> fields with the memory of one GPU, or of all of a machine's."""

json_sources = pytest.mark.parametrize("source", [source for source in ADAPTERS if source not in PAGES])


@pytest.mark.parametrize(("source", "field"), [(source, field) for source, fields in OTHER_SUMS.items() for field in fields])
def test_another_sum_beside_the_price_is_not_the_price(source: str, field: str) -> None:
    slices = fixture_slices(source)
    offers, _ = parsed(source, slices)
    found = 0
    for row in _objects(slices):
        if isinstance(row.get(field), int | str | Decimal):
            row[field] = "0.013" if isinstance(row[field], str) else Decimal("0.013")
            found += 1
    assert found, "no longer in the answers"
    assert parsed(source, slices)[0] == offers


@json_sources
def test_a_deposit_a_fee_or_a_tax_beside_the_price_changes_no_offer(source: str) -> None:
    slices = fixture_slices(source)
    offers, _ = parsed(source, slices)
    found = 0
    for row in list(_objects(slices)):
        if any(re.search(r"price|cost|dph|hour|amount|value|nanos|coeffs", key, re.IGNORECASE) for key in row):
            row.update({key: value for key, value in BESIDE.items() if key not in row})
            found += 1
    assert found or source in ("tensordock", "thunder"), "no object states a price"
    assert parsed(source, slices)[0] == offers


@pytest.mark.parametrize("source", ADAPTERS)
def test_who_resells_names_the_cloud_and_counts_nowhere_twice(source: str) -> None:
    offers, _ = parsed(source, fixture_slices(source))
    resold = {key for key, offer in offers.items() if offer.upstream}
    left_out = {key for key, offer in offers.items() if not offer.in_market_stats}
    assert resold <= left_out, "resold machines are counted, and again where their own cloud states them"
    assert not resold or resold == set(offers) or source in PARTLY_RESOLD
    assert resold or source not in RESELLERS | PARTLY_RESOLD
    assert left_out == resold or source in OUT_OF_MARKET.keys() | PARTLY_RESOLD, "left out of market statistics, and nobody says why"
    assert left_out or source not in OUT_OF_MARKET


def test_what_does_not_count_moves_no_statistic_of_the_market() -> None:
    """Resellers' prices, folded sizes and placeholders at a hundredth: no market window knows."""
    true = _windows(lambda offer: price(offer))
    wrong = _windows(lambda offer: price(offer) if offer.in_market_stats else max(price(offer) // 100, 1))
    assert _of_scope(wrong, "market") == _of_scope(true, "market")
    assert _of_scope(wrong, "provider") != _of_scope(true, "provider")
    counted = sum(offer.in_market_stats for source in ADAPTERS for offer in parsed(source, fixture_slices(source))[0].values())
    assert sum(window["offers"] for window in _of_scope(true, "market")) == counted


@pytest.mark.parametrize("source", UNSTABLE_IDS)
def test_a_relisted_id_is_no_change(source: str) -> None:
    slices = fixture_slices(source)
    book = Book([""])
    book.replace("", _states(source, slices), "first", NOW_MS)
    known = {key: Acknowledged(held.encoded, NOW_MS, NOW_MS) for key, held in book.offers.items()}
    assert known
    relisted = copy.deepcopy(slices)
    _renumber(relisted, UNSTABLE_IDS[source])
    assert relisted != slices, "no such ids in the answers"
    assert book.replace("", _states(source, relisted), "second", NOW_MS + 1000) == 0
    assert detect(book, known, provider=source, now_ms=NOW_MS + 1000, observe_every_ms=60_000, expired_ms=600_000) == []


@pytest.mark.parametrize("source", MEMORY)
def test_the_memory_of_several_is_never_taken_for_that_of_one(source: str) -> None:
    """Wherever memory is stated it speaks: with three times as much, no row is still of the card that its name says (of a slice,
    the profile alone speaks)."""
    slices = fixture_slices(source)
    offers, _ = parsed(source, slices)
    for row in _objects(slices):
        for field in MEMORY[source].split():
            stated = row.get(field)
            if isinstance(stated, int | Decimal):
                row[field] = stated * 3
            elif isinstance(stated, str) and stated.isdecimal():
                row[field] = str(int(stated) * 3)
    still = {key for key, offer in parsed(source, slices)[0].items() if key in offers and offer.gpu == offers[key].gpu}
    assert {key for key in still if GPUS[offers[key].gpu].slice_of is None} == set()


@json_sources
def test_rows_in_another_order_are_no_change(source: str) -> None:
    slices = fixture_slices(source)
    turned = {name: [msgspec.structs.replace(page, body=_turned(page.body)) for page in pages] for name, pages in slices.items()}
    assert parsed(source, turned)[0] == parsed(source, slices)[0]


@pytest.mark.parametrize("unlike", [{"vcpus": 8.0}, {"memory_gib": 8.0}, {"disk_gib": 8.0}, {"available_count": 8}, {"amount": "2.40"}])
def test_two_machines_of_one_kind_and_price_are_one_offer_in_any_order(unlike: dict[str, Any]) -> None:
    one = next(iter(parsed("spheron", fixture_slices("spheron"))[0].values()))
    one = msgspec.structs.replace(one, amount="2.4", available_count=1)
    other = msgspec.structs.replace(one, **unlike)
    assert one != other
    assert list(cheapest([one, other])) == list(cheapest([other, one]))


def test_a_machine_listed_in_several_sizes_counts_once_and_each_size_is_an_offer() -> None:
    offers, _ = parsed("vast", fixture_slices("vast"))
    sizes = {key: offer for key, offer in offers.items() if key.startswith("7001/") and offer.price_type == "on_demand"}
    assert sorted(offer.gpu_count for offer in sizes.values()) == [1, 2, 4]
    assert [offer.gpu_count for offer in sizes.values() if offer.in_market_stats] == [4]


@pytest.mark.parametrize("source", ["alibaba", "aws", "aws-spot", "azure", "gcp", "oracle", "tencent"])
def test_no_government_s_region_is_asked_or_read(source: str) -> None:
    offers, _ = parsed(source, fixture_slices(source))
    asked = [f"{part.name} {request}" for part in ADAPTERS[source].slices() for request in part.requests]
    forbidden = re.compile(r"us-?gov|gov-?cloud|cn-north", re.IGNORECASE)
    assert not [words for words in asked if forbidden.search(words)]
    assert not [key for key, offer in offers.items() if forbidden.search(f"{key} {offer.region}")]


@pytest.mark.parametrize(("source", "field"), [("aws", "price"), ("azure", "retailPrice")])
def test_a_licence_in_the_price_is_another_product(source: str, field: str) -> None:
    """Windows rows, and at a cent: no offer is theirs."""
    slices = fixture_slices(source)
    offers, _ = parsed(source, slices)
    licensed = [row for row in _objects(slices) if "Windows" in " ".join(str(value) for value in row.values()) and field in row]
    assert licensed
    for row in licensed:
        row[field] = type(row[field])("0.01")
    assert parsed(source, slices)[0] == offers


def _states(source: str, slices: dict[str, list[Page]]) -> dict[str, OfferState]:
    return {key: state_of(offer, price(offer), None, None) for key, offer in parsed(source, slices)[0].items()}


def _windows(micros: Callable[[Offer], int]) -> list[dict[str, Any]]:
    events = []
    for source, adapter in ADAPTERS.items():
        for key, offer in parsed(source, fixture_slices(source))[0].items():
            events.append(
                {
                    "kind": "observed",
                    "market": "simulated",
                    "event_time_ms": NOW_MS,
                    "seq": 0,
                    "provider": adapter.provider,
                    "offer_key": f"{source}/{key}",
                    "gpu": offer.gpu,
                    "price_type": offer.price_type,
                    "availability": offer.availability,
                    "in_market_stats": offer.in_market_stats,
                    "usd_per_gpu_hour_micros": micros(offer),
                }
            )
    return statistics.windows(events, 300)


def _of_scope(windows: Sequence[dict[str, Any]], scope: str) -> list[dict[str, Any]]:
    return [window for window in windows if window["scope"] == scope]


def _objects(slices: dict[str, list[Page]]) -> Iterator[dict[str, Any]]:
    for pages in slices.values():
        for page in pages:
            yield from _dicts(page.body)


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _dicts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _dicts(inner)


def _turned(value: Any) -> Any:
    """With every list of objects the other way round."""
    if isinstance(value, dict):
        return {key: _turned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        items = [_turned(inner) for inner in value]
        return items[::-1] if all(isinstance(item, dict) for item in items) else items
    return value


def _renumber(slices: dict[str, list[Page]], fields: Sequence[str]) -> None:
    """Every id in these fields becomes another, the same one wherever it stands."""
    for row in _objects(slices):
        for field in fields:
            if isinstance(row.get(field), int):
                row[field] += 900_000
            elif isinstance(row.get(field), str):
                row[field] += "9"
