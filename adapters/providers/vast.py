"""Vast.ai: hosts' machines on a marketplace. https://docs.vast.ai/api-reference/search/search-offers

The search is clamped to 64 offers and has no pages. It is asked per GPU name (a slice each), cheapest first; where 64 came back, the next
request begins at the last price seen. The documented limit is 10 requests a minute for one address.

Prices are USD per hour for the whole offer: `dph_base` without disk; `min_bid` is the least bid for the same offer, interruptible.
Ids change from one search to the next, so an offer's key is (machine, number of GPUs, its GPUs). Hosts list one machine in several
sizes; they are alternatives, and only the largest over the same GPUs counts in market statistics.

The search says nothing of `verified`, to get every host. The vendor's description states a default of true for it, yet answers that others
kept hold unverified hosts: a first live answer should be looked at.

Left out: what prepaying takes off (type `reserved`, `discount_rate`), disk and traffic, which come on top, and GPU names that are not in
the list below: at ten requests a minute there is room for these within five minutes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from msgspec.structs import replace

from adapters.base import Adapter, Page, Request, Slice
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.names import memory_fits
from adapters.rows import MAX_NUMBER, BadRow, Row, amount, count, country, known_gpu, listing, number, optional_float, rejected, text
from schemas.vocabulary import PriceType

CLAMP = 64
MAX_BANDS = 12
"""Requests for one GPU name: 64 x 12 offers is more than any has had."""

PRIVATE = frozenset({"public_ipaddr", "hostname"})
"""Where a host's machine is on the network: never kept, not even in a rejected row."""

PRICES: dict[PriceType, str] = {"on_demand": "dph_base", "bid": "min_bid"}

# "Tesla V100" is left out: the name does not say whether it is the SXM2 or the PCIe card.
GPU_NAMES = (
    "B300", "B200", "H200", "H200 NVL", "H100 SXM", "H100 NVL", "H100 PCIE", "GH200 SXM", "A100 SXM4", "A100 PCIE", "A800 PCIE",
    "L40S", "L40", "L4", "A40", "A10", "RTX PRO 6000 S", "RTX PRO 6000 WS", "RTX PRO 5000", "RTX PRO 4500", "RTX PRO 4000",
    "RTX 6000Ada", "RTX 5880Ada", "RTX 5000Ada", "RTX 4000Ada", "RTX A6000", "RTX A5000", "RTX A4500", "RTX A4000", "Q RTX 8000",
    "RTX 5090", "RTX 5080", "RTX 5070 Ti", "RTX 5070", "RTX 4090", "RTX 4080S", "RTX 4080", "RTX 4070S Ti", "RTX 3090", "RTX 3080",
)  # fmt: skip


