"""Shadeform: instances of about twenty clouds, resold. https://docs.shadeform.ai/api-reference/instances/instances-types

Prices are whole US cents per hour for the whole instance; memory is per GPU. `cloud` is the cloud that is resold: none of these offers
counts in market statistics. Each region of `availability` says whether it has stock, and how it is rented: nothing but `on_demand` was
ever seen (all types of 2026-09), and nothing else is read as that. There is no spot; clusters are another product. `interconnect` says
`pcie` also of cards that have no such form (GH200, Gaudi 2) and of Lambda's 8x A100 40 GB and 8x V100, which Lambda lists as SXM.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import (
    BadRow,
    Row,
    child,
    children,
    count,
    country,
    each,
    flag,
    known_gpu,
    listing,
    number,
    optional_float,
    text,
    whole_amount,
)

FORMS = ("sxm", "pcie", "nvl")
# cloud, gpu_type, num_gpus -> what the cloud itself says they are. https://lambda.ai/service/gpu-cloud
MISSTATED = {("lambdalabs", "A100", 8): "A100-SXM-40", ("lambdalabs", "V100", 8): "V100-SXM-16"}


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
    gpus: ClassVar[Mapping[str, str]] = {
        "H200": "H200-SXM-141",
        "B200": "B200-SXM-180",
        "GH200": "GH200-SUPERCHIP-96",
        "GAUDI2": "GAUDI2-OAM-96",
        # Of two cards of that name only this one has 24 GB; which is checked.
        "RTX6000": "QUADRORTX6000-PCIE-24",
    }
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
        named = {name: MISSTATED[cloud, name, gpus]} if (cloud, name, gpus) in MISSTATED else self.gpus
        words = name if name in named else _with_form(name, text(parts, "interconnect"))
        gpu = known_gpu(named, "gpu_type", words, float(number(parts, "vram_per_gpu_in_gb")))
        cents = whole_amount(row, "hourly_price")
        places = children(row, "availability")
        for place in places:
            if place.get("rental_type", "on_demand") != "on_demand":
                raise BadRow("rental_type", f"{str(place['rental_type'])[:40]!r} is not on_demand")
        stock = {text(place, "region"): (flag(place, "available"), place) for place in places}
        if len(stock) != len(places):
            raise BadRow("region", "a region is stated twice")
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


def _with_form(name: str, interconnect: str) -> str:
    """The name, and after it the form that the interconnect tells, unless the name tells one itself."""
    link = interconnect.lower()
    return f"{name} {link}" if link.startswith(FORMS) and not any(form in name.lower() for form in FORMS) else name
