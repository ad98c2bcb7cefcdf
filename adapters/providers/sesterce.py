"""Sesterce: instances of other clouds, resold. https://docs.sesterce.com/api-reference (List offers)

Prices are USD per hour for the whole instance; `vRamGB` is the total of the instance (1128 for eight H200), and no field names the
currency. `hourlySpotPrice` is 0 where there is no spot, which `spotOfferAvailable` tells. Each region of `availability` says whether it
has stock. `cloud.name` is a disguise such as AZ_22 for the cloud that is resold: nothing counts in market statistics.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.names import with_form
from adapters.pages import AS_A_BROWSER
from adapters.rows import (
    Row,
    amount,
    cheapest,
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
)
from schemas.vocabulary import PriceType


class Sesterce(Adapter):
    source = "sesterce"
    provider = "sesterce"
    title = "Sesterce"
    base_url = "https://api.cloud.sesterce.com"
    cadence = timedelta(minutes=2)
    credential = ("SESTERCE_API_KEY",)
    auth = "header"
    auth_names = ("X-API-KEY",)
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "spot")
    stock = "flag"
    docs_url = "https://docs.sesterce.com/api-reference"
    terms = "https://www.sesterce.com/terms (not read; an account's own key is used)"
    confidence = "documented"
    headers = AS_A_BROWSER
    """Others are answered with 403 (Cloudflare 1010)."""
    ignored: ClassVar[Mapping[str, str]] = {"CPU": "no GPU", "RTXPro6000": "the name leaves the edition open"}

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="offers", path="/gpu-cloud/instances/offers"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        yield from cheapest(chain.from_iterable(each(listing(page.body), "offers", self._offers) for page in pages))

    def _offers(self, row: Row) -> list[Offer]:
        name = text(row, "gpuName")
        if name in self.ignored:
            return []
        parts, gpus, kind = child(row, "configuration"), count(row, "gpuCount"), text(row, "deploymentType")
        memory = float(number(parts, "vRamGB")) / gpus
        gpu = known_gpu(self.gpus, "gpuName", with_form(name, parts.get("interconnect"), memory), memory)
        cloud, machine = text(child(row, "cloud"), "name"), text(row, "instanceId")
        prices: dict[PriceType, str] = {"on_demand": amount(row, "hourlyPrice")}
        if flag(row, "spotOfferAvailable"):
            prices["spot"] = amount(row, "hourlySpotPrice")
        places = children(row, "availability")
        return [
            Offer(
                offer_key=f"{cloud}/{text(place, 'region')}/{machine}/{kind}/{price_type}",
                gpu=gpu,
                gpu_count=gpus,
                price_type=price_type,
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=text(place, "region"),
                country=country(place.get("countryCode")),
                availability="available" if flag(place, "available") else "sold_out",
                vcpus=optional_float(parts, "vCpu"),
                memory_gib=optional_float(parts, "ramGB"),
                disk_gib=optional_float(parts, "storageGB"),
                instance_type=machine,
                upstream=cloud,
                in_market_stats=False,
            )
            for place in places
            for price_type, price in prices.items()
        ]
