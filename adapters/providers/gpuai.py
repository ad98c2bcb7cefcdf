"""GPU.ai: other clouds' machines, resold. https://api.gpu.ai/v1/openapi.json (operation `pricing`, which needs no key)

Prices are USD per hour for all GPUs of the row (recorded 2026-08: B300 only as 8, at 50.62), although no field names the currency. A row is
one supplier's machine; suppliers are not named and the row's id is not said to last, so rows of one kind and place are one offer at the
lowest price. `community` is told twice, as a flag and as `capacity_class`; the class may be empty for a while. Nothing of it counts in
market statistics: the machines are Vast.ai's, RunPod's and others'. Rows without stock are left out by the provider.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.paging import cursor
from adapters.rows import BadRow, Row, amount, cheapest, count, each, flag, known_gpu, listing, optional_float, table, text, whole
from schemas.vocabulary import PriceType

COUNTRIES = {"us": "US", "ca": "CA", "india": "IN"}
FORM = "the name leaves the form open"
MEMORY = "the name leaves the memory open"


class GpuAi(Adapter):
    source = "gpuai"
    provider = "gpuai"
    title = "GPU.ai"
    base_url = "https://api.gpu.ai"
    cadence = timedelta(minutes=2)
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "spot", "community")
    stock = "count"
    docs_url = "https://api.gpu.ai/v1/openapi.json"
    terms = "https://gpu.ai/terms (not read; the price list answers without an account)"
    confidence = "grounded"
    ignored: ClassVar[Mapping[str, str]] = {
        "a100_40gb": FORM,
        "a100_80gb": FORM,
        "v100": FORM,
        "rtx_pro_6000": FORM,
        "gh200": MEMORY,
        "rtx_3060": MEMORY,
        "rtx_3080": MEMORY,
        "rtx_4060_ti": MEMORY,
        "rtx_5060_ti": MEMORY,
        "rtx_pro_5000": MEMORY,
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="pricing", path="/v1/pricing", query={"limit": "200"}),))]

    def next_page(self, page: Page) -> Request | None:
        return cursor(page, "cursor", "next_cursor")

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            if "next_cursor" not in table(page.body):
                raise PayloadChanged("'next_cursor' is missing: nobody knows whether more rows follow", "next_cursor")
        yield from cheapest(chain.from_iterable(each(listing(page.body, "data"), "data", self._offers) for page in pages))

    def _offers(self, row: Row) -> list[Offer]:
        kind = text(row, "gpu_type")
        if kind in self.ignored:
            return []
        if row.get("currency", "USD") != "USD":
            raise BadRow("currency", "not USD")
        price_type = _price_type(row)
        gpus, place, form = count(row, "gpu_count"), text(row, "region"), text(row, "deployment_type")
        free = whole(row, "available")
        return [
            Offer(
                offer_key=f"{place}/{gpus}x/{kind}/{form}/{price_type}",
                gpu=known_gpu(self.gpus, "gpu_type", kind, None),
                gpu_count=gpus,
                price_type=price_type,
                amount=amount(row, "price_per_hour"),
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=place,
                country=COUNTRIES.get(place.split("-")[0]),
                availability="available" if free else "sold_out",
                available_count=free,
                vcpus=optional_float(row, "cpu_cores"),
                memory_gib=optional_float(row, "ram_gb"),
                disk_gib=optional_float(row, "instance_disk_gb"),
                upstream="undisclosed",
                in_market_stats=False,
            )
        ]


def _price_type(row: Row) -> PriceType:
    tier, community, kind = text(row, "tier"), flag(row, "community"), row.get("capacity_class", ...)
    if tier not in ("on_demand", "spot"):
        raise BadRow("tier", f"unknown tier {tier[:40]!r}")
    if kind not in ("", "community" if community else "secure"):
        raise BadRow("capacity_class", "contradicts the flag community")
    return "spot" if tier == "spot" else "community" if community else "on_demand"
