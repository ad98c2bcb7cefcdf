"""Shadeform: instances of about twenty clouds, resold. https://docs.shadeform.ai/api-reference/instances/instances-types

Prices are whole US cents per hour for the whole instance; memory is per GPU. `cloud` is the cloud that is resold: none of these offers
counts in market statistics. Each region of `availability` says whether it has stock. There is no spot.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import Row, child, children, count, country, each, flag, known_gpu, listing, number, optional_float, text, whole_amount

FORMS = ("sxm", "pcie", "nvl")


class Shadeform(Adapter):
    source = "shadeform"
    provider = "shadeform"
    title = "Shadeform"
    base_url = "https://api.shadeform.ai"
    cadence = timedelta(minutes=2)
    credential = ("SHADEFORM_API_KEY",)
    auth = "header"
    auth_names = ("X-API-KEY",)
    currency = "USc"
    unit = "hour"
    basis = "per_instance"
    stock = "flag"
    docs_url = "https://docs.shadeform.ai/api-reference/instances/instances-types"
    terms = "https://www.shadeform.ai/terms (not read; an account's own key is used)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {"H200": "H200-SXM-141", "B200": "B200-SXM-180"}
    ignored: ClassVar[Mapping[str, str]] = {"CPU": "no GPU"}

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="types", path="/v1/instances/types"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "instance_types"), "instance_types", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        parts = child(row, "configuration")
        name = text(parts, "gpu_type")
        if name in self.ignored:
            return []
        cloud, kind = text(row, "cloud"), text(row, "shade_instance_type")
        gpus = count(parts, "num_gpus")
        interconnect = text(parts, "interconnect").lower()
        words = f"{name} {interconnect}" if interconnect.startswith(FORMS) and not any(form in name.lower() for form in FORMS) else name
        gpu = known_gpu(self.gpus, "gpu_type", name if name in self.gpus else words, float(number(parts, "vram_per_gpu_in_gb")))
        cents = whole_amount(row, "hourly_price")
        places = children(row, "availability")
        stock = {text(place, "region"): (flag(place, "available"), place) for place in places}
        return [
            Offer(
                offer_key=f"{cloud}/{region}/{kind}/on_demand",
                gpu=gpu,
                gpu_count=gpus,
                price_type="on_demand",
                amount=cents,
                currency="USc",
                unit="hour",
                basis="per_instance",
                region=region,
                country=country(str(place.get("display_name", "")).split(",")[0]),
                availability="available" if available else "sold_out",
                vcpus=optional_float(parts, "vcpus"),
                memory_gib=optional_float(parts, "memory_in_gb"),
                disk_gib=optional_float(parts, "storage_in_gb"),
                instance_type=kind,
                upstream=cloud,
                in_market_stats=False,
            )
            for region, (available, place) in stock.items()
        ]