class Vast(Adapter):
    source = "vast"
    provider = "vast"
    title = "Vast.ai"
    base_url = "https://console.vast.ai"
    cadence = timedelta(seconds=30)
    fastest = timedelta(seconds=30)
    limits = (Limit(requests=10, per=timedelta(minutes=1)),)
    slices_per_poll = 4
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "bid")
    stock = "flag"
    fallback = "the same search at cloud.vast.ai"
    docs_url = "https://docs.vast.ai/api-reference/search/search-offers"
    terms = "https://vast.ai/terms (read by others as restricting systematic collection; not verified)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {"H200": "H200-SXM-141", "GH200 SXM": "GH200-SUPERCHIP-96"}

    def slices(self) -> Sequence[Slice]:
        return [Slice(name=name, requests=(_request(name),)) for name in GPU_NAMES]

    def next_page(self, page: Page) -> Request | None:
        offers = listing(page.body, "offers")
        if len(offers) < CLAMP or page.request.page >= MAX_BANDS:
            return None
        last = max((optional_float(offer, "dph_total") or 0.0 for offer in offers if isinstance(offer, dict)), default=0.0)
        if not last:
            return None
        # The bound lies just below the last price, because 64 offers can end between two of one price. A full page of one price is
        # stepped over. Bounds are floats: they are a search, not money.
        bound = {"gte": math.nextafter(last, 0)}
        if page.request.json.get("dph_total") == bound:
            bound = {"gt": math.nextafter(last, math.inf)}
        return _request(page.request.json["gpu_name"]["eq"], bound, page.request.page + 1)

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        rows: dict[str, tuple[Row, str]] = {}
        for page in pages:
            wanted = page.request.json["gpu_name"]["eq"]
            for row in listing(page.body, "offers"):
                try:
                    rows.setdefault(_key(row), (row, wanted))
                except BadRow as bad:
                    yield _rejected(row, bad)
        counted = _counted(rows)
        for key, (row, wanted) in rows.items():
            offer: Offer | None = None
            for price_type, field in PRICES.items():
                if price_type == "bid" and row.get(field, "") is None:
                    continue
                try:
                    if offer is None:
                        offer = self._offer(key, row, wanted, price_type, key in counted)
                    else:
                        offer = replace(offer, offer_key=f"{key}/{price_type}", price_type=price_type, amount=amount(row, field))
                except BadRow as bad:
                    yield _rejected(row, bad)
                else:
                    yield offer

    def _offer(self, key: str, row: Row, wanted: str, price_type: PriceType, in_market_stats: bool) -> Offer:
        if row.get("is_bid") not in (False, None):
            raise BadRow("is_bid", "a bid's price in the answer to a search for on-demand offers")
        name = text(row, "gpu_name")
        if name != wanted:
            raise BadRow("gpu_name", f"{name[:80]!r} in the answer to a search for {wanted!r}")
        gpus = count(row, "num_gpus")
        ram_mb = number(row, "gpu_ram")
        total_mb = number(row, "gpu_total_ram")
        if not memory_fits(int(ram_mb) * gpus, float(total_mb)):
            raise BadRow("gpu_total_ram", f"{total_mb} MB is not {gpus} x {ram_mb} MB")
        place = row.get("geolocation")
        region = place.strip(", ") if isinstance(place, str) else ""
        return Offer(
            offer_key=f"{key}/{price_type}",
            gpu=known_gpu(self.gpus, "gpu_name", name, float(ram_mb) / 1024),
            gpu_count=gpus,
            price_type=price_type,
            amount=amount(row, PRICES[price_type]),
            currency="USD",
            unit="hour",
            basis="per_instance",
            region=region,
            country=country(region.rpartition(",")[2].strip()),
            availability="sold_out" if row.get("rentable") is False else "available",
            vcpus=optional_float(row, "cpu_cores_effective"),
            memory_gib=optional_float(row, "cpu_ram", 1024),
            disk_gib=optional_float(row, "disk_space"),
            in_market_stats=in_market_stats,
        )


def _request(gpu_name: str, band: Mapping[str, float] | None = None, page: int = 1) -> Request:
    search: dict[str, Any] = {
        "gpu_name": {"eq": gpu_name},
        "rentable": {"eq": True},
        "rented": {"eq": False},
        "type": "ondemand",
        "order": [["dph_total", "asc"]],
        "limit": CLAMP,
    }
    if band:
        search["dph_total"] = dict(band)
    return Request(name="offers", path="/api/v0/bundles/", method="POST", json=search, page=page)


def _rejected(row: Any, bad: BadRow) -> Rejected:
    if isinstance(row, dict):
        row = {field: value for field, value in row.items() if field not in PRIVATE}
    return rejected(row, bad)


def _key(row: Any) -> str:
    if not isinstance(row, dict):
        raise BadRow("offers", "a row is not an object")
    machine = number(row, "machine_id")
    gpus = count(row, "num_gpus")
    ids = row.get("gpu_ids")
    if not isinstance(ids, list) or len(ids) != gpus or not all(type(gpu_id) is int and 0 <= gpu_id < MAX_NUMBER for gpu_id in ids):
        raise BadRow("gpu_ids", f"no list of {gpus} GPU ids")
    return f"{machine}/{gpus}x/{'-'.join(map(str, sorted(ids)))}"


def _counted(rows: Mapping[str, tuple[Row, str]]) -> frozenset[str]:
    """Keys of the offers that count: of those that share a GPU the one with most GPUs, then the first."""
    taken: set[int] = set()
    counted = []
    for key in sorted(rows, key=lambda key: (-len(rows[key][0]["gpu_ids"]), key)):
        gpu_ids = rows[key][0]["gpu_ids"]
        if taken.isdisjoint(gpu_ids):
            taken.update(gpu_ids)
            counted.append(key)
    return frozenset(counted)
