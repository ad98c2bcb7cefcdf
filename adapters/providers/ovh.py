"""OVHcloud: public-cloud GPU instances by the hour. https://api.ovh.com/console/#/order/catalog/public/cloud

The catalogue of a subsidiary: prices are whole numbers, hundred-millionths of a EUR, per hour for the whole instance, without VAT. Only
plans that end in ".consumption" are by the hour. Left out: Windows ("win-" plans carry a licence), AI products ("ai-", by the minute),
plans by the month, and plans yet to come (tag coming_soon). Neither stock nor regions are told; a plan's own ending names a kind of region.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rows import (
    BadRow,
    Row,
    child,
    children,
    count,
    each,
    known_gpu,
    listing,
    number,
    optional_child,
    optional_float,
    table,
    text,
    texts,
    whole_amount,
)

HOURLY = ".consumption"
OTHERS = ("win-", "ai-", "ai1-", "notebook", "training", "databases")


class Ovh(Adapter):
    source = "ovh"
    provider = "ovh"
    title = "OVHcloud"
    base_url = "https://api.ovh.com"
    cadence = timedelta(hours=6)
    conditional = True
    currency = "EUR-8"
    unit = "hour"
    basis = "per_instance"
    docs_url = "https://api.ovh.com/console/#/order/catalog/public/cloud"
    terms = "https://www.ovhcloud.com/en/terms-and-conditions/ (not read; the catalogue answers without an account)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = {
        # https://www.ovhcloud.com/en/public-cloud/gpu/
        "H100": "H100-PCIE-80",
        "A100": "A100-PCIE-80",
        "H200": "H200-SXM-141",
        "Tesla V100": "V100-PCIE-16",
    }

    def slices(self) -> Sequence[Slice]:
        request = Request(name="catalog", path="/1.0/order/catalog/public/cloud", query={"ovhSubsidiary": "FR"})
        return [Slice(name="", requests=(request,))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            currency = table(page.body, "locale").get("currencyCode")
            if currency != "EUR":
                raise PayloadChanged(f"prices are in {currency!r}; EUR was asked for", "currencyCode")
            yield from each(listing(page.body, "addons"), "addons", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        plan = text(row, "planCode")
        if not plan.endswith(HOURLY) or plan.startswith(OTHERS):
            return []
        technical = optional_child(optional_child(row, "blobs"), "technical")
        if not technical.get("gpu"):
            return []  # an instance without GPU: most rows
        if "coming_soon" in texts(child(row, "blobs"), "tags"):
            return []
        card = child(technical, "gpu")
        memory = child(card, "memory")
        prices = children(row, "pricings")
        if len(prices) != 1:
            raise BadRow("pricings", "not one price")
        raw = whole_amount(prices[0], "price")
        if text(prices[0], "intervalUnit") not in ("hour", "none"):
            raise BadRow("intervalUnit", f"{prices[0]['intervalUnit'][:20]!r} where an hour is documented")
        name = plan.removesuffix(HOURLY)
        cpu, ram = optional_child(technical, "cpu"), optional_child(technical, "memory")
        return [
            Offer(
                offer_key=f"{name}/on_demand",
                gpu=known_gpu(self.gpus, "model", text(card, "model"), float(number(memory, "size"))),
                gpu_count=count(card, "number"),
                price_type="on_demand",
                amount=raw,
                currency="EUR-8",
                unit="hour",
                basis="per_instance",
                region="",
                availability="unknown",
                vcpus=optional_float(cpu, "cores"),
                memory_gib=optional_float(ram, "size"),
                instance_type=name,
            )
        ]
