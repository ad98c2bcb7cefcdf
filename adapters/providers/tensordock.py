"""TensorDock: virtual machines of many hosts, priced by component. https://dashboard.tensordock.com/api/docs/fetch-hostnodes

Prices are USD per hour for one GPU, one vCPU, one GB of memory and of disk. An offer is a standard box: one GPU, 4 vCPUs, 16 GB of memory
and 100 GB of disk, added up, because a GPU alone (`price_per_hr`) cannot be rented. Where the box does not fit, nothing is to be had.
`max_count` is often stale (a public client gives it a confidence of 0.3). There is no spot in this API.

The vendor's pages ask for a Bearer token with every request; a public client of 2025 sent key and token in the query, and others none at
all. Since 2026-07-13 public clients find this list empty. Machines of single hosts (/api/v2/hostnodes) were empty, too, and are left out.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from adapters.base import Adapter, Page, Request, Slice
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.rows import Row, amount_number, child, each_in, known_gpu, listing, optional_child, optional_float, table, text, whole

# Component -> how much of it the box has, and the most that there is of it
BOX = {"per_vcpu_hr": (4, "max_vcpus"), "per_gb_ram_hr": (16, "max_ram_gb"), "per_gb_storage_hr": (100, "max_storage_gb")}
COUNTRIES = {
    "United States": "US",
    "Canada": "CA",
    "Germany": "DE",
    "United Kingdom": "GB",
    "Netherlands": "NL",
    "Poland": "PL",
    "India": "IN",
}


class TensorDock(Adapter):
    source = "tensordock"
    provider = "tensordock"
    title = "TensorDock"
    base_url = "https://dashboard.tensordock.com"
    cadence = timedelta(minutes=2)
    limits = (Limit(requests=100, per=timedelta(minutes=1), burst=10),)
    credential = ("TENSORDOCK_API_TOKEN",)
    auth = "bearer"
    unit = "hour"
    basis = "components"
    stock = "count"
    docs_url = "https://dashboard.tensordock.com/api/docs/fetch-hostnodes"
    terms = "https://www.tensordock.com/legal/terms (not read; an account's own key is used)"
    confidence = "documented"

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="locations", path="/api/v2/locations"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each_in(listing(table(page.body, "data"), "locations"), "locations", "gpus", self._offers)

    def _offers(self, place: Row, row: Row) -> list[Offer]:
        name, where = text(row, "v0Name"), text(place, "id")
        words = name.replace("geforce", "").replace("rtxa", "rtx a").replace("-", " ")
        pricing = child(row, "pricing")
        total = amount_number(row, "price_per_hr")
        for field, (quantity, _) in BOX.items():
            total += quantity * amount_number(pricing, field)
        most = optional_child(row, "resources")
        fits = all(field not in most or (optional_float(most, field) or 0) >= quantity for quantity, field in BOX.values())
        free = whole(row, "max_count") * fits
        city, country = place.get("city"), place.get("country")
        return [
            Offer(
                offer_key=f"{where}/{name}/on_demand",
                gpu=known_gpu(self.gpus, "v0Name", words, None),
                gpu_count=1,
                price_type="on_demand",
                amount=f"{Decimal(total):f}",
                currency="USD",
                unit="hour",
                basis="components",
                region=f"{city}, {country}" if isinstance(city, str) and isinstance(country, str) else where,
                country=COUNTRIES.get(country) if isinstance(country, str) else None,
                availability="available" if free else "sold_out",
                available_count=free,
                vcpus=float(BOX["per_vcpu_hr"][0]),
                memory_gib=float(BOX["per_gb_ram_hr"][0]),
                disk_gib=float(BOX["per_gb_storage_hr"][0]),
                instance_type=name,
            )
        ]
