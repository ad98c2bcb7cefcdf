"""Spheron: machines of several clouds, resold. https://docs.spheron.ai

The answer groups offers by GPU. Prices are USD per hour for all GPUs of the offer; memory is per GPU. A spot machine is told by
`instanceType`, by having a `spot_price`, or by an `offerId` that ends in "::spot" (each by other public readers); `spot_price` alone is its
price: they differ over what `price` is beside it, so that no on-demand offer is made of it. `clusters` are the places; an offer under
maintenance cannot be rented. Offers of one kind, cloud and place are one offer at the lowest price. `provider` is the cloud that is resold:
nothing of it counts in market statistics.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.names import with_form
from adapters.paging import numbered
from adapters.rows import (
    Row,
    amount,
    cheapest,
    count,
    each_in,
    flag,
    known_gpu,
    listing,
    number,
    optional_float,
    text,
    texts,
)
from schemas.vocabulary import PriceType

OWN = ("spheron-ai", "spheron-es")


class Spheron(Adapter):
    source = "spheron"
    provider = "spheron"
    title = "Spheron"
    base_url = "https://app.spheron.ai"
    cadence = timedelta(minutes=2)
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "spot")
    stock = "flag"
    docs_url = "https://docs.spheron.ai"
    terms = "https://www.spheron.network/terms (not read; the offers answer without an account)"
    confidence = "documented"

    def slices(self) -> Sequence[Slice]:
        query = {"page": "1", "limit": "50"}
        return [Slice(name="", requests=(Request(name="offers", path="/api/gpu-offers", query=query),))]

    def next_page(self, page: Page) -> Request | None:
        return numbered(page, "totalPages")

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        groups = chain.from_iterable(listing(page.body, "data") for page in pages)
        yield from cheapest(each_in(groups, "data", "offers", self._offers))

    def _offers(self, group: Row, row: Row) -> list[Offer]:
        name = text(group, "displayName")
        gpus, cloud, kind = count(row, "gpuCount"), text(row, "provider"), text(row, "instanceType").upper()
        memory = float(number(row, "gpu_memory"))
        formed = with_form(name, row.get("interconnectType"), memory)
        gpu = known_gpu(self.gpus, "displayName", formed, memory)
        price_type, price = _price(row, kind)
        rentable = flag(row, "available") and not flag(row, "maintenance")
        return [
            Offer(
                offer_key=f"{cloud}/{place}/{kind.lower()}/{gpus}x/{formed}/{price_type}",
                gpu=gpu,
                gpu_count=gpus,
                price_type=price_type,
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=place,
                availability="available" if rentable else "sold_out",
                vcpus=optional_float(row, "vcpus"),
                memory_gib=optional_float(row, "memory"),
                disk_gib=optional_float(row, "storage"),
                upstream="spheron" if cloud in OWN else cloud,
                in_market_stats=False,
            )
            for place in texts(row, "clusters") or [text(row, "region")]
        ]


def _price(row: Row, kind: str) -> tuple[PriceType, str]:
    price = amount(row, "price")
    if kind == "SPOT" or row.get("spot_price") is not None or str(row.get("offerId")).endswith("::spot"):
        return "spot", amount(row, "spot_price")
    return "on_demand", price
