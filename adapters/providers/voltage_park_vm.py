"""Voltage Park: virtual machines of stated sizes. https://cloud-api.voltagepark.com/api/v1/redoc

A bare list of presets, each with one price for the whole machine: text, USD per hour, for the same in all locations. `resources.gpus` is an
object of one kind of GPU with its count. Storage is billed beside it (`storage_rate_hourly`) and in no price here.
`location_ids_with_availability` is where one can be had now; a preset that is nowhere is one offer without a region. The vendor has called
the list deprecated (2026); the one that is to follow it states no price of what is sold out. There is no spot.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, child, count, each, known_gpu, listing, optional_float, texts


class VoltageParkVm(Adapter):
    source = "voltage-park-vm"
    provider = "voltage-park"
    title = "Voltage Park (virtual machines)"
    base_url = "https://cloud-api.voltagepark.com"
    cadence = timedelta(minutes=1)
    unit = "hour"
    basis = "per_instance"
    stock = "flag"
    docs_url = "https://cloud-api.voltagepark.com/api/v1/redoc"
    terms = "https://www.voltagepark.com/legal/terms-of-service (not read; the list answers without an account)"
    confidence = "documented"

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="presets", path="/api/v1/instant-deploy-presets/"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body), "presets", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        resources = child(row, "resources")
        kinds = child(resources, "gpus")
        if len(kinds) != 1:
            raise BadRow("gpus", "not one kind of GPU")
        (kind,) = kinds
        gpus = count(child(kinds, kind), "count")
        name = f"{gpus}x-{kind}"
        gpu = known_gpu(self.gpus, "gpus", kind, None)
        price = amount(row, "compute_rate_hourly")
        return [
            Offer(
                offer_key="/".join(filter(None, (place, "vm", name, "on_demand"))),
                gpu=gpu,
                gpu_count=gpus,
                price_type="on_demand",
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=place,
                availability="available" if place else "sold_out",
                vcpus=optional_float(resources, "vcpu_count"),
                memory_gib=optional_float(resources, "ram_gb"),
                disk_gib=optional_float(resources, "storage_gb"),
                instance_type=name,
            )
            for place in texts(row, "location_ids_with_availability") or [""]
        ]
