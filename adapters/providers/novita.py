"""Novita AI: GPU instances, on demand and spot. https://novita.ai/docs/api-reference/gpu-instance-list-products

Prices are whole hundred-thousandths of a USD per GPU-hour (67000 is 0.67), as number or text; one with a fraction is in another unit and
is refused. On demand and spot are two answers of the same address: `price` counts in the first, `spotPrice` in the second, and only for
products whose `billingMethods` name it. `cpuPerGpu` and `memoryPerGpu` (GB of RAM) are per GPU; the GPU's own memory stands in its name
only. `availableDeploy` false is sold out, whatever `inventoryState` says. `monthlyPrice` is left out: it is not documented whether it is
the price of one month or of the whole term.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar, NamedTuple

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, each, flag, known_gpu, listing, optional_float, stock, text, texts
from schemas.vocabulary import Availability, PriceType

STOCK: dict[str, Availability] = {"none": "sold_out", "low": "low", "normal": "medium", "high": "high"}

_WHOLE = re.compile(r"\d{1,12}")
# "US-CA-06 (California)", "US-01 (Dallas)", "EU-GB-01 (United Kingdom)", "AS-IN-01 (India)": a country, or a continent before one
_REGION = re.compile(r"((?P<us>US)|(?:EU|AS)-(?P<country>[A-Z]{2}))(-[A-Z]{2})?-\d\d")


class Billing(NamedTuple):
    price_type: PriceType
    method: str
    price_field: str


BILLING = {"on-demand": Billing("on_demand", "onDemand", "price"), "spot": Billing("spot", "spot", "spotPrice")}


class Novita(Adapter):
    source = "novita"
    provider = "novita"
    title = "Novita AI"
    base_url = "https://api.novita.ai"
    cadence = timedelta(minutes=2)
    credential = ("NOVITA_API_KEY",)
    auth = "bearer"
    currency = "USD-5"
    unit = "hour"
    basis = "per_gpu"
    docs_url = "https://novita.ai/docs/api-reference/gpu-instance-list-products"
    terms = "https://novita.ai/legal/terms-of-service (not read; an account's own key is used)"
    confidence = "documented"
    price_types = ("on_demand", "spot")
    stock = "levels"
    # The landing page writes the form without a space.
    gpus: ClassVar[Mapping[str, str]] = {"H100SXM 80GB": "H100-SXM-80"}

    def slices(self) -> Sequence[Slice]:
        path = "/gpu-instance/openapi/v1/products"
        return [
            Slice(name=name, requests=(Request(name=name, path=path, query={"billingMethod": billing.method}),))
            for name, billing in BILLING.items()
        ]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "data"), "data", partial(self._offers, BILLING[page.request.name]))

    def _offers(self, billing: Billing, row: Row) -> list[Offer]:
        if billing.method not in texts(row, "billingMethods"):
            return []
        product = text(row, "id")
        gpu = known_gpu(self.gpus, "name", text(row, "name"), None)
        price = amount(row, billing.price_field)
        if not _WHOLE.fullmatch(price):
            raise BadRow(billing.price_field, f"price {price[:40]!r} is no whole number of hundred-thousandths of a USD")
        places = [place.partition(" (")[0] for place in texts(row, "regions")]
        return [
            Offer(
                offer_key="/".join(filter(None, (place, product, billing.price_type))),
                gpu=gpu,
                gpu_count=1,
                price_type=billing.price_type,
                amount=price,
                currency="USD-5",
                unit="hour",
                basis="per_gpu",
                region=place,
                country=_country(place),
                availability=_availability(row),
                vcpus=optional_float(row, "cpuPerGpu"),
                memory_gib=optional_float(row, "memoryPerGpu"),
                instance_type=product,
            )
            for place in places or [""]
        ]


def _availability(row: Row) -> Availability:
    if not flag(row, "availableDeploy"):
        return "sold_out"
    return stock(STOCK, row["inventoryState"]) if "inventoryState" in row else "available"


def _country(place: str) -> str | None:
    found = _REGION.fullmatch(place)
    return found["us"] or found["country"] if found else None
