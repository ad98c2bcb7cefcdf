"""Lium: machines of many hosts on one market (Bittensor subnet 51). https://lium.io/api/openapi.json

Prices are USD per hour for one GPU; `tier` and `specs.is_spot` both tell spot, and must agree. A host whose GPUs are partly rented has
fewer `available_gpu_count`; one with none left is sold out. `pending_price_per_hour` is announced, not in force. Hosts come and go.
The id is the host's own and stays; addresses and keys of hosts are never kept. One answer has the whole market (139 hosts in 2026-09); as
many as were asked for may be a part of it, and how the next are asked for is not known. The documentation asks for a token, and the list
answers without.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, child, count, country, each, flag, known_gpu, listing, optional_child, text, whole
from schemas.vocabulary import PriceType

MOST_HOSTS = 1000
TIERS: dict[str, PriceType] = {"secure": "on_demand", "spot": "spot"}


class Lium(Adapter):
    source = "lium"
    provider = "lium"
    title = "Lium"
    base_url = "https://lium.io"
    cadence = timedelta(minutes=1)
    unit = "hour"
    basis = "per_gpu"
    price_types = ("on_demand", "spot")
    stock = "count"
    docs_url = "https://lium.io/api/openapi.json"
    terms = "https://lium.io/terms (not read; the list answers without an account)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {
        # NVIDIA's own names: HBM3 is the SXM card's memory, and an H200 that is not called NVL is the SXM one.
        "NVIDIA H200": "H200-SXM-141",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="executors", path="/api/executors", query={"size": str(MOST_HOSTS)}),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            hosts = listing(page.body)
            if len(hosts) >= MOST_HOSTS:
                raise PayloadChanged(f"{len(hosts)} hosts, as many as were asked for: there may be more", "executors")
            yield from each(hosts, "executors", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        host, name = text(row, "id"), text(row, "machine_name")
        gpus = count(row, "gpu_count")
        free = whole(row, "available_gpu_count")
        if free > gpus:
            raise BadRow("available_gpu_count", f"{free} of {gpus} GPUs")
        price_type = TIERS.get(text(row, "tier"))
        if price_type is None or flag(child(row, "specs"), "is_spot") != (price_type == "spot"):
            raise BadRow("tier", f"{row['tier'][:20]!r} is unknown, or specs.is_spot says otherwise")
        place = optional_child(row, "location")
        code, city = country(place.get("country_code")), place.get("city")
        return [
            Offer(
                offer_key=f"{host}/{price_type}",
                gpu=known_gpu(self.gpus, "machine_name", name, None),
                gpu_count=gpus,
                price_type=price_type,
                amount=amount(row, "price_per_gpu"),
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region=", ".join(filter(None, (city if isinstance(city, str) else "", code))),
                country=code,
                availability="available" if free else "sold_out",
                available_count=free,
                instance_type=name,
            )
        ]
