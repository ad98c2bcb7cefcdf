"""Prime Intellect: boxes of other clouds, resold. https://docs.primeintellect.ai/api-reference/availability/get-gpu-availability

Prices are USD per hour for the whole box with its default disk inside (recorded 2025-11: 1.64 + 120 x 0.00014), although
`defaultIncludedInPrice` says false. Where a `communityPrice` is stated, it is what one pays, also beside `onDemand` (their own client,
2026). A box with a `prepaidTime` is paid ahead for that long: reserved. `gpuMemory` is the total. `provider` is the cloud that is resold:
its own offers are elsewhere, so that none of these counts in market statistics. Several rows may state one box, apart in cores and memory
only: the cheapest counts. An empty answer comes now and then, and the bridge keeps the last good one; so does an empty page among others,
for which the poll failed. Clusters (multi-node) are another product.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import Transient
from adapters.models import Offer, Rejected
from adapters.paging import counted
from adapters.rows import (
    BadRow,
    Row,
    amount,
    cheapest,
    child,
    count,
    country,
    each,
    known_gpu,
    listing,
    number,
    optional_child,
    optional_float,
    stock,
    text,
    whole,
)
from schemas.vocabulary import Availability, PriceType

PAGE_SIZE = 100
STOCK: dict[str, Availability] = {"High": "high", "Medium": "medium", "Low": "low", "Available": "available", "Unavailable": "sold_out"}
SECURITY = ("secure_cloud", "community_cloud")


class PrimeIntellect(Adapter):
    source = "prime-intellect"
    provider = "prime-intellect"
    title = "Prime Intellect"
    base_url = "https://api.primeintellect.ai"
    cadence = timedelta(minutes=2)
    credential = ("PRIME_INTELLECT_API_KEY",)
    auth = "bearer"
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "spot", "community", "reserved")
    stock = "levels"
    docs_url = "https://docs.primeintellect.ai/api-reference/availability/get-gpu-availability"
    terms = "https://www.primeintellect.ai/terms (not read; an account's own key is used)"
    confidence = "grounded"
    ignored: ClassVar[Mapping[str, str]] = {"CPU_NODE": "no GPU"}

    def slices(self) -> Sequence[Slice]:
        query = {"page": "1", "page_size": str(PAGE_SIZE)}
        return [Slice(name="", requests=(Request(name="gpus", path="/api/v1/availability/gpus", query=query),))]

    def next_page(self, page: Page) -> Request | None:
        return counted(page, PAGE_SIZE, "totalCount")

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        rows = []
        for page in pages:
            items = listing(page.body, "items")
            if not items and len(pages) > 1 and page.body["totalCount"] > (page.request.page - 1) * PAGE_SIZE:
                raise Transient(f"page {page.request.page} of {page.request.name} is empty, of {page.body['totalCount']} rows")
            rows += items
        yield from cheapest(each(rows, "items", self._offers))

    def _offers(self, row: Row) -> list[Offer]:
        kind = text(row, "gpuType")
        if kind in self.ignored:
            return []
        gpus = count(row, "gpuCount")
        gpu = known_gpu(self.gpus, "gpuType", f"{kind} {text(row, 'socket')}", float(number(row, "gpuMemory")) / gpus)
        security = text(row, "security")
        if security not in SECURITY:
            raise BadRow("security", f"unknown kind of cloud {security[:40]!r}")
        prices = child(row, "prices")
        field = "onDemand" if _null(prices, "communityPrice") else "communityPrice"
        community = security == "community_cloud" or field == "communityPrice"
        price_type = _price_type(row, community)
        upstream, box = text(row, "provider"), text(row, "cloudId")
        place = row.get("dataCenter") if isinstance(row.get("dataCenter"), str) else text(row, "region")
        return [
            Offer(
                offer_key=f"{upstream}/{place}/{box}/{gpus}x/{'community/' if community and price_type != 'community' else ''}{price_type}",
                gpu=gpu,
                gpu_count=gpus,
                price_type=price_type,
                amount=amount(prices, field),
                currency=text(prices, "currency"),
                unit="hour",
                basis="per_instance",
                region=str(place),
                country=country(row.get("country")),
                availability=stock(STOCK, row.get("stockStatus")),
                vcpus=optional_float(optional_child(row, "vcpu"), "defaultCount"),
                memory_gib=optional_float(optional_child(row, "memory"), "defaultCount"),
                disk_gib=optional_float(optional_child(row, "disk"), "defaultCount"),
                instance_type=box,
                upstream=upstream,
                in_market_stats=False,
            )
        ]


def _price_type(row: Row, community: bool) -> PriceType:
    if row.get("isSpot", ...) not in (True, False, None):
        raise BadRow("isSpot", "no boolean: a spot price would pass for an on-demand one")
    if not _null(row, "prepaidTime") and whole(row, "prepaidTime"):
        return "reserved"
    return "spot" if row["isSpot"] else "community" if community else "on_demand"


def _null(row: Row, field: str) -> bool:
    """Whether `field` is null, which is not the same as missing: without it nobody knows what the price is for."""
    if field not in row:
        raise BadRow(field, "is missing")
    return row[field] is None
