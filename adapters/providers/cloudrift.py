"""CloudRift: virtual machines in several data centres. https://api.cloudrift.ai/

Prices are US cents per hour for the whole variant; memory, disk and video memory are in bytes, the latter in total. Stock is told by data
centre: how many nodes of a variant are free there. A variant that no data centre lists is sold out, and then is one offer without a region.
The body's version is the date of the interface's shape. There is no spot.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, count, each_in, known_gpu, listing, number, optional_float, table, text

GIB = 1024**3
ASKED = {"version": "2025-03-21", "data": {"selector": {"ByServiceAndLocation": {"services": ["vm"]}}}}


class CloudRift(Adapter):
    source = "cloudrift"
    provider = "cloudrift"
    title = "CloudRift"
    base_url = "https://api.cloudrift.ai"
    cadence = timedelta(minutes=1)
    currency = "USc"
    unit = "hour"
    basis = "per_instance"
    stock = "count"
    docs_url = "https://api.cloudrift.ai/"
    terms = "https://www.cloudrift.ai/terms-of-service (not read; the list answers without an account)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = {"RTX PRO 6000": "RTXPRO6000SE-PCIE-96"}

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="types", path="/api/v1/instance-types/list", method="POST", json=ASKED),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each_in(listing(table(page.body, "data"), "instance_types"), "instance_types", "variants", self._offers)

    def _offers(self, kind: Row, row: Row) -> list[Offer]:
        name, gpus = text(row, "name"), count(row, "gpu_count")
        gpu = known_gpu(self.gpus, "brand_short", text(kind, "brand_short"), float(number(row, "vram")) / GIB / gpus)
        cents = amount(row, "cost_per_hour")
        nodes = row.get("nodes_per_dc")
        if not isinstance(nodes, dict):
            raise BadRow("nodes_per_dc", "object of data centres is missing")
        free = {place: int(number(nodes, place)) for place in nodes}
        return [
            Offer(
                offer_key=f"{place}/{name}/on_demand" if place else f"{name}/on_demand",
                gpu=gpu,
                gpu_count=gpus,
                price_type="on_demand",
                amount=cents,
                currency="USc",
                unit="hour",
                basis="per_instance",
                region=place,
                country=place[:2].upper() if place[2:3] == "-" else None,
                availability="available" if machines > 0 else "sold_out",
                available_count=max(machines, 0),
                vcpus=optional_float(row, "cpu_count"),
                memory_gib=optional_float(row, "dram", GIB),
                disk_gib=optional_float(row, "disk", GIB),
                instance_type=name,
            )
            for place, machines in (free or {"": 0}).items()
        ]
