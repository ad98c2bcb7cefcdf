"""Nebula Block: GPU machines and containers. https://docs.nebulablock.com (List Products)

The answer is keyed by region and by family of GPU. Prices are USD per hour for the whole product, although the documentation calls them
"for the GPU". `stock` is how many; 99 stands for plenty, as the documentation's own example has it everywhere. `dc_id` is a vendor's data
centre: part of the products carry Hyperstack's names and sizes, so that none counts in market statistics. A row that does not say whether
it is spot is refused, because older answers did not tell the two apart.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, cheapest, count, each, flag, known_gpu, listing, number, optional_float, table, text, whole
from schemas.vocabulary import PriceType

PLENTY = 99
COUNTRIES = {"CANADA": "CA", "NORWAY": "NO", "US": "US", "USA": "US", "FRANCE": "FR", "FINLAND": "FI", "JAPAN": "JP"}


class NebulaBlock(Adapter):
    source = "nebula-block"
    provider = "nebula-block"
    title = "Nebula Block"
    base_url = "https://api.nebulablock.com"
    cadence = timedelta(minutes=5)
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "spot")
    stock = "count"
    docs_url = "https://docs.nebulablock.com"
    terms = "https://www.nebulablock.com/terms (not read; the product list answers without an account)"
    confidence = "documented"

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="products", path="/api/v1/computing/products"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        yield from cheapest(chain.from_iterable(each(_products(page.body), "data", self._offers) for page in pages))

    def _offers(self, row: Row) -> list[Offer]:
        region, kind, name = text(row, "region"), text(row, "product_type"), text(row, "gpu")
        gpus = count(row, "gpu_count")
        if text(row, "cycle") != "hourly":
            raise BadRow("cycle", f"{row['cycle'][:40]!r} where 'hourly' is documented")
        price_type: PriceType = "spot" if flag(row, "is_spot") else "on_demand"
        stock = whole(row, "stock")
        return [
            Offer(
                offer_key=f"{region}/{number(row, 'dc_id')}/{kind}/{gpus}x/{name}/{price_type}",
                gpu=known_gpu(self.gpus, "gpu", name, None),
                gpu_count=gpus,
                price_type=price_type,
                amount=amount(row, "price_per_hour"),
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=region,
                country=COUNTRIES.get(region.split("-")[0].upper()),
                availability="available" if stock and flag(row, "is_available") else "sold_out",
                available_count=stock if stock < PLENTY else None,
                vcpus=optional_float(row, "cpu"),
                memory_gib=optional_float(row, "ram"),
                disk_gib=optional_float(row, "disk_size"),
                upstream="undisclosed",
                in_market_stats=False,
            )
        ]


def _products(body: Any) -> Iterator[Any]:
    if table(body).get("status") != "success":
        raise PayloadChanged("the answer's status is not 'success'", "status")
    for families in table(body, "data").values():
        for family in table(families):
            yield from listing(families, family)
