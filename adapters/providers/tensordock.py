"""TensorDock: virtual machines of many hosts, priced by component. https://dashboard.tensordock.com/api/docs

Prices are USD per hour for one GPU, one vCPU, one GB of memory and of disk. An offer is a standard box: one GPU, 4 vCPUs, 16 GB of memory
and 100 GB of disk, added up. `max_count` is often stale (a public client gives it a confidence of 0.3). Key and token stand in the query,
which is never logged. There is no spot.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import Row, amount_number, child, each_in, known_gpu, listing, table, text, whole

# Component -> how much of it the box has.
BOX = {"per_vcpu_hr": 4, "per_gb_ram_hr": 16, "per_gb_storage_hr": 100}
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
    credential = ("TENSORDOCK_API_KEY", "TENSORDOCK_API_TOKEN")
    auth = "query"
    auth_names = ("api_key", "api_token")
    unit = "hour"
    basis = "components"
    stock = "count"
    docs_url = "https://dashboard.tensordock.com/api/docs"
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
        for field, quantity in BOX.items():
            total += quantity * amount_number(pricing, field)
        free = whole(row, "max_count")
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
                vcpus=float(BOX["per_vcpu_hr"]),
                memory_gib=float(BOX["per_gb_ram_hr"]),
                disk_gib=float(BOX["per_gb_storage_hr"]),
                instance_type=name,
            )
        ]
