"""Latitude.sh: bare-metal servers with GPUs. https://www.latitude.sh/docs/api-reference (List all plans)

Prices are for the whole server, by region and currency; the BRL ones are set apart and no conversion, so that only USD is read. `hour` is
what an hour costs; `month` and `year` are other contracts (of some plans far less than 730 hours), and not read. A region where a plan is
not sold says null and 0. `stock_level` is the region's; sites with stock stand in `locations`. Virtual machines are left out: their plans
name a GPU without saying how many.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.names import with_form
from adapters.rows import (
    BadRow,
    Row,
    amount,
    child,
    count,
    each,
    known_gpu,
    listing,
    number,
    optional_child,
    optional_float,
    rejected,
    stock,
    text,
)
from schemas.vocabulary import Availability

STOCK: dict[str, Availability] = {"high": "high", "medium": "medium", "low": "low", "unique": "low", "unavailable": "sold_out"}
COUNTRIES = {
    "Argentina": "AR", "Australia": "AU", "Brazil": "BR", "Canada": "CA", "Chile": "CL", "Colombia": "CO", "Germany": "DE", "Japan": "JP",
    "Mexico": "MX", "Netherlands": "NL", "Singapore": "SG", "United Kingdom": "GB", "United States": "US",
}  # fmt: skip


# Inferred (recorded 2026-08): one card and no interconnect in a server of one socket. Who resells it (Sesterce's AZ_02: 16 cores, 192 GB,
# two disks of 3.8 TB, Dallas) calls its H100 `pcie`. Servers of four, "NVIDIA H100 80GB NVLink" to another reader, have other cards.
SINGLE = {"NVIDIA H100 80GB": "H100-PCIE-80"}


class Latitude(Adapter):
    source = "latitude"
    provider = "latitude"
    title = "Latitude.sh"
    base_url = "https://api.latitude.sh"
    cadence = timedelta(minutes=5)
    credential = ("LATITUDE_API_KEY",)
    auth = "bearer"
    unit = "hour"
    basis = "per_instance"
    stock = "levels"
    docs_url = "https://www.latitude.sh/docs/api-reference"
    terms = "https://www.latitude.sh/legal/terms-of-service (not read; an account's own key is used)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {
        # Inferred (recorded 2026-08): eight in a data centre's server.
        "NVIDIA RTX PRO 6000": "RTXPRO6000SE-PCIE-96",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="plans", path="/plans", query={"filter[gpu]": "true"}),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            for row in listing(page.body, "data"):
                yield from self._plan(row)

    def _plan(self, row: Any) -> Iterator[Offer | Rejected]:
        try:
            if not isinstance(row, dict):
                raise BadRow("data", "a row is not an object")
            plan = child(row, "attributes")
            card = child(child(plan, "specs"), "gpu")
            if not card:
                return  # a server without GPU
            name, gpus = text(plan, "slug"), count(card, "count")
            memory = float(number(card, "vram_per_gpu"))
            names = {**self.gpus, **SINGLE} if gpus == 1 and card.get("interconnect") is None else self.gpus
            gpu = known_gpu(names, "type", with_form(text(card, "type"), card.get("interconnect"), memory), memory)
            regions = plan.get("regions")
            if not isinstance(regions, list):
                raise BadRow("regions", "list is missing")
        except BadRow as bad:
            yield rejected(row, bad)
        else:
            yield from each(regions, "regions", partial(_offers, name, gpu, gpus, child(plan, "specs")))


def _offers(name: str, gpu: str, gpus: int, specs: Row, region: Row) -> list[Offer]:
    place, level = text(region, "name"), text(region, "stock_level")
    prices = child(child(region, "pricing"), "USD")
    if prices and all(price is None for price in prices.values()):
        return []  # not sold there
    cpu, memory = optional_child(specs, "cpu"), optional_child(specs, "memory")
    return [
        Offer(
            offer_key=f"{place}/{name}/on_demand",
            gpu=gpu,
            gpu_count=gpus,
            price_type="on_demand",
            amount=amount(prices, "hour"),
            currency="USD",
            unit="hour",
            basis="per_instance",
            region=place,
            country=COUNTRIES.get(place),
            availability=stock(STOCK, level),
            vcpus=optional_float(cpu, "cores"),
            memory_gib=optional_float(memory, "total"),
            instance_type=name,
        )
    ]
