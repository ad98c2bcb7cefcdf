"""What the two sources of OVHcloud share: the catalogue of one of its subsidiaries, and how GPU instances stand in it.

Subsidiaries are companies of their own with machines, prices and a currency of their own, so that each is a source: FR (api.ovh.com, EUR)
and US (api.us.ovhcloud.com, USD; the other host refuses US). The answer's `locale` must name the one that was asked.

Prices are whole numbers, hundred-millionths of the currency, for the whole instance and without VAT. GPU instances have the brick "gpu":
AI products, which are charged by the minute, describe a GPU, too, under a brick of their own ("ai-serving"). A plan's ending says how it
is charged: ".consumption" by the hour; ".monthly.postpaid" by the month, a commitment and left out, as the source's unit is the hour. What
stands behind ".consumption" is a kind of region that it is for (".3AZ", ".LZ.EU"); any other ending is refused. intervalUnit tells less:
the US catalogue says "none" for hours and for months (2026-08, a public collector's notes). Left out as well: Windows (os.family, and
"win-" in the name; a licence is in it) and plans yet to come (tag coming_soon, with a price all the same). Memory is in GB, per GPU.
Neither stock nor spot nor regions are told.
"""

import re
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

BRICK = "gpu"
MONTHLY = ".monthly.postpaid"
_HOURLY = re.compile(r"([a-z0-9-]+)\.consumption(?:\.(3AZ|LZ(?:\.[A-Z]+)?))?")


class OvhCatalogue(Adapter):
    """GPU instances by the hour, of one subsidiary."""

    provider = "ovh"
    cadence = timedelta(hours=6)
    conditional = True
    unit = "hour"
    basis = "per_instance"
    docs_url = "https://api.ovh.com/console/#/order/catalog/public/cloud"
    terms = "https://www.ovhcloud.com/en/terms-and-conditions/ (not read; the catalogue answers without an account)"
    confidence = "documented"
    subsidiary: ClassVar[str]
    gpus: ClassVar[Mapping[str, str]] = {
        # https://www.ovhcloud.com/en/public-cloud/gpu/
        "H100": "H100-PCIE-80",
        "A100": "A100-PCIE-80",
        "H200": "H200-SXM-141",
        "Tesla V100": "V100-PCIE-16",
    }

    def slices(self) -> Sequence[Slice]:
        request = Request(name="catalog", path="/1.0/order/catalog/public/cloud", query={"ovhSubsidiary": self.subsidiary})
        return [Slice(name="", requests=(request,))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        wanted = self.subsidiary, self.currency.partition("-")[0]
        for page in pages:
            locale = table(page.body, "locale")
            for field, value in zip(("subsidiary", "currencyCode"), wanted, strict=True):
                if locale.get(field) != value:
                    raise PayloadChanged(f"{field!r} is {str(locale.get(field))[:20]!r}; {value} was asked for", field)
            yield from each(listing(page.body, "addons"), "addons", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        plan, blobs = text(row, "planCode"), optional_child(row, "blobs")
        technical = optional_child(blobs, "technical")
        if not technical.get("gpu"):
            return []  # an instance without GPU, storage, traffic: most rows
        if text(child(blobs, "commercial"), "brick") != BRICK:
            return []  # another product that describes its GPU
        if plan.endswith(MONTHLY) or plan.startswith("win-") or text(child(technical, "os"), "family") == "windows":
            return []
        if "coming_soon" in texts(blobs, "tags"):
            return []
        hourly = _HOURLY.fullmatch(plan)
        if hourly is None:
            raise BadRow("planCode", f"{plan[:60]!r} does not say how it is charged")
        prices = children(row, "pricings")
        if len(prices) != 1:
            raise BadRow("pricings", "not one price")
        raw = whole_amount(prices[0], "price")
        if text(prices[0], "intervalUnit") not in ("hour", "none"):
            raise BadRow("intervalUnit", f"{prices[0]['intervalUnit'][:20]!r} where an hour is documented")
        card = child(technical, "gpu")
        memory_gib = float(number(child(card, "memory"), "size"))
        name, kind = hourly[1], hourly[2] or ""
        return [
            Offer(
                offer_key=f"{self.subsidiary}/{name}{kind and '.'}{kind}/on_demand",
                gpu=known_gpu(self.gpus, "model", text(card, "model"), memory_gib),
                gpu_count=count(card, "number"),
                price_type="on_demand",
                amount=raw,
                currency=self.currency,
                unit="hour",
                basis="per_instance",
                region=kind,
                availability="unknown",
                vcpus=optional_float(optional_child(technical, "cpu"), "cores"),
                memory_gib=optional_float(optional_child(technical, "memory"), "size"),
                instance_type=name,
            )
        ]
